using System.Diagnostics;
using System.Globalization;
using Ledger.Chaos.Checking;
using Ledger.Chaos.Faults;
using Ledger.Chaos.Processes;
using Ledger.Chaos.Reports;
using Ledger.Chaos.Workload;

namespace Ledger.Chaos;

/// <summary>One run: starts everything, injects faults under load, heals, reads everything back, and tells.</summary>
internal sealed class ChaosRun(ChaosOptions options, TextWriter output)
{
    private static readonly TimeSpan RecoveryPatience = TimeSpan.FromSeconds(120);
    private static readonly TimeSpan FinalPatience = TimeSpan.FromSeconds(180);

    private readonly Stopwatch _watch = Stopwatch.StartNew();

    public async Task<int> RunAsync(CancellationToken cancellationToken)
    {
        Directory.CreateDirectory(options.Output);
        var history = Path.Combine(options.Output, "history.jsonl");
        if (File.Exists(history))
        {
            throw new FormatException($"{history} is there already; name another --output.");
        }

        Log($"seed {options.Seed}, {options.Nodes} nodes, workload {options.Workload}, output in {options.Output}");
        var directory = Directory.CreateTempSubdirectory("ledger-chaos-").FullName;

        // The database's user has to get through it.
        File.SetUnixFileMode(
            directory, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute
                | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute);
        using var reaper = Reaper.Start();
        if (!options.Keep)
        {
            reaper.WatchDirectory(directory);
        }

        await using var recorder = new Recorder(history);
        await using var cluster = await Cluster.StartAsync(options, reaper, directory, Log, cancellationToken);
        var books = new Books(options.Accounts, options.Shards);
        recorder.Write(new RunRecord
        {
            Seed = options.Seed,
            Nodes = options.Nodes,
            Workload = options.Workload.ToString(),
            StartTime = recorder.StartTime,
            Connection = cluster.Postgres.ConnectionString,
            Accounts = books.Accounts,
        });
        await using var load = new Load(
            recorder,
            books,
            options.Workload,
            options.Seed,
            [.. cluster.Network.Addresses.Select(static a => new Uri($"http://{a.PublicGrpc}"))],
            options.Clients,
            options.Rate);
        Log("the nodes are ready; opening accounts");
        await load.PrepareAsync(cancellationToken);
        var prober = new Prober(recorder, books, load, TimeSpan.FromMilliseconds(400), options.Seed);
        load.Start();
        prober.Start();
        var faults = new List<FaultWindow>();
        var skipped = new SortedDictionary<string, string>(StringComparer.Ordinal);
        bool finished;
        try
        {
            await InjectAllAsync(cluster, books, load, recorder, prober, faults, skipped, cancellationToken);
        }
        finally
        {
            await cluster.HealAsync(CancellationToken.None);
            await load.StopAsync();
            await prober.StopAsync();
        }

        Log("faults are over; the final phase begins");
        finished = await new FinalPhase(options, cluster, recorder, books, load, Log).RunAsync(FinalPatience, cancellationToken);
        foreach (var node in cluster.Nodes)
        {
            await node.TerminateAsync();
        }

        await recorder.DisposeAsync();
        var availability = Availability.Of(recorder.Points(), faults, books.Shards);
        await ReportWriter.WriteAsync(options, availability, skipped, cluster.Incidents, recorder, cancellationToken);
        var verdict = await Verdict.OfAsync(history, cluster.Postgres.ConnectionString, finished, output, cancellationToken);
        Summarize(faults, skipped, cluster, recorder, availability, verdict);
        return verdict.IsClean ? 0 : 1;
    }

    private async Task InjectAllAsync(
        Cluster cluster,
        Books books,
        Load load,
        Recorder recorder,
        Prober prober,
        List<FaultWindow> faults,
        SortedDictionary<string, string> skipped,
        CancellationToken cancellationToken)
    {
        var end = recorder.Now + (long)options.Length.TotalNanoseconds;
        var lengthMax = TimeSpan.FromSeconds(Math.Clamp(options.Length.TotalSeconds / 4, 2, 60));
        var usable = new List<FaultKind>();
        foreach (var kind in options.Faults)
        {
            var missing = options.Nodes < kind.NodesMin
                ? $"takes {kind.NodesMin.ToString(CultureInfo.InvariantCulture)} nodes"
                : kind.Missing(cluster);
            if (missing is null)
            {
                usable.Add(kind);
            }
            else
            {
                skipped[kind.Name] = missing;
                Log($"fault {kind.Name} is left out: {missing}");
            }
        }

        if (usable.Count == 0)
        {
            await Task.Delay(options.Length, cancellationToken);
            return;
        }

        foreach (var planned in FaultSchedule.Of(options.Seed, usable))
        {
            await Task.Delay(planned.Gap, cancellationToken);
            if (recorder.Now >= end)
            {
                return;
            }

            await InjectAsync(planned, usable, lengthMax, cluster, books, load, recorder, prober, faults, cancellationToken);
        }
    }

