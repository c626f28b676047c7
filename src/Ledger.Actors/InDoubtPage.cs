namespace Ledger.Actors;

/// <summary>A page of accounts that have been in doubt for long. Immutable.</summary>
/// <param name="Accounts">The accounts.</param>
/// <param name="Next">Asks for the next page, or null when this one is the last.</param>
public sealed record InDoubtPage(IReadOnlyList<AccountInDoubt> Accounts, string? Next);
