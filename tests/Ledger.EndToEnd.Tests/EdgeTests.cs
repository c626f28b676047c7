using System.Diagnostics;
using System.Text;
using CliWrap;
using Ledger.EndToEnd.Tests.Support;
using Ledger.Tests.Shared;

namespace Ledger.EndToEnd.Tests;

/// <summary>The command line as a program, beside a real node: ports that are mixed up, and the machine's
/// language.</summary>
public sealed class EdgeTests
{
    private const string Id = "0190a5d2-7c1e-7b3a-9f00-2b1c3d4e5f60";

    [Fact]
    public async Task The_neighbour_port_is_named_at_once()
    {
        using var store = new Store(Database.Sqlite);
        await using var node = await NodeProcess.StartAsync(store);
        string[] post = [
            "transfers", "post", "--debit", "a", "--credit", "b", "--amount", "1", "--code", "1", "--id", Id];
        foreach (var (server, text) in ((Uri, string)[])
        [
            (node.Json, "gRPC is at another port, 5001"),
            (new UriBuilder(node.Grpc) { Scheme = "https" }.Uri, "begins with http, not https"),
            (new UriBuilder(node.Json) { Scheme = "https" }.Uri, "begins with http, not https"),
        ])
        {
            var started = Stopwatch.GetTimestamp();
            var ended = await Programs.RunAsync(Programs.Cli, store.Root, [.. post, "--server", server.ToString()]);
            ended.ExitCode.ShouldBe(5, ended.All);
            ended.Error.ShouldContain(text);
            ended.Error.ShouldContain("Nothing was sent.");
            Stopwatch.GetElapsedTime(started)
                .ShouldBeLessThan(TimeSpan.FromSeconds(8), "of which the program's start is the most");
        }

        await node.StopAsync();
    }

    [Theory]
    [InlineData("transactions", "post")]
    [InlineData("import", "--namespace", "n")]
    public async Task A_standard_input_that_a_shell_has_closed_is_named(params string[] command)
    {
        if (!OperatingSystem.IsLinux())
        {
            return;
        }

        var ended = await Programs.RunAsync(
            "sh", Path.GetTempPath(),
            ["-c", "exec \"$@\" <&-", "sh", Programs.Cli, .. command, "-", "--server", "http://127.0.0.1:1"]);
        ended.ExitCode.ShouldNotBe(0);
        ended.Error.ShouldContain("Standard input is closed.");
    }

    [Fact]
    public async Task Connections_that_nobody_speaks_on_do_not_end_a_node()
    {
        using var store = new Store(Database.Sqlite);
        await using var node = await NodeProcess.StartWithFilesAsync(store, 1024);
        var idle = new List<System.Net.Sockets.TcpClient>();
        try
        {
            using var http = new HttpClient();
            for (var i = 0; i < 1500; i++)
            {
                var client = new System.Net.Sockets.TcpClient();
                idle.Add(client);
                try
                {
                    await client.ConnectAsync(node.Grpc.Host, node.Grpc.Port);
                }
                catch (System.Net.Sockets.SocketException reset)
                    when (reset.SocketErrorCode == System.Net.Sockets.SocketError.ConnectionReset)
                {
                    // Beyond what it takes, the node resets a connection, which may be before this side knows of it.
                }

                if (i % 500 == 499)
                {
                    (await http.GetAsync(new Uri(node.Json, "/health/ready"))).EnsureSuccessStatusCode();
                }
            }
        }
        finally
        {
            idle.ForEach(static client => client.Dispose());
        }

        await Until.TrueAsync(async () =>
        {
            using var client = node.Connect();
            try
            {
                return (
                    await client.OpenAccountsAsync(
                        [new Ledger.Client.AccountSpec { Address = "a", Asset = "USD/2", Code = 1 }]))
                    .Count == 1;
            }
            catch (Ledger.Client.LedgerClientException)
            {
                // Until the node has seen that the others are gone.
                return false;
            }
        });
        await node.StopAsync();
    }

    [Fact]
    public async Task No_language_of_the_machine_changes_what_is_printed()
    {
        using var store = new Store(Database.Sqlite);
        await using var node = await NodeProcess.StartAsync(store);
        string[][] lines =
        [
            ["accounts", "get", "lang:b"], ["accounts", "statement", "lang:b"],
            ["accounts", "statement", "lang:b", "--output", "csv"],
            ["accounts", "statement", "lang:b", "--output", "json", "--end-time", "2100-01-31T12:00:00.5Z"],
            ["balances"], ["accounts", "get"], ["accounts", "statement", "lang:b", "--limit", "x"],
            ["transfers", "post", "--help"],
        ];
        var configuration = Path.Combine(store.Root, "with-languages.runtimeconfig.json");
        await RunAsync("C", ["accounts", "open", "lang:i", "--asset", "USD/2", "--code", "1"]);
        await RunAsync("C", ["accounts", "open", "lang:b", "--asset", "USD/2", "--code", "1"]);
        (await RunAsync("C",
        [
            "transfers", "post", "--debit", "lang:i", "--credit", "lang:b", "--amount", "1234567", "--code", "1",
            "--id", Id,
        ])).ExitCode.ShouldBe(0);

        // Where the program has the languages' data, which it is published without.
        var own = await File.ReadAllTextAsync(Path.ChangeExtension(Programs.Cli + ".x", ".runtimeconfig.json"));
        own.ShouldContain("\"System.Globalization.Invariant\": true");
        await File.WriteAllTextAsync(configuration, own
            .Replace(
                "\"System.Globalization.Invariant\": true", "\"System.Globalization.Invariant\": false",
                StringComparison.Ordinal)
            .Replace(
                "\"System.Globalization.PredefinedCulturesOnly\": true",
                "\"System.Globalization.PredefinedCulturesOnly\": false",
                StringComparison.Ordinal));
        foreach (var line in lines)
        {
            var expected = await RunAsync("C", line);
            foreach (var language in (string[])[
                "tr_TR.UTF-8", "de_DE.UTF-8", "ar_SA.UTF-8", "fa_IR.UTF-8", "th_TH.UTF-8", "sv_SE.UTF-8"])
            {
                (await RunAsync(language, line)).ShouldBe(expected, $"{string.Join(' ', line)} in {language}");
            }
        }

        await node.StopAsync();

        async Task<Ended> RunAsync(string language, string[] line)
        {
            var (output, error) = (new StringBuilder(), new StringBuilder());
            string[] program = File
                .Exists(configuration) ? ["exec", "--runtimeconfig", configuration, Programs.Cli + ".dll"]
                : ["exec", Programs.Cli + ".dll"];
            var result = await CliWrap.Cli.Wrap("dotnet")
                .WithArguments([.. program, .. line, "--server", node.Grpc.ToString()])
                .WithEnvironmentVariables(set => set.Set("LC_ALL", language).Set("LANG", language))
                .WithValidation(CommandResultValidation.None)
                .WithStandardOutputPipe(PipeTarget.ToStringBuilder(output))
                .WithStandardErrorPipe(PipeTarget.ToStringBuilder(error))
                .ExecuteAsync();
            return new Ended(result.ExitCode, output.ToString(), error.ToString());
        }
    }
}
