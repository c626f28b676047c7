using System.Diagnostics;
using System.Globalization;
using Ledger.Chaos.Attacks;
using Ledger.Chaos.Checking;
using Ledger.Chaos.Faults;
using Ledger.Chaos.Processes;
using Ledger.Chaos.Reports;
using Ledger.Chaos.Workload;

namespace Ledger.Chaos;

/// <summary>What every run has: nodes, database, clients and history. Begins with accounts that have money, and ends
/// with the final phase and the checker.</summary>
internal sealed class Session : IAsyncDisposable
{
    private static readonly TimeSpan FinalPatience = TimeSpan.FromSeconds(180);

    private readonly Stopwatch _watch = Stopwatch.StartNew();
    private readonly ChaosOptions _options;
    private readonly TextWriter _output;
    private readonly List<IAsyncDisposable> _owned = [];
    private Reaper? _reaper;

    private Session(ChaosOptions options, TextWriter output) => (_options, _output) = (options, output);

    public required string History { get; init; }

    public Recorder Recorder { get; private set; } = null!;

    public Cluster Cluster { get; private set; } = null!;

    public Books Books { get; private set; } = null!;

    public Load Load { get; private set; } = null!;

    public Prober Prober { get; private set; } = null!;

    /// <summary>The faults so far.</summary>
    public List<FaultWindow> Faults { get; } = [];

    /// <summary>The kinds of faults that could not be carried through to their end, once for each time.</summary>
    public List<string> BrokenOff { get; } = [];

    /// <summary>The kinds that were asked for and can't be had, and why.</summary>
    public SortedDictionary<string, string> Skipped { get; } = new(StringComparer.Ordinal);

    /// <summary>Starts everything; when it returns, clients and probers are at work.</summary>
    public static async Task<Session> StartAsync(
        ChaosOptions options, TimeSpan probePause, TextWriter output, CancellationToken cancellationToken)
    {
        Directory.CreateDirectory(options.Output);
        var history = Path.Combine(options.Output, "history.jsonl");
        if (File.Exists(history))
        {
            throw new FormatException($"{history} is there already; name another --output.");
        }

        var session = new Session(options, output) { History = history };
        try
        {
            await session.BeginAsync(probePause, cancellationToken);
            return session;
        }
        catch
        {
            await session.DisposeAsync();
            throw;
        }
    }

    /// <summary>Ends the load, heals, reads everything back, and has it checked.</summary>
    /// <returns>The exit code.</returns>
    public async Task<int> ConcludeAsync(CancellationToken cancellationToken)
    {
        await Cluster.HealAsync(cancellationToken);
        await Load.StopAsync();
        await Prober.StopAsync();
        Log("faults are over; the final phase begins");
        await new FinalPhase(Cluster, Recorder, Books, Load, Log).RunAsync(FinalPatience, cancellationToken);
        foreach (var node in Cluster.Nodes)
        {
            await node.TerminateAsync();
        }

        await Recorder.DisposeAsync();
        var availability = Availability.Of(Recorder.Points(), Faults, Books.Shards);
        await ReportWriter.WriteAsync(_options, availability, Skipped, Cluster.Incidents, Recorder, cancellationToken);
        Log("the checker has the word");
        var report = await ChaosChecker.CheckAsync(History, Cluster.Postgres.ConnectionString, cancellationToken);
        await using (var file = new StreamWriter(Path.Combine(_options.Output, "check.txt")))
        {
            report.Write(file);
        }

        report.Write(_output);
        Summarize(availability, report);
        return report.Verdict == Verdict.Clean ? 0 : 1;
    }

    public void Log(string line)
    {
        lock (_output)
        {
            _output.WriteLine(
                string.Create(CultureInfo.InvariantCulture, $"{_watch.Elapsed.TotalSeconds,7:0.0}  {line}"));
        }
    }

    public async ValueTask DisposeAsync()
    {
        // The last first: the clients, then the nodes, then the history.
        for (var i = _owned.Count - 1; i >= 0; i--)
        {
            await _owned[i].DisposeAsync();
        }

        _reaper?.Dispose();
    }

