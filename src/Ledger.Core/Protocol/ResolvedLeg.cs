namespace Ledger.Core;

/// <summary>One leg as the coordinator has resolved it: nothing about it depends on anything any more.
/// Immutable.</summary>
/// <param name="Index">Its place in the transaction, from 0.</param>
/// <param name="Transfer">The transfer, with what a post or a void took from its hold; null for an opening.</param>
/// <param name="Opening">What the account is opened with; null for a transfer.</param>
internal sealed record ResolvedLeg(int Index, Transfer? Transfer, AccountSpec? Opening)
{
    /// <summary>For an opening: whether an account that is there already is no failure.</summary>
    public bool IfMissing { get; init; }

    /// <summary>The amount that is moved, held or released.</summary>
    public Amount Amount { get; init; }

    /// <summary>For a post or a void: what the hold had left before it.</summary>
    public Amount HoldRemaining { get; init; }

    /// <summary>For a hold: when it expires; <see cref="LedgerTime.MaxValue"/> for never. Else the default
    /// value.</summary>
    public LedgerTime Deadline { get; init; }

    /// <summary>For a balancing transfer: what bound its amount.</summary>
    public AmountBound Bound { get; init; }

    /// <summary>For a post or a void that leaves reference or metadata to its hold: the row that holds the hold's
    /// content, in the stream of the account that keeps this leg; 0 where it leaves nothing, or an earlier leg makes
    /// the hold. They are read from there when they are shown, and never copied: many small resolutions would become a
    /// large row (R17). Says nothing of what is done, and is in no digest.</summary>
    public long HoldRow { get; init; }

    /// <summary>Whether it makes a hold.</summary>
    public bool IsHold => Transfer is not null && Transfer.Kind == TransferKind.Hold;

    /// <summary>Whether it moves money at once: such a leg is an entry of both statements.</summary>
    public bool IsPosting =>
        Transfer is not null
        && Transfer.Kind is TransferKind.Direct or TransferKind.PostHold;

    /// <summary>For a post or a void: what leaves the hold.</summary>
    public Amount Released =>
        Transfer!.KeepRest && Amount < HoldRemaining
        ? Amount
        : HoldRemaining;

    /// <summary>For a post or a void: what the hold has become.</summary>
    public HoldState HoldAfter => Released < HoldRemaining ? HoldState.Live
        : Transfer!.Kind == TransferKind.PostHold ? HoldState.Posted
        : Transfer.Kind == TransferKind.ExpireHold ? HoldState.Expired
        : HoldState.Voided;

    /// <summary>Whether an account takes part in it.</summary>
    /// <param name="account">The account.</param>
    public bool Concerns(AccountAddress account) => Transfer is { } transfer
        ? transfer.DebitAccount == account || transfer.CreditAccount == account
        : Opening!.Address == account;
}
