namespace Ledger.Access;

/// <summary>What a caller may be allowed to do. A policy file writes the names as in
/// <see cref="AccessRightNames"/>.</summary>
[Flags]
public enum AccessRights
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>To read an account, and transfers and transactions that it took part in. By account.</summary>
    Read = 1 << 0,

    /// <summary>To read the statement of an account. By account.</summary>
    Statement = 1 << 1,

    /// <summary>To list accounts. By account: those that match are in the list.</summary>
    List = 1 << 2,

    /// <summary>To open an account. By account and asset.</summary>
    Open = 1 << 3,

    /// <summary>To move money. By debit account, credit account, asset and amount.</summary>
    Transfer = 1 << 4,

    /// <summary>To make a hold. By debit account, credit account, asset and amount.</summary>
    Hold = 1 << 5,

    /// <summary>To post, void or extend a hold. By the hold's debit account and asset, and the amount posted.</summary>
    Resolve = 1 << 6,

    /// <summary>To close an account by a transfer, beside the right to make that transfer. By debit account, credit
    /// account, asset and amount.</summary>
    CloseByTransfer = 1 << 7,

    /// <summary>To take back what was moved. By the debit and credit accounts of the movement that corrects, asset and
    /// amount.</summary>
    Reverse = 1 << 8,

    /// <summary>To freeze, unfreeze, close and reopen an account. By account.</summary>
    Change = 1 << 9,

    /// <summary>To set the limits of an account. By account.</summary>
    Limits = 1 << 10,

    /// <summary>To call AdminService. Not by account.</summary>
    Admin = 1 << 11,
}
