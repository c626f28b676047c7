namespace Ledger.Core;

/// <summary>The settings of an <see cref="AccountMachine"/>.</summary>
internal sealed record AccountMachineOptions
{
    /// <summary>How many decided ids stay in memory.</summary>
    public int IdempotencyWindowMax { get; init; } = 4096;

    /// <summary>How long they stay at most.</summary>
    public TimeSpan IdempotencyAgeMax { get; init; } = TimeSpan.FromDays(1);

    /// <summary>How many events a row holds at most.</summary>
    public int BatchEventsMax { get; init; } = LedgerSizes.RowEventsMax;

    /// <summary>How many bytes a row has at most, unless its only event has more.</summary>
    public int BatchBytesMax { get; init; } = LedgerSizes.RowFull;

    /// <summary>How many bytes a transaction has at most, see <see cref="EncodedSize.OfAsked"/>. One that has
    /// more is refused before anything is journaled, and uses no id up.</summary>
    public int TransactionBytesMax { get; init; } = LedgerSizes.TransactionMax;

    /// <summary>How many calls are worked on at once.</summary>
    public int RequestsMax { get; init; } = 10_000;

    /// <summary>How many rows lie between two snapshots, or 16 times as many events or legs where that comes first:
    /// from half as many to as many, by the account and its place; up to 16 times as many where ids or holds would make
    /// it cost more than its rows.</summary>
    public int SnapshotEvery { get; init; } = 250;

    /// <summary>How many bytes of rows lie between two snapshots, where that comes first: from half as many to as
    /// many.</summary>
    public long SnapshotEveryBytes { get; init; } = LedgerSizes.SnapshotDue;

    /// <summary>How many events or legs count for a row in <see cref="SnapshotEvery"/>.</summary>
    internal const int SnapshotEventsPerRow = 16;

    /// <summary>How many times <see cref="SnapshotEvery"/> a snapshot is put off at most because it would cost
    /// much.</summary>
    internal const int SnapshotPostponedMax = 16;

    /// <summary>How long a commit's record at the coordinator may wait for a row to share.</summary>
    public TimeSpan CommitRecordDelay { get; init; } = TimeSpan.FromMilliseconds(250);

    /// <summary>The first pause before a message to the other account is sent again; it doubles each time.</summary>
    public TimeSpan ResendAfter { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>The longest such pause.</summary>
    public TimeSpan ResendAfterMax { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>The first pause before a transaction that met something in doubt is decided again; it doubles each
    /// time.</summary>
    public TimeSpan RetryAfter { get; init; } = TimeSpan.FromMilliseconds(20);

    /// <summary>The longest such pause.</summary>
    public TimeSpan RetryAfterMax { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How long a rejection waits at most for the participants to have released what they had
    /// reserved.</summary>
    public TimeSpan ReleaseWait { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>How long a read waits at most for what was prepared before it came; it is then answered by what is
    /// decided, and says so (R20).</summary>
    public TimeSpan DoubtWait { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How long a transaction must be unanswered to count as old doubt: over old doubt nothing is refused for
    /// want of money that it could bring, and of old doubt there is a bound.</summary>
    public TimeSpan OldDoubtAfter { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>How many old transactions one other account may leave unanswered before it is sent no more.</summary>
    public int UnansweredMax { get; init; } = 256;

    /// <summary>How many old transactions may be in doubt before the account takes no more.</summary>
    public int DoubtMax { get; init; } = 4096;

    /// <summary>How much memory they may take, in bytes, about.</summary>
    public long DoubtBytesMax { get; init; } = LedgerSizes.DoubtInSnapshot - LedgerSizes.TransactionMax;

    /// <summary>How often one transaction is let through beyond a bound, to see whether it is answered.</summary>
    public TimeSpan ProbeEvery { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How often old doubt is counted.</summary>
    public TimeSpan CountDoubtEvery { get; init; } = TimeSpan.FromMilliseconds(250);

    /// <summary>How many holds may be live on the account, on either side, or being made.</summary>
    public int HoldsMax { get; init; } = 100_000;

    /// <summary>How many of them may be with one other account.</summary>
    public int HoldsPerCounterpartyMax { get; init; } = 1000;

    /// <summary>How many holds of one account are expiring at once.</summary>
    public int ExpiriesMax { get; init; } = 1000;

    /// <summary>The longest pause before an expiry is tried again that could not be decided, by a defect of the
    /// ledger.</summary>
    public TimeSpan FailedExpiryPauseMax { get; init; } = TimeSpan.FromHours(1);

    /// <summary>Whether requests to prepare and to commit go to accounts of the same node as soon as their row is
    /// handed to the writer, so that a transfer costs one transaction of the database (R8').</summary>
    public bool SendsAhead { get; init; }

    /// <summary>Tests: called while something is decided, to throw.</summary>
    internal Action? Deciding { get; init; }
}
