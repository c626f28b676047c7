using System.Diagnostics;
using Ledger.Chaos.Processes;
using Ledger.Tests.Shared;

namespace Ledger.Chaos.Attacks;

/// <summary>One node on SQLite with a gibibyte of memory, which may be started anew on the same files.</summary>
internal sealed class AttackNode(
    string program, string directory, string output, IReadOnlyList<string> settings, Reaper reaper)
    : IAsyncDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(120);
    private static readonly HttpClient s_http = new() { Timeout = TimeSpan.FromSeconds(10) };

    private Process? process;
    private string? log;
    private int starts;

    public Uri Grpc { get; } = new($"http://127.0.0.1:{LoopbackPort.Next()}");

    public Uri Json { get; } = new($"http://127.0.0.1:{LoopbackPort.Next()}");

    public bool IsAlive => process is { HasExited: false };

    /// <summary>How many bytes it has logged since its start; null where nobody reads them.</summary>
    public long? LogBytes => log is null ? null : new FileInfo(log).Length;

    /// <summary>The memory that it has taken at most since its start, in bytes.</summary>
    public long MemoryMax
    {
        get
        {
            if (process is not { HasExited: false })
            {
                return 0;
            }

            process.Refresh();
            return process.PeakWorkingSet64;
        }
    }

    /// <summary>Whether it was started so that nobody reads its output.</summary>
    public bool IsUnread => log is null;

    /// <summary>Starts it, and waits until it serves.</summary>
    public async Task StartAsync(bool unread, CancellationToken cancellationToken)
    {
        process?.Dispose();
        log = unread ? null : Path.Combine(output, FormattableString.Invariant($"node-{starts}.log"));
        starts++;
        var start = new ProcessStartInfo("/bin/sh") { UseShellExecute = false, RedirectStandardOutput = unread };
        string[] command =
        [
            "-c", unread ? "exec setsid \"$@\" 2>&1 </dev/null" : "exec setsid \"$@\" >\"$0\" 2>&1 </dev/null",
            log ?? "node", "dotnet",
            program, $"--Ledger:Grpc:Url={Grpc.GetLeftPart(UriPartial.Authority)}",
            $"--Ledger:Http:Url={Json.GetLeftPart(UriPartial.Authority)}",
            $"--Ledger:Sqlite:Path={Path.Combine(directory, "ledger.db")}",
            $"--Ledger:Audit:Path={Path.Combine(directory, "audit")}",
            "--Ledger:Shutdown:DrainDelay=00:00:00", .. settings,
        ];
        foreach (var argument in command)
        {
            start.ArgumentList.Add(argument);
        }

        start.Environment["DOTNET_GCHeapHardLimit"] = "0x40000000";
        process = Process.Start(start)!;
        reaper.Watch(process.Id);
        var waiting = Stopwatch.StartNew();
        while (!await IsReadyAsync(cancellationToken))
        {
            if (waiting.Elapsed > s_patience || !IsAlive)
            {
                throw new TimeoutException(
                    $"The node was not ready within {s_patience.TotalSeconds} s; see {log ?? "its output"}.");
            }

            await Task.Delay(100, cancellationToken);
        }
    }

    /// <summary>Whether it says that it lives.</summary>
    public async Task<bool> SaysItLivesAsync(CancellationToken cancellationToken) =>
        IsAlive && await AsksAsync("/health/live", cancellationToken);

    /// <summary>Stops it as an operator does.</summary>
    /// <returns>Whether it ended by itself, with exit code 0.</returns>
    public async Task<bool> StopAsync()
    {
        if (process is not { HasExited: false })
        {
            return false;
        }

        Signals.Send(process.Id, Signals.Terminate);
        try
        {
            await process.WaitForExitAsync().WaitAsync(s_patience);
        }
        catch (TimeoutException)
        {
            Signals.Send(process.Id, Signals.Kill);
            await process.WaitForExitAsync();
            return false;
        }

        return process.ExitCode == 0;
    }

    public async ValueTask DisposeAsync()
    {
        if (process is { HasExited: false })
        {
            Signals.Send(process.Id, Signals.Kill);
            await process.WaitForExitAsync();
        }

        process?.Dispose();
    }

    private Task<bool> IsReadyAsync(CancellationToken cancellationToken) =>
        AsksAsync("/health/ready", cancellationToken);

    private async Task<bool> AsksAsync(string path, CancellationToken cancellationToken)
    {
        try
        {
            using var response = await s_http.GetAsync(new Uri(Json, path), cancellationToken);
            return response.IsSuccessStatusCode;
        }
        catch (Exception e) when (e is HttpRequestException or IOException
            || (e is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            return false;
        }
    }
}
