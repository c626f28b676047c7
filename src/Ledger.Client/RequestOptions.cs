namespace Ledger.Client;

/// <summary>What is different for one call.</summary>
public sealed record RequestOptions
{
    /// <summary>How long one attempt may take; null (the default) for that of
    /// <see cref="LedgerClientOptions"/>.</summary>
    public TimeSpan? Timeout { get; init; }

    /// <summary>For how long a write is sent again while its outcome is unknown (the call failed with
    /// <c>UNAVAILABLE</c>, <c>DEADLINE_EXCEEDED</c>, <c>INTERNAL</c>, <c>UNKNOWN</c>, or <c>CANCELLED</c> by the
    /// server). The same id and content are sent, so it is recorded at most once. Counted from the first attempt; the
    /// last attempt may end up to one timeout later. Null (the default) for that of
    /// <see cref="LedgerClientOptions"/>; zero turns it off. Reads ignore it. A change without an id, such as a
    /// freeze, is only sent again while no node can be reached: a late copy could undo what somebody else has changed
    /// since.</summary>
    public TimeSpan? RetryUnknownFor { get; init; }

    /// <summary>For <see cref="LedgerClient.GetAccountAsync"/> and <see cref="LedgerClient.ListAccountsAsync"/>:
    /// whether an account is wanted although transactions are in doubt on it. Its <see cref="Account.Doubt"/> then says
    /// which, and its counters are not final. For <see cref="LedgerClient.ListStatementAsync"/>: whether the entries
    /// are wanted although some may be missing. Else the call fails with <c>ACCOUNT_IN_DOUBT</c>. The default is
    /// false.</summary>
    public bool AllowInDoubt { get; init; }

    /// <summary>Whether the post of transfers, up to 2,048, or of a transaction is answered with its accounts as they
    /// are right after it. The default is false. Other calls ignore it.</summary>
    public bool ReturnBalances { get; init; }
}
