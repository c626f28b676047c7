using System.Collections.Immutable;
using Ledger.Core;

namespace Ledger;

/// <summary>Why the counters of an account are not final: transactions that it has prepared, and whose outcome it does
/// not know yet (R20). Immutable.</summary>
/// <param name="Least">For each counter the least that it can be, whatever becomes of them; nothing is in doubt in
/// it.</param>
/// <param name="Greatest">For each counter the greatest that it can be.</param>
/// <param name="Count">How many transactions are in doubt.</param>
/// <param name="Transactions">The oldest of them, at most <see cref="TransactionsMax"/>.</param>
/// <param name="CompleteUpTo">Everything that the account prepared at this time or earlier is decided, and
/// booked.</param>
public sealed record AccountDoubt(
    Balances Least, Balances Greatest, int Count, ImmutableArray<TransactionInDoubt> Transactions,
    LedgerTime CompleteUpTo)
{
    /// <summary>How many transactions are shown.</summary>
    public const int TransactionsMax = 100;

    /// <summary>Shows what an account has in doubt; null for nothing.</summary>
    /// <param name="state">The account.</param>
    internal static AccountDoubt? Of(AccountState state)
    {
        var all = state.InDoubtInOrder();
        if (all.Count == 0)
        {
            return null;
        }

        Span<UInt128> up = stackalloc UInt128[4];
        Span<UInt128> down = stackalloc UInt128[4];
        up.Clear();
        down.Clear();
        foreach (var doubt in all)
        {
            // Each may be committed or not, whatever becomes of the others.
            var changes = doubt.ChangesOf(state.Address);
            Add(changes.DebitsPending, ref up[0], ref down[0]);
            Add(changes.DebitsPosted, ref up[1], ref down[1]);
            Add(changes.CreditsPending, ref up[2], ref down[2]);
            Add(changes.CreditsPosted, ref up[3], ref down[3]);
        }

        var decided = state.Balances;
        return new AccountDoubt(
            new Balances(
                Less(decided.DebitsPending, down[0]), Less(decided.DebitsPosted, down[1]),
                Less(decided.CreditsPending, down[2]), Less(decided.CreditsPosted, down[3]), Amount.Zero, Amount.Zero),
            new Balances(
                More(decided.DebitsPending, up[0]), More(decided.DebitsPosted, up[1]),
                More(decided.CreditsPending, up[2]), More(decided.CreditsPosted, up[3]), Amount.Zero, Amount.Zero),
            all.Count,
            [.. all.Take(TransactionsMax).Select(doubt => TransactionInDoubt.Of(doubt, state.Address))],
            CompleteBefore(all[0]));
    }

    /// <summary>The last moment up to which everything is decided, seen from the oldest transaction in doubt.</summary>
    /// <param name="oldest">That transaction.</param>
    internal static LedgerTime CompleteBefore(InDoubtTransaction oldest) =>
        new(oldest.PreparedTime.UnixMicroseconds - 1);

    private static void Add(SignedAmount change, ref UInt128 up, ref UInt128 down)
    {
        if (change.IsNegative)
        {
            CounterChanges.Add(ref down, change.Magnitude);
        }
        else
        {
            CounterChanges.Add(ref up, change.Magnitude);
        }
    }

    private static Amount Less(Amount decided, UInt128 down) =>
        decided.Value > down ? new Amount(decided.Value - down) : Amount.Zero;

    private static Amount More(Amount decided, UInt128 up) =>
        decided.TryAdd(new Amount(up), out var sum) ? sum : Amount.MaxValue;
}
