namespace Ledger.Client;

/// <summary>What became of one account that was to be opened.</summary>
/// <param name="Address">The address that the request gave.</param>
/// <param name="Status">The outcome.</param>
/// <param name="CreateTime">When the account was opened, if it is open with this content; otherwise null.</param>
public sealed record OpenAccountResult(string Address, AccountStatus Status, DateTimeOffset? CreateTime)
{
    /// <summary>Where it was decided, as an opaque text: whoever has read the journals up to it has seen this outcome.
    /// Empty for what an earlier request had decided, and from a ledger that does not say.</summary>
    public string Position { get; init; } = "";

    /// <summary>Whether the account is open with the content that was asked for, since now or since before.</summary>
    public bool IsOpen => Status is AccountStatus.Created or AccountStatus.Exists;
}
