using System.Net;
using System.Net.Http.Json;
using System.Text.Json;

namespace Ledger.Node.Tests;

/// <summary>The node as its operator meets it: a process, its ports, its output, its exit code.</summary>
public sealed class NodeTests : IDisposable
{
    private readonly string directory = Directory.CreateTempSubdirectory("ledger-node-").FullName;
    private readonly HttpClient http = new();

    [Fact]
    public async Task Asked_for_its_version_a_node_prints_it_and_starts_nothing()
    {
        using var asked = new NodeProcess(directory, "--version");

        (await asked.ExitAsync()).ShouldBe(0);
        asked.Output.ShouldMatch(@"^\d+\.\d+\.\d+");
        asked.Output.ShouldNotContain("Settings in effect");
        Directory.GetFileSystemEntries(directory).ShouldBeEmpty();
    }

    [Fact]
    public async Task Asked_for_its_settings_a_node_prints_all_of_them_and_starts_nothing()
    {
        using var asked = new NodeProcess(directory, "settings", "--Ledger:PassivateAfter=00:02:00");

        (await asked.ExitAsync()).ShouldBe(0, asked.Output);
        asked.Output.ShouldContain("Ledger:PassivateAfter = 00:02:00");
        asked.Output.ShouldContain("Ledger:SnapshotEvery = ");
        Directory.GetFileSystemEntries(directory).ShouldBeEmpty();

        using var wrong = new NodeProcess(directory, "settings", "--Ledger:PassivateAfter=1 fortnight");
        (await wrong.ExitAsync()).ShouldBe(1);
        wrong.Output.ShouldContain("Ledger:PassivateAfter");
    }

    [Fact]
    public async Task A_start_prints_the_settings_that_were_given_and_the_log_says_when_the_node_stops()
    {
        using var node = new NodeProcess(directory, "--Ledger:PassivateAfter=00:02:00");
        await node.ListeningAsync();
        node.Terminate();

        (await node.ExitAsync()).ShouldBe(0, node.Output);
        node.Output.ShouldContain("Ledger:PassivateAfter = 00:02:00");
        node.Output.ShouldContain("Ledger:Storage = ");
        node.Output.ShouldNotContain("Ledger:SnapshotEvery");
        node.Output.ShouldContain("Stopping: ");
        node.Output.TrimEnd().ShouldEndWith("Stopped");
    }

    [Fact]
    public async Task A_node_serves_stops_when_told_and_remembers()
    {
        using (var first = new NodeProcess(directory))
        {
            var url = await first.ListeningAsync();
            (await http.GetAsync(new Uri(url, "/health/live"))).StatusCode.ShouldBe(HttpStatusCode.OK);
            (await http.GetAsync(new Uri(url, "/health/ready"))).StatusCode.ShouldBe(HttpStatusCode.OK);
            (await http.GetStringAsync(new Uri(url, "/health"))).ShouldContain("\"ledger\"");
            await PostAsync(url, "/v1/accounts", new
            {
                accounts = new[]
                {
                    new { address = "users:42:wallet", asset = "USD/2", code = 1 },
                    new { address = "bank", asset = "USD/2", code = 2 },
                },
            });
            var result = await PostAsync(url, "/v1/transfers", new
            {
                id = "0190a5c8-9d3e-7c42-8f1a-2b3c4d5e6f70",
                debitAccount = "bank",
                creditAccount = "users:42:wallet",
                amount = "1000",
                code = 1,
            });
            result.GetProperty("result").GetProperty("status").GetString().ShouldBe("TRANSFER_STATUS_CREATED");
            first.Terminate();
            (await first.ExitAsync()).ShouldBe(0, first.Output);
        }

        using var second = new NodeProcess(directory);
        var account = await http.GetFromJsonAsync<JsonElement>(
            new Uri(await second.ListeningAsync(), "/v1/accounts/users:42:wallet"));
        account.GetProperty("account").GetProperty("balance").GetString().ShouldBe("-1000");
    }

    [Fact]
    public async Task A_port_or_a_file_in_use_is_said_in_a_line()
    {
        using var first = new NodeProcess(directory);
        var url = await first.ListeningAsync();
        using var file = new NodeProcess(directory);
        (await file.ExitAsync()).ShouldBe(1);
        LastLine(file).ShouldStartWith("ledger: ");
        LastLine(file).ShouldContain("ledger.db");

        using var port = new NodeProcess(directory, "--Ledger:Sqlite:Path=other.db", $"--Ledger:Http:Url={url}");
        (await port.ExitAsync()).ShouldBe(1);
        LastLine(port).ShouldContain("address already in use");
        port.Output.ShouldNotContain("   at ");
    }

    public void Dispose()
    {
        http.Dispose();
        Directory.Delete(directory, recursive: true);
    }

    private static string LastLine(NodeProcess node) =>
        node.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)[^1];

    private async Task<JsonElement> PostAsync(Uri url, string path, object body)
    {
        var response = await http.PostAsJsonAsync(new Uri(url, path), body);
        response.StatusCode.ShouldBe(HttpStatusCode.OK, await response.Content.ReadAsStringAsync());
        return await response.Content.ReadFromJsonAsync<JsonElement>();
    }
}
