using Ledger.Core;

namespace Ledger.Actors.Leasing;

/// <summary>A lease is renewed.</summary>
/// <param name="Database">When, by the database's clock.</param>
/// <param name="Lead">By how much the ledger time of the furthest other holder is ahead of that clock; null for no other.</param>
internal sealed record LeaseRenewal(LedgerTime Database, TimeSpan? Lead);
