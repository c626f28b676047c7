namespace Ledger.Actors.Leasing;

/// <summary>What time it is by the database, and by those who have leases there.</summary>
/// <param name="Database">By the database's clock.</param>
/// <param name="Holders">By the holders of leases.</param>
internal sealed record LeaseTimes(LedgerTime Database, IReadOnlyList<LeaseTime> Holders);
