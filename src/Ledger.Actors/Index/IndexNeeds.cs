namespace Ledger.Actors.Index;

/// <summary>What the rows of a page refer to that was folded before them.</summary>
/// <param name="Holds">Holds.</param>
/// <param name="Accounts">Accounts of which all is needed.</param>
/// <param name="Assets">Accounts of which the asset is needed.</param>
internal sealed record IndexNeeds(
    IReadOnlySet<TransferId> Holds, IReadOnlySet<AccountAddress> Accounts, IReadOnlySet<AccountAddress> Assets);
