namespace Ledger.Client;

/// <summary>Why the counters of an account are not final: transactions are in doubt on it. They are prepared, and
/// another account that is to say what became of them does not answer.</summary>
/// <param name="Least">For each counter the least that it can be, whatever becomes of them.</param>
/// <param name="Greatest">For each counter the greatest that it can be.</param>
/// <param name="TransactionCount">How many transactions are in doubt.</param>
/// <param name="Transactions">The oldest of them, at most 100.</param>
/// <param name="CompleteUpTo">Everything that the account prepared at this time or earlier is decided, and
/// booked.</param>
public sealed record AccountDoubt(
    Balances Least, Balances Greatest, int TransactionCount, IReadOnlyList<TransactionInDoubt> Transactions,
    DateTimeOffset CompleteUpTo);
