namespace Ledger.Core;

/// <summary>Why an account refuses. Immutable.</summary>
/// <param name="Leg">The place of its first leg that fails.</param>
/// <param name="Reason">Why; of an opening, the number of an <see cref="AccountStatus"/>.</param>
/// <param name="Asset">The account's asset; none when it does not exist.</param>
/// <param name="Seen">Its balances; null when it does not exist.</param>
internal sealed record Refusal(int Leg, TransferStatus Reason, Asset Asset, Balances? Seen);
