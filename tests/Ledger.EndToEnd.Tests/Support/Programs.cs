using System.Text;
using CliWrap;

namespace Ledger.EndToEnd.Tests.Support;

/// <summary>How a program ended.</summary>
internal sealed record Ended(int ExitCode, string Out, string Error)
{
    public string All => $"exit code {ExitCode}\n--- out\n{Out}\n--- error\n{Error}";
}

/// <summary>The programs under test, as the build has left them.</summary>
internal static class Programs
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);

    public static string Node { get; } = Find("Ledger.Node", "Ledger.Node");

    public static string Cli { get; } = Find("Ledger.Cli", "ledger");

    public static string QuickStart { get; } = Find("QuickStart", "QuickStart");

    public static string GrpcClient { get; } = Find("GrpcClient", "GrpcClient");

    /// <summary>Runs a program to its end; one that does not end in time is killed.</summary>
    public static Task<Ended> RunAsync(string program, string directory, params string[] arguments) =>
        RunAsync(program, directory, CancellationToken.None, arguments);

    /// <summary>Runs a program to its end, or kills it when the token is cancelled.</summary>
    public static async Task<Ended> RunAsync(
        string program, string directory, CancellationToken kill, params string[] arguments)
    {
        var (output, error) = (new StringBuilder(), new StringBuilder());
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(kill);
        patience.CancelAfter(Patience);
        try
        {
            var result = await CliWrap.Cli.Wrap(program)
                .WithArguments(arguments)
                .WithWorkingDirectory(directory)
                .WithValidation(CommandResultValidation.None)
                .WithStandardOutputPipe(PipeTarget.ToStringBuilder(output))
                .WithStandardErrorPipe(PipeTarget.ToStringBuilder(error))
                .ExecuteAsync(patience.Token);
            return new Ended(result.ExitCode, output.ToString(), error.ToString());
        }
        catch (OperationCanceledException waited) when (!kill.IsCancellationRequested)
        {
            throw new TimeoutException(
                $"{program} {string.Join(' ', arguments)} did not end.\n{output}\n{error}", waited);
        }
    }

    /// <summary>A program on the path, or null.</summary>
    public static string? OnPath(string name) => (Environment.GetEnvironmentVariable("PATH") ?? "")
        .Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
        .Select(directory => Path.Combine(directory, name)).FirstOrDefault(File.Exists);

    // These tests lie in <artifacts>/bin/<project>/<configuration>/, and so do the programs.
    private static string Find(string project, string name)
    {
        var own = new DirectoryInfo(Path.TrimEndingDirectorySeparator(AppContext.BaseDirectory));
        var path = Path.Combine(own.Parent!.Parent!.FullName, project, own.Name, name);
        path += OperatingSystem.IsWindows() ? ".exe" : "";
        return File.Exists(path)
            ? path
            : throw new FileNotFoundException(
                $"{path} is not there. Build Ledger.EndToEnd.Tests, which builds it too.");
    }
}
