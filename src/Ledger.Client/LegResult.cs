namespace Ledger.Client;

/// <summary>What became of one leg of a transaction.</summary>
/// <param name="TransferId">For a transfer whose request named the legs: its id. Otherwise empty.</param>
/// <param name="Transfer">For a transfer: its outcome. Otherwise <see cref="TransferStatus.Unspecified"/>.</param>
/// <param name="Opening">For an opening: its outcome. Otherwise <see cref="AccountStatus.Unspecified"/>.</param>
/// <param name="Amount">For a transfer that is recorded: the amount that was moved, held or released. Otherwise
/// null.</param>
public sealed record LegResult(Guid TransferId, TransferStatus Transfer, AccountStatus Opening, UInt128? Amount);
