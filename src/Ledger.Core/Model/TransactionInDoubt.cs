using System.Collections.Immutable;
using Ledger.Core;

namespace Ledger;

/// <summary>A transaction in doubt as one of its accounts shows it. Immutable.</summary>
/// <param name="Id">The transaction's id; of a transfer alone, the transfer's.</param>
/// <param name="Key">What its attempt is known by: the id, or for a later attempt one that follows from it.</param>
/// <param name="Since">When the account booked its preparation.</param>
/// <param name="Coordinator">The account that coordinates it.</param>
/// <param name="With">Its other accounts, as far as this one knows them, in the order of the legs: at the coordinator
/// the last one is the last agent. No more than <see cref="WithMax"/>; the last one is always among them.</param>
/// <param name="Changes">What it does to this account if it is committed.</param>
public sealed record TransactionInDoubt(
    TransferId Id, TransferId Key, LedgerTime Since, AccountAddress Coordinator, ImmutableArray<AccountAddress> With,
    CounterChanges Changes)
{
    /// <summary>How many accounts are named.</summary>
    public const int WithMax = 10;

    /// <summary>Shows what an account has in doubt.</summary>
    /// <param name="doubt">The transaction.</param>
    /// <param name="account">The account.</param>
    internal static TransactionInDoubt Of(InDoubtTransaction doubt, AccountAddress account)
    {
        var branch = doubt.Branch;
        var with = new List<AccountAddress>();
        var seen = new HashSet<AccountAddress> { account };
        foreach (var leg in branch.Legs)
        {
            Add(leg.Transfer?.DebitAccount ?? leg.Opening!.Address);
            Add(leg.Transfer?.CreditAccount ?? default);
        }

        if (with.Count > WithMax)
        {
            with.RemoveRange(WithMax - 1, with.Count - WithMax);
        }

        return new TransactionInDoubt(
            branch.Id, branch.Key, doubt.PreparedTime, branch.Coordinator, [.. with],
            CounterChanges.Of(branch, account));

        void Add(AccountAddress other)
        {
            if (!other.IsNone && seen.Add(other))
            {
                with.Add(other);
            }
        }
    }
}
