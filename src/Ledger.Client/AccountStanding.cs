namespace Ledger.Client;

/// <summary>What an account takes.</summary>
public enum AccountStanding
{
    /// <summary>It is neither frozen nor closed.</summary>
    Open = 1,

    /// <summary>It is frozen for debits, credits or both, and not closed.</summary>
    Frozen = 2,

    /// <summary>It is closed.</summary>
    Closed = 3,
}
