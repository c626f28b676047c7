using System.Diagnostics;
using System.Globalization;
using System.Text.Json;

namespace Ledger.Chaos.Processes;

/// <summary>One node: a process that may be started, killed, stopped and continued any number of times. When it ends
/// without having been asked to, it is started again, as a supervisor would.</summary>
internal sealed class Node : IAsyncDisposable
{
    private static readonly TimeSpan RestartPause = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan EndPatience = TimeSpan.FromSeconds(60);
    private static readonly HttpClient Http = new(
        new SocketsHttpHandler { PooledConnectionLifetime = TimeSpan.FromSeconds(5) })
    {
        Timeout = TimeSpan.FromSeconds(2),
    };

    private static long s_starts;

    private readonly Lock _gate = new();
    private readonly Network _network;
    private readonly Reaper _reaper;
    private readonly Action<int, string> _report;
    private readonly Func<Node, IEnumerable<string>> _arguments;
    private readonly CancellationTokenSource _ended = new();
    private readonly string[] _programs;
    private Process? _process;
    private int _starts;
    private bool _expected = true;
    private Task _watching = Task.CompletedTask;

    public Node(
        int number,
        string[] programs,
        string logFile,
        Network network,
        Reaper reaper,
        Func<Node, IEnumerable<string>> arguments,
        Action<int, string> report)
    {
        (Number, _programs, LogFile) = (number, programs, logFile);
        (_network, _reaper, _arguments, _report) = (network, reaper, arguments, report);
    }

    public int Number { get; }

    public string LogFile { get; }

    /// <summary>The process; null when there is none.</summary>
    public int? ProcessId
    {
        get
        {
            lock (_gate)
            {
                return _process is { HasExited: false } process ? process.Id : null;
            }
        }
    }

    /// <summary>The processor time that its process has taken; zero where there is none.</summary>
    public TimeSpan ProcessorTime
    {
        get
        {
            lock (_gate)
            {
                if (_process is not { HasExited: false } process)
                {
                    return TimeSpan.Zero;
                }

                process.Refresh();
                return process.TotalProcessorTime;
            }
        }
    }

    /// <summary>The memory that its process has taken at most, in bytes; 0 where there is none.</summary>
    public long MemoryMax
    {
        get
        {
            lock (_gate)
            {
                if (_process is not { HasExited: false } process)
                {
                    return 0;
                }

                process.Refresh();
                return process.PeakWorkingSet64;
            }
        }
    }

    /// <summary>Whether it was stopped by <see cref="Pause"/>.</summary>
    public bool IsPaused { get; private set; }

    /// <summary>Counts starts; the lowest of those that run is the oldest.</summary>
    public long Age { get; private set; }

    /// <summary>How often it ended without having been asked to.</summary>
    public int OwnExits { get; private set; }

    /// <summary>Further settings of the environment, such as a library to be loaded first.</summary>
    public IReadOnlyDictionary<string, string> Environment { get; set; } = new Dictionary<string, string>(
        StringComparer.Ordinal);

    public void Start()
    {
        lock (_gate)
        {
            if (_process is { HasExited: false })
            {
                return;
            }

            _process?.Dispose();
            IsPaused = false;
            _expected = false;
            Age = Interlocked.Increment(ref s_starts);
            _process = Launch(_arguments(this));
            _reaper.Watch(_process.Id);
            _watching = WatchAsync(_process);
        }
    }

    /// <summary>SIGKILL.</summary>
    public async Task KillAsync()
    {
        var process = Expect();
        if (process is not null)
        {
            Signals.Send(process.Id, Signals.Kill);
            await process.WaitForExitAsync();
            await _watching;
        }
    }

    /// <summary>SIGTERM, as an operator stops it; killed when it does not end.</summary>
    /// <returns>Whether it ended by itself, with exit code 0.</returns>
    public async Task<bool> TerminateAsync()
    {
        var process = Expect();
        if (process is null)
        {
            return true;
        }

        Signals.Send(process.Id, Signals.Terminate);
        using var patience = new CancellationTokenSource(EndPatience);
        try
        {
            await process.WaitForExitAsync(patience.Token);
        }
        catch (OperationCanceledException)
        {
            _report(Number, "did not end after SIGTERM and was killed");
            Signals.Send(process.Id, Signals.Kill);
            await process.WaitForExitAsync();
            await _watching;
            return false;
        }

        await _watching;
        if (process.ExitCode != 0)
        {
            _report(Number, $"ended with {process.ExitCode.ToString(CultureInfo.InvariantCulture)} after SIGTERM");
        }

        return process.ExitCode == 0;
    }

    /// <summary>SIGSTOP.</summary>
    public void Pause()
    {
        if (ProcessId is { } process)
        {
            IsPaused = true;
            Signals.Send(process, Signals.Stop);
        }
    }

    /// <summary>SIGCONT.</summary>
    public void Resume()
    {
        IsPaused = false;
        if (ProcessId is { } process)
        {
            Signals.Send(process, Signals.Continue);
        }
    }

