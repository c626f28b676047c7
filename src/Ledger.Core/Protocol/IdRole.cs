namespace Ledger.Core;

/// <summary>What an id is to an operation.</summary>
internal enum IdRole
{
    /// <summary>Its own: of the transaction, the attempt or one of its transfers.</summary>
    Own,

    /// <summary>That of a hold which it resolves or extends.</summary>
    Hold,

    /// <summary>That of a transfer which it takes back.</summary>
    Reversed,
}
