using System.Collections.Concurrent;
using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Ledger.Benchmarks;

/// <summary>A node as it is shipped, in a process of its own.</summary>
internal sealed partial class NodeUnderTest : IAsyncDisposable
{
    private const string Announcement = "gRPC listening on ";
    private const int Terminate = 15;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly Process process;
    private readonly ConcurrentQueue<string> log = new();
    private readonly TaskCompletionSource<Uri> address = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private NodeUnderTest(string program, IEnumerable<string> arguments)
    {
        var start = new ProcessStartInfo("dotnet")
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        };
        start.ArgumentList.Add(program);
        foreach (var argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        CommandLine = "dotnet " + string.Join(' ', start.ArgumentList);
        process = new Process { StartInfo = start, EnableRaisingEvents = true };
        process.OutputDataReceived += (_, e) => Heard(e.Data);
        process.ErrorDataReceived += (_, e) => Heard(e.Data);
        process.Exited += (_, _) => address.TrySetException(new InvalidOperationException(
            "The node ended:" + Environment.NewLine + string.Join(Environment.NewLine, log)));
    }

    public string CommandLine { get; }

    public int Id => process.Id;

    public Uri Address => address.Task.Result;

    public TimeSpan Processor() => ProcessTimes.Of(process.Id);

    public static async Task<NodeUnderTest> StartAsync(
        Settings settings, Database database, IReadOnlyCollection<string> arguments,
        CancellationToken cancellationToken, string? program = null)
    {
        var hasAddresses = arguments.Any(
            static argument => argument.StartsWith("--Ledger:Grpc:Url", StringComparison.Ordinal));
        var node = new NodeUnderTest(
            program ?? settings.Node,
            [
                .. database.NodeArguments,
                .. hasAddresses
                ? []
                : (string[])["--Ledger:Grpc:Url=http://127.0.0.1:0", "--Ledger:Http:Url=http://127.0.0.1:0"],
                "--Ledger:Shutdown:DrainDelay", "00:00:00",
                .. arguments,
                .. settings.NodeArguments,
            ]);
        node.process.Start();
        node.process.BeginOutputReadLine();
        node.process.BeginErrorReadLine();
        try
        {
            await node.address.Task.WaitAsync(Patience, cancellationToken);
            return node;
        }
        catch
        {
            await node.DisposeAsync();
            throw;
        }
    }

    /// <summary>Warnings and errors that the node has logged.</summary>
    public IEnumerable<string> Complaints() =>
        log.Where(
            line => line.Contains("warn:", StringComparison.Ordinal) || line.Contains("fail:", StringComparison.Ordinal)
            || line.Contains("crit:", StringComparison.Ordinal));

    /// <summary>Stops it as an operator does.</summary>
    public async ValueTask DisposeAsync()
    {
        if (!process.HasExited)
        {
            _ = Kill(process.Id, Terminate);
            using var patience = new CancellationTokenSource(Patience);
            try
            {
                await process.WaitForExitAsync(patience.Token);
            }
            catch (OperationCanceledException)
            {
                process.Kill();
            }
        }

        process.Dispose();
    }

    private void Heard(string? line)
    {
        if (line is null)
        {
            return;
        }

        log.Enqueue(line);
        if (line.StartsWith(Announcement, StringComparison.Ordinal))
        {
            address.TrySetResult(new Uri(line[Announcement.Length..]));
        }
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int process, int signal);
}
