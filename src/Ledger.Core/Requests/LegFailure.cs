namespace Ledger.Core;

/// <summary>The leg for which a transaction is rejected. Immutable.</summary>
/// <param name="Leg">Its place, from 0.</param>
/// <param name="Reason">Why; of an opening, the number of an <see cref="AccountStatus"/>.</param>
internal readonly record struct LegFailure(int Leg, TransferStatus Reason);
