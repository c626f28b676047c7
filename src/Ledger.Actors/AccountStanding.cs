namespace Ledger;

/// <summary>What an account takes.</summary>
public enum AccountStanding
{
    /// <summary>Neither frozen nor closed.</summary>
    Open = 1,

    /// <summary>It takes no debits, no credits or neither, and is not closed.</summary>
    Frozen = 2,

    /// <summary>It is closed.</summary>
    Closed = 3,
}
