using Ledger.Core;

namespace Ledger.Actors.Index;

/// <summary>An account in the index. Immutable.</summary>
/// <param name="Spec">What it was opened with, with its limits as they are now.</param>
/// <param name="OpenTime">When it was opened.</param>
internal sealed record IndexedAccount(AccountSpec Spec, LedgerTime OpenTime)
{
    /// <summary>Whether a change of the account closed it, or it was opened closed.</summary>
    public bool ClosedByChange { get; init; }

    /// <summary>Whether a hold closed it.</summary>
    public bool ClosedByHold { get; init; }

    /// <summary>Why a change closed it.</summary>
    public string ClosedReason { get; init; } = "";

    /// <summary>Its freeze, which may have ended.</summary>
    public AccountFreeze? Freeze { get; init; }

    /// <summary>The attempt that opened it, while the account itself has not booked that; else nil.</summary>
    public TransferId OpenedBy { get; init; }

    /// <summary>Whether it is closed.</summary>
    public bool IsClosed => ClosedByChange || ClosedByHold;

    /// <summary>The account after a change: as <see cref="AccountState"/> folds it.</summary>
    public IndexedAccount With(AccountChange change) => change switch
    {
        FreezeAccount freeze => this with { Freeze = freeze.Freeze },
        UnfreezeAccount => this with { Freeze = null },
        CloseAccount close => this with { ClosedByChange = true, ClosedReason = close.Reason },
        ReopenAccount => this with { ClosedByChange = false, ClosedByHold = false, ClosedReason = "" },
        SetAccountLimits limits => this with
        {
            Spec = Spec with
            {
                DebitsMustNotExceedCredits = limits.DebitsMustNotExceedCredits,
                CreditsMustNotExceedDebits = limits.CreditsMustNotExceedDebits,
            },
        },
        _ => throw new LedgerInvariantException($"{Spec.Address}: unknown change {change.GetType().Name}"),
    };
}