    /// <summary>Runs one of its program's commands beside it.</summary>
    /// <returns>The exit code.</returns>
    public async Task<int> RunAsync(IEnumerable<string> command, CancellationToken cancellationToken)
    {
        using var process = Launch(command, _programs[0]);
        _reaper.Watch(process.Id);
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(EndPatience);
        try
        {
            await process.WaitForExitAsync(patience.Token);
            return process.ExitCode;
        }
        catch (OperationCanceledException e)
        {
            process.Kill();
            await process.WaitForExitAsync(CancellationToken.None);
            cancellationToken.ThrowIfCancellationRequested();
            throw new TimeoutException(
                $"{string.Join(' ', command.Take(2))} did not end within {EndPatience.TotalSeconds} s.", e);
        }
    }

    /// <summary>Starts it with one more setting, which it must refuse: whether it ended by itself, and not with
    /// success.</summary>
    public async Task<bool> RefusesAsync(string setting, CancellationToken cancellationToken)
    {
        using var process = Launch([.. _arguments(this), setting]);
        _reaper.Watch(process.Id);
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(EndPatience);
        try
        {
            await process.WaitForExitAsync(patience.Token);
            return process.ExitCode != 0;
        }
        catch (OperationCanceledException)
        {
            process.Kill();
            await process.WaitForExitAsync(CancellationToken.None);
            cancellationToken.ThrowIfCancellationRequested();
            return false;
        }
    }

    /// <summary>Whether it says that it can be sent calls.</summary>
    public async Task<bool> IsReadyAsync(CancellationToken cancellationToken)
    {
        if (ProcessId is null || IsPaused)
        {
            return false;
        }

        try
        {
            using var response = await Http.GetAsync(
                new Uri($"http://{_network.Addresses[Number].Http}/health/ready"), cancellationToken);
            return response.IsSuccessStatusCode;
        }
        catch (Exception e) when (e is HttpRequestException or IOException
            || (e is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            return false;
        }
    }

    /// <summary>What its health says, for people.</summary>
    public async Task<string> HealthAsync(CancellationToken cancellationToken)
    {
        try
        {
            using var response = await Http.GetAsync(
                new Uri($"http://{_network.Addresses[Number].Http}/health"), cancellationToken);
            return await response.Content.ReadAsStringAsync(cancellationToken);
        }
        catch (Exception e) when (e is HttpRequestException or IOException or JsonException
            || (e is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            return e.Message;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _ended.CancelAsync();
        Resume();
        await KillAsync();
        _process?.Dispose();
    }

    private Process Launch(IEnumerable<string> arguments) =>
        Launch(arguments, _programs[(Number + _starts++) % _programs.Length]);

    private Process Launch(IEnumerable<string> arguments, string program)
    {
        var start = new ProcessStartInfo("/bin/sh") { UseShellExecute = false };

        // Into a file and not through a pipe, which would fill up when the driver is busy. The shell becomes the node;
        // a session of its own keeps from it what a terminal sends to the driver.
        string[] command =
        [
            "exec setsid \"$@\" >>\"$0\" 2>&1 </dev/null", LogFile, .. _network.Namespaces?.CommandOf(Number) ?? [],
            "dotnet", program,
        ];
        start.ArgumentList.Add("-c");
        foreach (var argument in command.Concat(arguments))
        {
            start.ArgumentList.Add(argument);
        }

        foreach (var (key, value) in Environment)
        {
            start.Environment[key] = value;
        }

        // Without certificates a node does without TLS only there.
        start.Environment["DOTNET_ENVIRONMENT"] = "Development";

        // Several runtimes share few processors, and nothing is to be reloaded.
        start.Environment["DOTNET_gcServer"] = "0";
        start.Environment["DOTNET_hostBuilder__reloadConfigOnChange"] = "false";
        start.Environment["DOTNET_TieredPGO"] = "0";
        return Process.Start(start)!;
    }

    private Process? Expect()
    {
        lock (_gate)
        {
            _expected = true;
            IsPaused = false;
            return _process is { HasExited: false } process ? process : null;
        }
    }

    private async Task WatchAsync(Process process)
    {
        // Let in as soon as it listens.
        using var listening = new CancellationTokenSource();
        var letIn = LetInAsync(process.Id, listening.Token);
        await process.WaitForExitAsync();
        await listening.CancelAsync();
        await letIn;
        _network.NodeGone(Number);
        lock (_gate)
        {
            if (_expected || _ended.IsCancellationRequested)
            {
                return;
            }

            OwnExits++;
        }

        _report(Number, $"ended by itself with {process.ExitCode.ToString(CultureInfo.InvariantCulture)}");
        _ = RestartAsync();
    }

    private async Task RestartAsync()
    {
        try
        {
            await Task.Delay(RestartPause, _ended.Token);
        }
        catch (OperationCanceledException)
        {
            return;
        }

        lock (_gate)
        {
            if (_expected)
            {
                return;
            }
        }

        Start();
    }

    private async Task LetInAsync(int process, CancellationToken cancellationToken)
    {
        try
        {
            while (!_network.LetIn(Number, process))
            {
                await Task.Delay(50, cancellationToken);
            }
        }
        catch (OperationCanceledException)
        {
            // The process has ended.
        }
    }
}
