namespace Ledger;

/// <summary>What became of one leg. Immutable.</summary>
/// <param name="Transfer">For a transfer: its outcome; else <see cref="TransferStatus.None"/>.</param>
/// <param name="Opening">For an opening: its outcome; else <see cref="AccountStatus.None"/>.</param>
/// <param name="Amount">For a transfer that is recorded: the amount that was moved, held or released.</param>
public readonly record struct LegResult(TransferStatus Transfer, AccountStatus Opening, Amount Amount);
