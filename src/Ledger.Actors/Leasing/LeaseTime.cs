namespace Ledger.Actors.Leasing;

/// <summary>What time it was by the holder of a lease when that was last renewed.</summary>
/// <param name="Holder">Whose.</param>
/// <param name="RenewedAt">When it was renewed, by the database's clock.</param>
/// <param name="Lead">By how much its ledger time was ahead of that; negative when behind, null before the first
/// renewal.</param>
/// <param name="IsRevoked">Whether it can't be renewed any more.</param>
internal sealed record LeaseTime(Guid Holder, LedgerTime RenewedAt, TimeSpan? Lead, bool IsRevoked);
