namespace Ledger;

/// <summary>A page of accounts that have been in doubt for long. Immutable.</summary>
/// <param name="Accounts">The accounts.</param>
/// <param name="Next">Asks for the next page, or null when this one is the last.</param>
public sealed record InDoubtPage(IReadOnlyList<AccountInDoubt> Accounts, string? Next)
{
    /// <summary>The ledger's epoch in which the page was read. After a loss of commits another one begins, and a page
    /// of before may show what is no more.</summary>
    public long Epoch { get; init; }
}
