namespace Ledger.Actors.Index;

/// <summary>What a fold must know of what was folded before.</summary>
internal sealed class IndexKnown
{
    /// <summary>Holds, by their ids and debit accounts.</summary>
    public Dictionary<(TransferId Id, AccountAddress Debit), IndexedTransfer> Holds { get; } = [];

    /// <summary>Accounts.</summary>
    public Dictionary<AccountAddress, IndexedAccount> Accounts { get; } = [];

    /// <summary>The assets of accounts, which never change.</summary>
    public Dictionary<AccountAddress, Asset> Assets { get; init; } = [];
}
