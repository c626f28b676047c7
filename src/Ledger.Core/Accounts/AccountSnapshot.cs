namespace Ledger.Core;

/// <summary>The state of an account at one of its journal rows. All of it follows from the journal.</summary>
/// <param name="SequenceNr">The last row that it holds.</param>
/// <param name="Spec">What the account was opened with, with its limits as they are; null while it does not
/// exist.</param>
/// <param name="OpenTime">When it was opened.</param>
/// <param name="Balances">The counters.</param>
/// <param name="EntryCount">How many statement entries there are.</param>
/// <param name="LastTime">The time of the last event.</param>
/// <param name="PreparedCount">How many transactions were ever prepared.</param>
/// <param name="Watermark">See <see cref="IdempotencyWindow.Watermark"/>.</param>
/// <param name="HasForgottenNonTimeOrdered">See <see cref="IdempotencyWindow.HasForgottenNonTimeOrdered"/>.</param>
/// <param name="Remembered">The ids in memory, oldest first; decisions about one id follow each other, oldest
/// first.</param>
/// <param name="InDoubt">The transactions in doubt, in the order of their preparation.</param>
internal sealed record AccountSnapshot(
    long SequenceNr, AccountSpec? Spec, LedgerTime OpenTime, Balances Balances, ulong EntryCount, LedgerTime LastTime,
    long PreparedCount, TransferId Watermark, bool HasForgottenNonTimeOrdered,
    IReadOnlyList<(TransferId Id, LedgerTime At, IdempotencyRecord What)> Remembered,
    IReadOnlyList<InDoubtTransaction> InDoubt)
{
    /// <summary>What the account was opened with.</summary>
    public AccountSpec? OpenedWith { get; init; } = Spec;

    /// <summary>The ids that are still in memory because they are ahead of the account's time, in their own
    /// order.</summary>
    public IReadOnlyList<(TransferId Id, LedgerTime At, IdempotencyRecord What)> RememberedEarly { get; init; } = [];

    /// <summary>See <see cref="IdempotencyWindow.ForgottenUpTo"/>.</summary>
    public LedgerTime ForgottenUpTo { get; init; } = new(long.MinValue);

    /// <summary>See <see cref="AccountState.NewestIndexed"/>.</summary>
    public IndexedId NewestIndexed { get; init; }

    /// <summary>Whether a change of the account closed it.</summary>
    public bool Closed { get; init; }

    /// <summary>Whether a hold closed it.</summary>
    public bool ClosedByHold { get; init; }

    /// <summary>Why it was closed.</summary>
    public string ClosedReason { get; init; } = "";

    /// <summary>Its freeze.</summary>
    public AccountFreeze? Freeze { get; init; }

    /// <summary>The live holds, in the order of their ids.</summary>
    public IReadOnlyList<Hold> Holds { get; init; } = [];

    /// <summary>Takes the state of an account.</summary>
    /// <param name="state">The state.</param>
    /// <param name="sequenceNr">The last row that it holds.</param>
    public static AccountSnapshot Of(AccountState state, long sequenceNr) => new(
        sequenceNr, state.Spec, state.OpenTime, state.Balances, state.EntryCount, state.LastTime, state.PreparedCount,
        state.Idempotency.Watermark, state.Idempotency.HasForgottenNonTimeOrdered, [.. state.Idempotency.InOrder()],
        state.InDoubtInOrder())
    {
        RememberedEarly = [.. state.Idempotency.EarlyInOrder()],
        ForgottenUpTo = state.Idempotency.ForgottenUpTo,
        NewestIndexed = state.NewestIndexed,
        OpenedWith = state.OpenedWith,
        Closed = state.ClosedByChange,
        ClosedByHold = state.ClosedByHold,
        ClosedReason = state.ClosedReason,
        Freeze = state.Freeze,
        Holds = [.. state.Holds.OrderBy(static hold => hold.Transfer.Id)],
    };
}
