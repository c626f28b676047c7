using System.Diagnostics;
using System.Diagnostics.Metrics;
using Akka.Actor;

namespace Ledger.Actors.Telemetry;

/// <summary>The instruments of the ledger of one actor system.</summary>
/// <remarks>
/// <para>Labels are bounded: no address and no id is ever one, and their values are made once.</para>
/// <para>Nothing is measured, and no clock is read, while nobody listens. What is a state and not an event is observed
/// when a listener asks for it.</para>
/// <para><c>docs/operating/metrics.md</c> says what each means and what to do; a test compares it with this.</para>
/// </remarks>
internal sealed class NodeMetrics : IExtension
{
    private const string Seconds = "s";

    // From what a commit on a good disk takes to what a call may take.
    private static readonly InstrumentAdvice<double> s_durations = new()
    {
        HistogramBucketBoundaries =
            [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    };

    private static readonly InstrumentAdvice<int> s_rows = new()
    {
        HistogramBucketBoundaries = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000],
    };

    private static readonly KeyValuePair<string, object?> s_stored = new("outcome", "stored");
    private static readonly KeyValuePair<string, object?> s_failed = new("outcome", "failed");

    private readonly Meter meter;
    private readonly Counter<long> transfers;
    private readonly Histogram<double> writes;
    private readonly Histogram<int> batches;
    private readonly Counter<long> rows;
    private readonly Histogram<double> wakes;
    private long awake;
    private volatile LedgerExtension? ledger;

    private NodeMetrics(ExtendedActorSystem system)
    {
        var setup = system.Settings.Setup.Get<LedgerSetup>();
        Meter? own = null;
        meter = setup.HasValue && setup.Value.Options.MeterFactory is { } factory
            ? factory.Create(new MeterOptions(LedgerTelemetry.MeterName))
            : own = new Meter(LedgerTelemetry.MeterName);
        transfers = meter.CreateCounter<long>(
            "ledger.transfers", "{transfer}",
            "Transfers that this node has answered, those of transactions and batches too.");
        writes = meter.CreateHistogram(
            "ledger.journal.write.duration", Seconds,
            "How long one write of the journal took: a transaction of the database.",
            tags: null, s_durations);
        batches = meter.CreateHistogram(
            "ledger.journal.batch.size", "{row}",
            "Rows of one write of the journal: how many shared a commit.",
            tags: null, s_rows);
        rows = meter.CreateCounter<long>("ledger.journal.rows", "{row}", "Rows that the journal has stored.");
        wakes = meter.CreateHistogram(
            "ledger.account.wake.duration", Seconds,
            "How long an account took from its start until it had read its journal.",
            tags: null, s_durations);
        system.RegisterOnTermination(() =>
        {
            ledger = null;
            own?.Dispose();
        });
    }

    /// <summary>The accounts that have been in doubt for long.</summary>
    public InDoubtAccounts InDoubt { get; } = new();

    /// <summary>The instruments of an actor system.</summary>
    public static NodeMetrics Of(ActorSystem system) => system.WithExtension<NodeMetrics, Provider>();

    /// <summary>Whether anybody counts transfers.</summary>
    public bool CountsTransfers => transfers.Enabled;

    /// <summary>Counts an answered transfer.</summary>
    public void Answered(Transfer transfer, TransferStatus status, bool replayed) => transfers.Add(
        1,
        new KeyValuePair<string, object?>("kind", TransferLabels.KindOf(transfer)),
        new KeyValuePair<string, object?>("status", TransferLabels.StatusOf(status, replayed)));

    /// <summary>When a write of the journal begins; 0 while nobody listens.</summary>
    public long StartWrite() => writes.Enabled ? Stopwatch.GetTimestamp() : 0;

    /// <summary>Notes that a write of the journal has ended.</summary>
    /// <param name="started">What <see cref="StartWrite"/> said.</param>
    /// <param name="count">How many rows it had.</param>
    /// <param name="stored">Whether they are known to be stored.</param>
    public void Wrote(long started, int count, bool stored)
    {
        if (started != 0)
        {
            writes.Record(Stopwatch.GetElapsedTime(started).TotalSeconds, stored ? s_stored : s_failed);
        }

        if (stored)
        {
            batches.Record(count);
            rows.Add(count);
        }
    }

    /// <summary>When an account begins to wake; 0 while nobody listens.</summary>
    public long StartWaking() => wakes.Enabled ? Stopwatch.GetTimestamp() : 0;

    /// <summary>Notes that an account is awake.</summary>
    /// <param name="started">What <see cref="StartWaking"/> said.</param>
    public void Awoke(long started)
    {
        Interlocked.Increment(ref awake);
        if (started != 0)
        {
            wakes.Record(Stopwatch.GetElapsedTime(started).TotalSeconds);
        }
    }

