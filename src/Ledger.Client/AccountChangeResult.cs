namespace Ledger.Client;

/// <summary>What became of the change of an account.</summary>
/// <param name="Status"><see cref="AccountStatus.Changed"/>, <see cref="AccountStatus.Unchanged"/>, or why not.</param>
/// <param name="Account">The account after it; null when it does not exist.</param>
public sealed record AccountChangeResult(AccountStatus Status, Account? Account)
{
    /// <summary>Where it was decided, as an opaque text: whoever has read the journals up to it has seen this outcome.
    /// Empty for what an earlier request had decided, and from a ledger that does not say.</summary>
    public string Position { get; init; } = "";

    /// <summary>Whether the account is as was asked, since now or since before.</summary>
    public bool IsApplied => Status is AccountStatus.Changed or AccountStatus.Unchanged;
}