    private async Task InjectAsync(
        PlannedFault planned,
        List<FaultKind> usable,
        TimeSpan lengthMax,
        Cluster cluster,
        Books books,
        Load load,
        Recorder recorder,
        Prober prober,
        List<FaultWindow> faults,
        CancellationToken cancellationToken)
    {
        var injected = new List<InjectedFault>();
        var context = new FaultContext(
            planned.Kind, planned.Seed, cluster, load, recorder, lengthMax, usable, injected, cancellationToken);
        var placement = books.Placement(cluster.Network.Placement);
        Log($"fault {planned.Number}: {planned.Kind.Name}");
        try
        {
            await planned.Kind.Run(context);
        }
        catch (Exception e) when (e is TimeoutException or InvalidOperationException or Npgsql.NpgsqlException)
        {
            // What could not be done, for the state that another fault had made; the run goes on.
            Log($"fault {planned.Number} was not carried through: {e.Message}");
        }

        await cluster.HealAsync(cancellationToken);
        var healed = recorder.Now;
        var recovered = await prober.AllWritableSinceAsync(healed, RecoveryPatience, cancellationToken);
        var ready = recovered is not null && await AllReadyAsync(cluster, cancellationToken);
        Log(recovered is { } moment
            ? $"  all accounts are writable {(moment - healed) / 1e9:0.0} s after it was healed"
            : $"  not all accounts are writable {RecoveryPatience.TotalSeconds} s after it was healed: shards "
                + string.Join(' ', prober.SilentSince(healed)));
        if (recovered is not null && !ready)
        {
            Log("  but not all nodes are ready");
        }

        foreach (var one in injected)
        {
            Log($"  {one.Kind}: {one.Target} {one.Note}");
            var record = new FaultRecord
            {
                Number = faults.Count,
                Kind = one.Kind,
                Target = one.Target,
                From = one.From,
                To = one.To,
                Recovered = recovered,
                Note = one.Note,
            };
            faults.Add(new FaultWindow(record, placement));
            recorder.Write(record);
        }
    }

    private static async Task<bool> AllReadyAsync(Cluster cluster, CancellationToken cancellationToken)
    {
        var waiting = Stopwatch.StartNew();
        while (!await cluster.AllReadyAsync(cancellationToken))
        {
            if (waiting.Elapsed > TimeSpan.FromSeconds(60))
            {
                return false;
            }

            await Task.Delay(200, cancellationToken);
        }

        return true;
    }

    private void Summarize(
        List<FaultWindow> faults,
        SortedDictionary<string, string> skipped,
        Cluster cluster,
        Recorder recorder,
        Availability availability,
        Verdict verdict)
    {
        var points = recorder.Points();
        output.WriteLine();
        output.WriteLine($"seed       {options.Seed}");
        output.WriteLine($"workload   {options.Workload}");
        output.WriteLine($"faults     {faults.Count}: " + string.Join(
            ", ", faults.CountBy(static fault => fault.Record.Kind).OrderBy(static pair => pair.Key, StringComparer.Ordinal)
                .Select(static pair => $"{pair.Key} {pair.Value}")));
        if (skipped.Count > 0)
        {
            output.WriteLine("left out   " + string.Join("; ", skipped.Select(static pair => $"{pair.Key} ({pair.Value})")));
        }

        if (cluster.Incidents.Count > 0)
        {
            output.WriteLine("incidents  " + string.Join("; ", cluster.Incidents.CountBy(static line => line)
                .Select(static pair => pair.Value > 1 ? $"{pair.Key} ({pair.Value} times)" : pair.Key)));
        }

        output.WriteLine($"calls      {points.Length}: ok {points.Count(static p => p.Outcome == CallOutcome.Ok)}, "
            + $"rejected {points.Count(static p => p.Outcome == CallOutcome.Rejected)}, "
            + $"unknown {points.Count(static p => p.Outcome == CallOutcome.Unknown)}");
        output.WriteLine("failures   " + string.Join(", ", recorder.Errors().OrderByDescending(static pair => pair.Value)
            .Select(static pair => $"{pair.Key} {pair.Value}")));
        output.WriteLine($"lost       {availability.UnavailableSeconds:0.0} s of all accounts (fraction of the shards times seconds)");
        output.WriteLine($"report     {Path.Combine(options.Output, "report.md")}");
        output.WriteLine($"verdict    {verdict.Text}");
    }

    private void Log(string line)
    {
        lock (output)
        {
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{_watch.Elapsed.TotalSeconds,7:0.0}  {line}"));
        }
    }
}