    private async Task BeginAsync(TimeSpan probePause, CancellationToken cancellationToken)
    {
        Log($"seed {_options.Seed}, {_options.Nodes} nodes, workload {_options.Workload}, output in {_options.Output}");
        var directory = Directory.CreateTempSubdirectory("ledger-chaos-").FullName;

        // The database's user has to get through it.
        File.SetUnixFileMode(
            directory, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute
                | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute);
        _reaper = Reaper.Start();
        if (!_options.Keep)
        {
            _reaper.WatchDirectory(directory);
        }

        Recorder = Own(new Recorder(History));
        Cluster = Own(await Cluster.StartAsync(_options, _reaper, directory, Log, cancellationToken));
        Books = new Books(_options.Accounts, _options.Shards);
        Recorder.Write(new RunRecord
        {
            Seed = _options.Seed,
            Nodes = _options.Nodes,
            Workload = _options.Workload.ToString(),
            StartTime = Recorder.StartTime,
            Connection = Cluster.Postgres.ConnectionString,
            Accounts = Books.Accounts,
            Others = [AttackAccounts.Prefix],
        });
        Load = Own(new Load(
            Recorder,
            Books,
            _options.Workload,
            _options.Seed,
            [.. Cluster.Network.Addresses.Take(Cluster.Network.Seeds)
                .Select(static a => new Uri($"http://{a.PublicGrpc}"))],
            _options.Clients,
            _options.Rate,
            _options.Key));
        Log("the nodes are ready; opening accounts");
        await Load.PrepareAsync(cancellationToken);
        Prober = Own(new Prober(Recorder, Books, Load, probePause, _options.Seed));
        Load.Start();
        Prober.Start();
    }

    private T Own<T>(T owned)
        where T : IAsyncDisposable
    {
        _owned.Add(owned);
        return owned;
    }

    private void Summarize(Availability availability, CheckReport report)
    {
        var points = availability.Points;
        string Counted(IEnumerable<KeyValuePair<string, int>> counts) =>
            string.Join(", ", counts.Select(static pair => $"{pair.Key} {pair.Value}"));
        _output.WriteLine();
        _output.WriteLine($"seed       {_options.Seed}");
        _output.WriteLine($"workload   {_options.Workload}");
        _output.WriteLine($"faults     {Faults.Count}: " + Counted(
            Faults.CountBy(static fault => fault.Record.Kind)
                .OrderBy(static pair => pair.Key, StringComparer.Ordinal)));
        if (BrokenOff.Count > 0)
        {
            _output.WriteLine(
                "           not carried through to the end: " + Counted(BrokenOff.CountBy(static kind => kind)));
        }

        if (Skipped.Count > 0)
        {
            _output.WriteLine(
                "left out   " + string.Join("; ", Skipped.Select(static pair => $"{pair.Key} ({pair.Value})")));
        }

        if (Cluster.Incidents.Count > 0)
        {
            _output.WriteLine("incidents  " + string.Join(
                ", ",
                Cluster.Incidents.CountBy(static line => line)
                    .Select(static pair => $"{pair.Key} ({pair.Value} times)")));
        }

        _output.WriteLine($"calls      {points.Length}: ok {points.Count(static p => p.Outcome == CallOutcome.Ok)}, "
            + $"rejected {points.Count(static p => p.Outcome == CallOutcome.Rejected)}, "
            + $"unknown {points.Count(static p => p.Outcome == CallOutcome.Unknown)}");
        _output.WriteLine("failures   " + Counted(Recorder.Errors().OrderByDescending(static pair => pair.Value)));
        _output.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"lost       {availability.UnavailableSeconds:0.0} s of all accounts (fraction of the shards times "
                + $"seconds)"));
        _output.WriteLine($"report     {Path.Combine(_options.Output, "report.md")}");
        _output.WriteLine($"verdict    {report.Verdict.ToString().ToLowerInvariant()}"
            + (report.Counts.Count > 0 ? ": " + Counted(report.Counts) : "")
            + (report.Reason.Length > 0 ? ": " + report.Reason : ""));
    }
}
