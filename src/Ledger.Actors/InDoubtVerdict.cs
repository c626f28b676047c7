namespace Ledger;

/// <summary>That a transaction is to be aborted which is in doubt. Immutable.</summary>
/// <param name="Account">An account that has it in doubt, best the one that coordinates it.</param>
/// <param name="Id">The transaction; of a transfer alone, the transfer.</param>
/// <param name="By">Who wants it, see <see cref="Principals"/>; never empty.</param>
/// <param name="Reason">Why; never empty, at most <see cref="OperatorVerdict.ReasonBytesMax"/> bytes of UTF-8. It is
/// journaled.</param>
public sealed record InDoubtVerdict(AccountAddress Account, TransferId Id, string By, string Reason);
