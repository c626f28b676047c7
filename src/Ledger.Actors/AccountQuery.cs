namespace Ledger;

/// <summary>Which account to read. Immutable.</summary>
/// <param name="Account">The account.</param>
public sealed record AccountQuery(AccountAddress Account)
{
    /// <summary>Whether the account is wanted although transactions are in doubt on it: its
    /// <see cref="Account.Doubt"/> then says which, and its counters are not final. Else the read fails with
    /// <see cref="LedgerErrorReason.AccountInDoubt"/>. The default value is false.</summary>
    public bool AllowInDoubt { get; init; }
}
