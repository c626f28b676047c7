using System.Text.Json.Nodes;
using Ledger.Client;
using Ledger.Testing;

namespace Ledger.Cli.Tests;

/// <summary>What one command line gave.</summary>
internal sealed record Result(int ExitCode, string Out, string Error)
{
    public JsonNode Json => JsonNode.Parse(Out)!;
}

/// <summary>Runs command lines in this process, against a fake ledger or against nothing.</summary>
internal static class Run
{
    public static Task<Result> CliAsync(this FakeServer server, params string[] args) =>
        CliAsync(new StringWriter(), new StringWriter(), server, args);

    /// <summary>Without a ledger: connecting is a mistake.</summary>
    public static Task<Result> AloneAsync(params string[] args) =>
        CliAsync(new StringWriter(), new StringWriter(), server: null, args);

    /// <summary>In a terminal of this width.</summary>
    public static Task<Result> CliInTerminalAsync(this FakeServer server, int width, params string[] args) =>
        CliAsync(new StringWriter(), new StringWriter(), server, args, "", width);

    /// <summary>With something on the standard input.</summary>
    public static Task<Result> CliWithInputAsync(this FakeServer server, string input, params string[] args) =>
        CliAsync(new StringWriter(), new StringWriter(), server, args, input);

    /// <summary>Until it ends or is interrupted.</summary>
    public static Task<Result> CliUntilAsync(
        this FakeServer server, CancellationToken interrupt, params string[] args) =>
        CliAsync(new StringWriter(), new StringWriter(), server, args, "", width: null, interrupt);

    public static Task<Result> CliAsync(
        StringWriter output, StringWriter error, FakeServer? server, params string[] args) =>
        CliAsync(output, error, server, args, "");

    private static async Task<Result> CliAsync(
        StringWriter output, StringWriter error, FakeServer? server, string[] args, string input, int? width = null,
        CancellationToken interrupt = default)
    {
        var context = new CliContext
        {
            Out = output,
            Error = error,
            OutIsTerminal = width is not null,
            Width = width,
            ErrorWidth = width,
            OpenInput = () => new MemoryStream(System.Text.Encoding.UTF8.GetBytes(input)),
            EnvironmentVariable = _ => null,
            Connect = options => server is null
                ? throw new InvalidOperationException("A command that should have been refused connects.")
                : new LedgerClient(server.Configure(options with
                {
                    InitialBackoff = TimeSpan.FromMilliseconds(5),
                    MaxBackoff = TimeSpan.FromMilliseconds(20),
                })),
        };
        var code = await LedgerCli.RunAsync(args, context, interrupt);
        return new Result(code, output.ToString(), error.ToString());
    }

    public static async Task OpenAsync(FakeServer server, params string[] addresses)
    {
        foreach (var address in addresses)
        {
            (await server.CliAsync("accounts", "open", address, "--asset", "USD/2", "--code", "1")).ExitCode
                .ShouldBe(0);
        }
    }
}