    /// <summary>Notes that an account is not awake any more.</summary>
    public void FellAsleep() => Interlocked.Decrement(ref awake);

    /// <summary>Makes the instruments of what is a state. To be called once, when the ledger is put together.</summary>
    public void Observe(LedgerExtension observed)
    {
        ledger = observed;
        meter.CreateObservableUpDownCounter(
            "ledger.accounts.awake", () => Interlocked.Read(ref awake), "{account}",
            "Accounts in the memory of this node.");
        Gauge(
            "ledger.accounts.unreadable", "{account}",
            "Accounts whose journal could not be read; each is tried again after a pause.",
            static one => one.Context.Recoveries.Count);
        Gauge(
            "ledger.in_doubt.accounts", "{account}",
            "Awake accounts of this node with a transaction that has been in doubt for more than a second.",
            static one => one.Metrics.InDoubt.Count);
        Gauge(
            "ledger.in_doubt.age", Seconds,
            "How long the oldest transaction in doubt on an awake account of this node has been so; 0 for none.",
            static one => one.Metrics.InDoubt.Oldest is { } oldest ? SecondsSince(oldest, one.Clock.Now) : 0);
        Gauge(
            "ledger.holds.overdue", Seconds,
            "How long the oldest hold that has not expired yet has been due, or the index of holds could not be read;"
                + " 0 for neither.",
            static one => OverdueOf(one));
        Gauge(
            "ledger.index.lag", Seconds,
            "How old the oldest row of the journal is that the index of transfers and accounts lacks; 0 for none. "
                + "There is no value where the index is off.",
            static one => one.Indexer?.Lag.TotalSeconds);
        Gauge(
            "ledger.shards.owned", "{shard}",
            "Shards whose accounts this node speaks for; outside a cluster there are none.",
            static one => one.Context.Claims.Values.Count(static claim => claim.IsHeld));
        Gauge(
            "ledger.lease.remaining", Seconds,
            "How long the lease of this node is still good without a renewal;"
                + " there is no value where none is needed or entered.",
            static one => one.Lease.Remaining is { } left ? left.TotalSeconds : null);
        Gauge(
            "ledger.halted", "{node}",
            "1 where the database has lost rows that it had acknowledged, so that this node answers nothing.",
            static one => one.Lease.Halted is null ? 0 : 1);
        Gauge(
            "ledger.blocks", "{block}",
            "Principals, keys, addresses and networks that this node refuses now, by operators and by the ledger "
                + "itself.",
            static one => one.Blocks.InForce.Count);
        Count(
            "ledger.id.lookups", "{id}",
            "Ids that were looked for in the journal, since memory could not answer for them.",
            static one => one.Context.Reader.Lookups.Ids);
        Count(
            "ledger.id.lookup.rows", "{row}", "Rows of the journal that were read for look-ups of ids.",
            static one => one.Context.Reader.Lookups.Rows);
        Count(
            "ledger.decisions.failed", "{decision}",
            "Decisions that threw, by a defect of the ledger; what was asked was refused.",
            static one => one.Context.Decisions.Count);
        Count(
            "ledger.snapshots.too_large", "{snapshot}", "Snapshots that were too long to be written.",
            static one => one.Context.Snapshots.TooLarge);
    }

    private static double OverdueOf(LedgerExtension ledger)
    {
        var status = ledger.HoldExpiryHealth.Status;
        var now = ledger.Clock.Now;
        var due = status.OldestDue is { } oldest ? SecondsSince(oldest, now) : 0;
        return status is { Failure: not null, LastLook: { } look } ? Math.Max(due, SecondsSince(look, now)) : due;
    }

    // A clock that was set back makes no negative age.
    private static double SecondsSince(LedgerTime then, LedgerTime now) =>
        Math.Max(0, (now.UnixMicroseconds - then.UnixMicroseconds) / 1e6);

    private void Gauge(string name, string unit, string description, Func<LedgerExtension, double?> read) =>
        meter.CreateObservableGauge(name, () => Read(read), unit, description);

    private void Count(string name, string unit, string description, Func<LedgerExtension, long> read) =>
        meter.CreateObservableCounter(
            name, () => ledger is { } one ? [new Measurement<long>(read(one))] : (Measurement<long>[])[], unit,
            description);

    // Of an actor system that has ended nothing is told.
    private Measurement<double>[] Read(Func<LedgerExtension, double?> read) =>
        ledger is { } one && read(one) is { } value ? [new Measurement<double>(value)] : [];

    private sealed class Provider : ExtensionIdProvider<NodeMetrics>
    {
        public override NodeMetrics CreateExtension(ExtendedActorSystem system) => new(system);
    }
}
