namespace Ledger;

/// <summary>The kind and the properties of a transfer as bits: as they are stored, digested and compared. Numbers below
/// 4096 are TigerBeetle's; the others are this ledger's own. Never reuse a number.</summary>
[Flags]
internal enum TransferFlags
{
    /// <summary>Posts at once.</summary>
    None = 0,

    /// <summary>A hold: reserves the amount until it is posted, voided or expired.</summary>
    Pending = 1 << 1,

    /// <summary>Posts a hold, wholly or in part; the rest is released unless <see cref="KeepRest"/> is set.</summary>
    PostPending = 1 << 2,

    /// <summary>Voids a hold.</summary>
    VoidPending = 1 << 3,

    /// <summary>Moves at most what the debit account has available.</summary>
    BalancingDebit = 1 << 4,

    /// <summary>Moves at most what the credit account lacks.</summary>
    BalancingCredit = 1 << 5,

    /// <summary>A hold that closes the debit account; its void or expiry reopens it.</summary>
    ClosingDebit = 1 << 6,

    /// <summary>A hold that closes the credit account; its void or expiry reopens it.</summary>
    ClosingCredit = 1 << 7,

    /// <summary>With <see cref="PostPending"/>: what is not posted stays on hold, so that a hold can be posted in
    /// several parts. Posting all that is left ends it.</summary>
    KeepRest = 1 << 12,

    /// <summary>The void that the ledger itself starts when a hold's time is up. Clients can't set it.</summary>
    Expiry = 1 << 13,

    /// <summary>Opens the accounts that do not exist yet, together with the transfer: with its asset, which must be
    /// named, its code, and no limits.</summary>
    OpenAccounts = 1 << 14,
}
