using System.ComponentModel.DataAnnotations;
using System.Diagnostics.Metrics;
using Ledger.Actors.Storage;

namespace Ledger;

/// <summary>The options of <c>WithLedger(...)</c>.</summary>
public sealed class LedgerOptions
{
    /// <summary>Where the journal is kept. Required; set by <c>UseSqlite(...)</c> or
    /// <c>UsePostgreSql(...)</c>.</summary>
    [Required]
    public LedgerStorage? Storage { get; set; }

    /// <summary>Where the accounts live.</summary>
    /// <value>The default value is <see cref="LedgerExecutionMode.Local"/>.</value>
    public LedgerExecutionMode Mode { get; set; } = LedgerExecutionMode.Local;

    /// <summary>How long a call waits when the caller does not say.</summary>
    /// <value>The default value is 10 seconds. From 100 milliseconds to 10 minutes.</value>
    public TimeSpan CallTimeout { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>How long an account stays in memory without being used.</summary>
    /// <value>The default value is 60 seconds. From 100 milliseconds to 1 day.</value>
    public TimeSpan PassivateAfter { get; set; } = TimeSpan.FromSeconds(60);

    /// <summary>How long a coordinator may keep the record of a commit, which the last agent has already journaled, so
    /// that it shares the journal row of something else.</summary>
    /// <value>The default value is 250 milliseconds. From 0 to 10 seconds.</value>
    public TimeSpan CommitRecordDelay { get; set; } = TimeSpan.FromMilliseconds(250);

    /// <summary>Whether the rows of a transfer between two accounts of one node share a commit of the database: the
    /// debit account asks the credit account as soon as its row is with the journal's writer. A caller who waits for
    /// each transfer then waits for one commit and not for two. Nothing is answered, and nothing leaves the node,
    /// before it is durable.</summary>
    /// <value>The default value is false.</value>
    public bool SharedCommits { get; set; }

    /// <summary>How many journal rows an account writes between two snapshots, or 16 times as many events or legs, or
    /// 16 MiB of rows, whichever comes first: from half as many to as many, so that accounts that are used alike don't
    /// take theirs all at once; up to
    /// 16 times as many rows or events where many ids or holds would make it cost more than its rows.</summary>
    /// <value>The default value is 250. From 1 to 100,000.</value>
    [Range(1, 100_000)]
    public int SnapshotEvery { get; set; } = 250;

    /// <summary>How many ids an account keeps in memory; older ones are looked up in its journal.</summary>
    /// <value>The default value is 4,096. From 1 to 1,000,000; with <see cref="AccountHoldsMax"/> no more than fits
    /// into a snapshot, 64 bytes each.</value>
    [Range(1, 1_000_000)]
    public int IdempotencyWindowMax { get; set; } = 4096;

    /// <summary>How many events one journal row holds at most.</summary>
    /// <value>The default value is 1,000. From 1 to 10,000.</value>
    [Range(1, 10_000)]
    public int BatchEventsMax { get; set; } = 1000;

    /// <summary>How many calls one account works on at once; further ones are refused at once, to be retried.</summary>
    /// <value>The default value is 10,000. From 1 to 1,000,000.</value>
    [Range(1, 1_000_000)]
    public int AccountCallsMax { get; set; } = 10_000;

    /// <summary>How many holds may be live on one account; a further one is rejected as
    /// <see cref="TransferStatus.ExceedsHoldsOfAccount"/>. Holds are kept in memory and in snapshots, so this
    /// bounds how long an account takes to wake; a merchant or settlement account may need more. The same on all
    /// nodes.</summary>
    /// <value>The default value is 100,000. From 1 to as many as fit into a snapshot with the ids, 256 bytes each: with
    /// the default of those some 113,000. More are refused at start.</value>
    [Range(1, 10_000_000)]
    public int AccountHoldsMax { get; set; } = 100_000;

    /// <summary>How many of them may be with one other account; a further one is rejected as
    /// <see cref="TransferStatus.ExceedsHoldsWithCounterparty"/>: so nobody can fill another's account with holds
    /// alone. The same on all nodes.</summary>
    /// <value>The default value is 1,000. From 1 to 10,000,000.</value>
    [Range(1, 10_000_000)]
    public int CounterpartyHoldsMax { get; set; } = 1000;

    /// <summary>How many calls one node works on at once; further ones are refused at once, to be retried.</summary>
    /// <value>The default value is 50,000. From 1 to 10,000,000.</value>
    [Range(1, 10_000_000)]
    public int NodeCallsMax { get; set; } = 50_000;

    /// <summary>The number of shards, in clustered mode, the same on all nodes: one with another number refuses to
    /// start. To change it, all nodes must be stopped.</summary>
    /// <value>The default value is 100. From 1 to 10,000.</value>
    [Range(1, 10_000)]
    public int ShardCount { get; set; } = 100;

    /// <summary>How often the hold expiry looks for holds whose time is up, on accounts that sleep.</summary>
    /// <value>The default value is 250 milliseconds. From 10 milliseconds to 1 minute.</value>
    public TimeSpan HoldExpiryInterval { get; set; } = TimeSpan.FromMilliseconds(250);

    /// <summary>How many accounts the hold expiry has at work at once, each expiring what is due on it. It is what
    /// bounds the memory and the load when very many holds fall due together; less of it makes them expire
    /// later.</summary>
    /// <value>The default value is 1,024. From 1 to 100,000.</value>
    [Range(1, 100_000)]
    public int HoldExpiryConcurrencyMax { get; set; } = 1024;

    /// <summary>For how long one renewal lets a node speak for its accounts, where several processes share the storage;
    /// it is renewed four times as often. A node that can't renew it falls silent; what a node had that is cut off from
    /// the others is answered for elsewhere after this time at the earliest.</summary>
    /// <value>The default value is 2 seconds. From 400 milliseconds to 1 minute.</value>
    public TimeSpan LeaseTime { get; set; } = TimeSpan.FromSeconds(2);

    /// <summary>The clock. Only tests need another than the system's.</summary>
    /// <value>The default value is <see cref="TimeProvider.System"/>.</value>
    public TimeProvider TimeProvider { get; set; } = TimeProvider.System;

    /// <summary>What makes the meter named <see cref="LedgerTelemetry.MeterName"/>; null for a meter of the ledger's
    /// own, which ends with the actor system. <c>AddLedger(...)</c> sets that of the service provider, where there is
    /// one. One ledger for a factory: two would share their instruments.</summary>
    /// <value>The default value is null.</value>
    public IMeterFactory? MeterFactory { get; set; }

    /// <summary>How the ledger tells the time.</summary>
    public LedgerClockOptions Clock { get; } = new();

    /// <summary>The index of transfers and accounts.</summary>
    public LedgerIndexOptions Index { get; } = new();

    /// <summary>The cluster role that accounts live on, in clustered mode; null for every node.</summary>
    public string? Role { get; set; }

    /// <summary>Tests: called while an account decides something, to throw. No configuration reaches it.</summary>
    internal Action? Deciding { get; set; }

    /// <summary>Checks every option.</summary>
    /// <exception cref="ValidationException">An option is missing or out of its range; the message names
    /// it.</exception>
    public void Validate()
    {
        Validator.ValidateObject(this, new ValidationContext(this), validateAllProperties: true);
        Range(nameof(CallTimeout), CallTimeout, TimeSpan.FromMilliseconds(100), TimeSpan.FromMinutes(10));
        Range(nameof(PassivateAfter), PassivateAfter, TimeSpan.FromMilliseconds(100), TimeSpan.FromDays(1));
        Range(nameof(HoldExpiryInterval), HoldExpiryInterval, TimeSpan.FromMilliseconds(10), TimeSpan.FromMinutes(1));
        Range(nameof(LeaseTime), LeaseTime, TimeSpan.FromMilliseconds(400), TimeSpan.FromMinutes(1));
        Range(nameof(CommitRecordDelay), CommitRecordDelay, TimeSpan.Zero, TimeSpan.FromSeconds(10));
        Index.Validate();
        if (LedgerSizes.SnapshotOf(AccountHoldsMax, IdempotencyWindowMax) is var snapshot
            && snapshot > LedgerSizes.SnapshotMax)
        {
            throw new ValidationException(
                $"AccountHoldsMax is {AccountHoldsMax} and IdempotencyWindowMax {IdempotencyWindowMax}: so the "
                + $"snapshot of one account may have {snapshot} bytes; up to {LedgerSizes.SnapshotMax} can be stored "
                + $"and read back in time. Lower one of them: a hold counts {LedgerSizes.HoldInSnapshot} bytes, an id "
                + $"{LedgerSizes.IdInSnapshot}.");
        }

        if (Mode == LedgerExecutionMode.Clustered && !Storage!.SupportsCluster)
        {
            throw new ValidationException(
                $"Mode is Clustered, but several processes can't share {Storage.Description}. Use PostgreSQL.");
        }

        static void Range(string name, TimeSpan value, TimeSpan min, TimeSpan max)
        {
            if (value < min || value > max)
            {
                throw new ValidationException($"{name} is {value}; it must lie between {min} and {max}.");
            }
        }
    }
}
