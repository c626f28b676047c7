namespace Ledger;

/// <summary>A page of accounts. Immutable.</summary>
/// <param name="Accounts">The accounts; there may be fewer than asked for, even none.</param>
/// <param name="Next">Asks for the next page, or null when this one is the last.</param>
public sealed record AccountPage(IReadOnlyList<Account> Accounts, string? Next)
{
    /// <summary>The ledger's epoch in which the page was read. After a loss of commits another one begins, and a page
    /// of before may show what is no more.</summary>
    public long Epoch { get; init; }
}
