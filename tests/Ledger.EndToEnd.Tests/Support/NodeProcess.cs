using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;
using Ledger.Client;
using Ledger.Tests.Shared;

namespace Ledger.EndToEnd.Tests.Support;

/// <summary>A node as an operator runs it: a process of its own, stopped by SIGTERM and killed by SIGKILL.</summary>
internal sealed class NodeProcess : IAsyncDisposable
{
    /// <summary>As when the terminal closes from which it was started.</summary>
    public const int SignalHangUp = 1;

    /// <summary>As an operator or a service manager stops it.</summary>
    public const int SignalTerminate = 15;

    private const string GrpcLine = "gRPC listening on ";
    private const string JsonLine = "JSON listening on ";

    // The node's own patience with calls and actors, and what a busy machine adds to it.
    private static readonly TimeSpan StopPatience = TimeSpan.FromSeconds(45);

    private readonly Process process;
    private readonly Lock gate = new();
    private readonly StringBuilder output = new();
    private readonly TaskCompletionSource listening = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private int disposed;

    private NodeProcess(Store store, IEnumerable<string> settings, int? filesMax = null)
    {
        // Whoever runs the tests under nohup ignores SIGHUP, and so would each node.
        var start = new ProcessStartInfo(filesMax is null ? "env" : "/bin/sh")
        {
            WorkingDirectory = store.Root,
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        if (filesMax is { } files)
        {
            foreach (var argument in (string[])["-c", $"ulimit -n {files}; exec \"$0\" \"$@\"", Programs.Node])
            {
                start.ArgumentList.Add(argument);
            }
        }
        else
        {
            start.ArgumentList.Add("--default-signal=HUP");
            start.ArgumentList.Add(Programs.Node);
        }

        foreach (var argument in store.Settings.Concat(settings))
        {
            start.ArgumentList.Add(argument);
        }

        process = new Process { StartInfo = start };
        process.OutputDataReceived += (_, line) => Read(line.Data);
        process.ErrorDataReceived += (_, line) => Read(line.Data);
        AppDomain.CurrentDomain.ProcessExit += KillLeftOver;
        process.Start();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    /// <summary>Where gRPC is served.</summary>
    public Uri Grpc { get; private set; } = null!;

    /// <summary>Where JSON is served.</summary>
    public Uri Json { get; private set; } = null!;

    /// <summary>All that the node has printed.</summary>
    public string Output
    {
        get
        {
            lock (gate)
            {
                return output.ToString();
            }
        }
    }

    /// <summary>Starts a node on free ports and waits until it listens.</summary>
    public static Task<NodeProcess> StartAsync(Store store, params string[] settings) =>
        StartAtAsync("http://127.0.0.1:0", store, settings);

    /// <summary>Starts a node whose gRPC is served at a given address, and waits until it listens.</summary>
    public static async Task<NodeProcess> StartAtAsync(string grpcUrl, Store store, params string[] settings)
    {
        var node = Begin(store, grpcUrl, settings);
        try
        {
            await node.ListeningAsync();
            return node;
        }
        catch
        {
            await node.DisposeAsync();
            throw;
        }
    }

    /// <summary>Starts a node and does not wait.</summary>
    public static NodeProcess Begin(Store store, string grpcUrl, params string[] settings) =>
        new(store, [
            "--Ledger:Grpc:Url", grpcUrl,
            "--Ledger:Http:Url", "http://127.0.0.1:0",
            "--Ledger:Shutdown:DrainDelay", "00:00:00",
            .. settings,
        ]);

    /// <summary>Starts a node that may have so many files open, and waits until it listens.</summary>
    public static async Task<NodeProcess> StartWithFilesAsync(Store store, int filesMax)
    {
        var node = new NodeProcess(
            store,
            [
                "--Ledger:Grpc:Url", "http://127.0.0.1:0", "--Ledger:Http:Url", "http://127.0.0.1:0",
                "--Ledger:Shutdown:DrainDelay", "00:00:00",
            ],
            filesMax);
        await node.ListeningAsync();
        return node;
    }

    /// <summary>Waits until the node listens.</summary>
    public async Task ListeningAsync()
    {
        var ended = process.WaitForExitAsync();
        if (await Task.WhenAny(listening.Task, ended, Task.Delay(Until.Patience)) != listening.Task)
        {
            throw new InvalidOperationException(
                (ended.IsCompleted ? $"The node ended with {process.ExitCode}" : "The node does not listen")
                + $":\n{Output}");
        }
    }

    /// <summary>An address that a node can be restarted on.</summary>
    public static string LastingAddress() => $"http://127.0.0.1:{LoopbackPort.Next()}";

    /// <summary>A client of the node that tries everything once and hides nothing.</summary>
    public LedgerClient Connect() => Connect(Grpc);

    /// <summary>A client that tries everything once and hides nothing.</summary>
    public static LedgerClient Connect(Uri address) => new(new LedgerClientOptions
    {
        Addresses = [address],
        MaxAttempts = 1,
        WriteTimeout = TimeSpan.FromSeconds(20),
        ReadTimeout = TimeSpan.FromSeconds(30),
        InitialBackoff = TimeSpan.FromMilliseconds(20),
        MaxBackoff = TimeSpan.FromMilliseconds(100),
    });

    /// <summary>SIGKILL: the node has no time for anything.</summary>
    public async Task KillAsync()
    {
        process.Kill();
        await process.WaitForExitAsync();
    }

    /// <summary>Waits until the node ends by itself.</summary>
    /// <returns>Its exit code.</returns>
    public async Task<int> EndedAsync()
    {
        using var patience = new CancellationTokenSource(Until.Patience);
        try
        {
            await process.WaitForExitAsync(patience.Token);
        }
        catch (OperationCanceledException waited)
        {
            throw new TimeoutException($"The node did not end in {Until.Patience.TotalSeconds} s:\n{Output}", waited);
        }

        return process.ExitCode;
    }

    /// <summary>The node ends in order, and says so by its exit code.</summary>
    /// <param name="signal">What it is told to end by.</param>
    /// <returns>How long that took.</returns>
    public async Task<TimeSpan> StopAsync(int signal = SignalTerminate)
    {
        var started = Stopwatch.GetTimestamp();
        if (process.HasExited)
        {
            // Its output says why; an answer of kill(2) would not.
            throw new InvalidOperationException($"The node had ended by itself with {process.ExitCode}:\n{Output}");
        }

        SendSignal(process.Id, signal).ShouldBe(0);
        using var patience = new CancellationTokenSource(StopPatience);
        try
        {
            await process.WaitForExitAsync(patience.Token);
        }
        catch (OperationCanceledException waited)
        {
            throw new TimeoutException($"The node did not stop in {StopPatience.TotalSeconds} s:\n{Output}", waited);
        }

        process.ExitCode.ShouldBe(0, Output);
        return Stopwatch.GetElapsedTime(started);
    }

    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref disposed, 1) == 1)
        {
            return;
        }

        AppDomain.CurrentDomain.ProcessExit -= KillLeftOver;
        KillLeftOver(null, EventArgs.Empty);
        await process.WaitForExitAsync();
        process.Dispose();
    }

    [DllImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static extern int SendSignal(int pid, int signal);

    private void KillLeftOver(object? sender, EventArgs e)
    {
        if (!process.HasExited)
        {
            process.Kill();
        }
    }

    private void Read(string? line)
    {
        if (line is null)
        {
            return;
        }

        lock (gate)
        {
            output.AppendLine(line);
        }

        if (line.StartsWith(GrpcLine, StringComparison.Ordinal))
        {
            Grpc = new Uri(line[GrpcLine.Length..]);
        }
        else if (line.StartsWith(JsonLine, StringComparison.Ordinal))
        {
            Json = new Uri(line[JsonLine.Length..]);
            listening.TrySetResult();
        }
    }
}
