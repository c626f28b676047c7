using System.Diagnostics;
using System.Globalization;
using Ledger.Chaos.Checking;
using Ledger.Chaos.Faults;
using Ledger.Chaos.Reports;

namespace Ledger.Chaos;

/// <summary>A run with faults, one after the other: each is healed, and then all accounts must become writable again
/// before the next one comes.</summary>
internal sealed class ChaosRun(ChaosOptions options, TextWriter output)
{
    private static readonly TimeSpan ProbePause = TimeSpan.FromMilliseconds(400);
    private static readonly TimeSpan RecoveryPatience = TimeSpan.FromSeconds(120);
    private static readonly TimeSpan ReadyPatience = TimeSpan.FromSeconds(60);

    public async Task<int> RunAsync(CancellationToken cancellationToken)
    {
        await using var session = await Session.StartAsync(options, ProbePause, output, cancellationToken);
        await InjectAllAsync(session, cancellationToken);
        return await session.ConcludeAsync(cancellationToken);
    }

    private async Task InjectAllAsync(Session session, CancellationToken cancellationToken)
    {
        var end = session.Recorder.Now + (long)options.Length.TotalNanoseconds;
        var lengthMax = TimeSpan.FromSeconds(Math.Clamp(options.Length.TotalSeconds / 4, 2, 60));
        var usable = new List<FaultKind>();
        foreach (var kind in options.Faults)
        {
            var missing = options.Nodes < kind.NodesMin
                ? $"takes {kind.NodesMin.ToString(CultureInfo.InvariantCulture)} nodes"
                : kind.Missing(session.Cluster);
            if (missing is null)
            {
                usable.Add(kind);
            }
            else if (options.NeedsAll)
            {
                throw new InvalidOperationException(
                    $"The fault {kind.Name} can't be injected: {missing}. In CI none is left out.");
            }
            else
            {
                session.Skipped[kind.Name] = missing;
                session.Log($"fault {kind.Name} is left out: {missing}");
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
            if (session.Recorder.Now >= end)
            {
                return;
            }

            await InjectAsync(session, planned, usable, lengthMax, cancellationToken);
        }
    }

    private static async Task InjectAsync(
        Session session, PlannedFault planned, List<FaultKind> usable, TimeSpan lengthMax,
        CancellationToken cancellationToken)
    {
        var injected = new List<InjectedFault>();
        var context = new FaultContext(
            planned.Kind, planned.Seed, session.Cluster, session.Load, session.Prober, session.Recorder, lengthMax,
            usable,
            injected, cancellationToken);
        var placement = session.Books.Placement(session.Cluster.Network.Placement);
        session.Log($"fault {planned.Number}: {planned.Kind.Name}");
        try
        {
            await planned.Kind.Run(context);
        }
        catch (Exception e) when (e is TimeoutException or InvalidOperationException or Npgsql.NpgsqlException)
        {
            // What could not be done, for the state that another fault had made; the run goes on.
            session.Log($"  it was not carried through: {e.Message}");
            session.BrokenOff.Add(planned.Kind.Name);
        }

        foreach (var one in injected)
        {
            session.Log($"  {one.Kind}: {one.Target} {one.Note}");
        }

        await session.Cluster.HealAsync(cancellationToken);
        var healed = session.Recorder.Now;
        var recovered = await session.Prober.AllWritableSinceAsync(healed, RecoveryPatience, cancellationToken);
        session.Log(recovered is { } moment
            ? string.Create(
                CultureInfo.InvariantCulture,
                $"  all accounts are writable {(moment - healed) / 1e9:0.0} s after it was healed")
            : $"  not all accounts are writable {RecoveryPatience.TotalSeconds} s after it was healed: shards "
                + string.Join(' ', session.Prober.SilentSince(healed)));
        if (!await AllReadyAsync(session, cancellationToken))
        {
            session.Log($"  not all nodes are ready after another {ReadyPatience.TotalSeconds} s");
        }

        foreach (var one in injected)
        {
            var record = new FaultRecord
            {
                Number = session.Faults.Count,
                Kind = one.Kind,
                Target = one.Target,
                From = one.From,
                To = one.To,
                Recovered = recovered,
                Note = one.Note,
                Wrong = one.Wrong,
            };
            session.Faults.Add(new FaultWindow(record, placement));
            session.Recorder.Write(record);
        }
    }

    private static async Task<bool> AllReadyAsync(Session session, CancellationToken cancellationToken)
    {
        var waiting = Stopwatch.StartNew();
        while (!await session.Cluster.AllReadyAsync(cancellationToken))
        {
            if (waiting.Elapsed > ReadyPatience)
            {
                return false;
            }

            await Task.Delay(200, cancellationToken);
        }

        return true;
    }
}
