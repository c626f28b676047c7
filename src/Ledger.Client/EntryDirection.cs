namespace Ledger.Client;

/// <summary>The side of an account that a transfer changed. The numbers are those of the wire.</summary>
public enum EntryDirection
{
    /// <summary>Not known to this version of the client.</summary>
    Unspecified = 0,

    /// <summary>The account was debited.</summary>
    Debit = 1,

    /// <summary>The account was credited.</summary>
    Credit = 2,
}
