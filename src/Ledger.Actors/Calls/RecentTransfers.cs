using Ledger.Core;

namespace Ledger.Actors.Calls;

/// <summary>Where this node has lately seen ids of transfers: a bounded, lossy memory. It finds a transfer by its id
/// alone, and notices an id that is used again between other accounts, which no account could. Thread-safe.</summary>
/// <remarks>Every transfer passes here, so nothing is left behind that a collection of garbage would have to carry on:
/// the entries lie in the table itself, and accounts that come again share the text of their address.</remarks>
internal sealed class RecentTransfers
{
    private const int Size = 1 << 16;
    private const int AddressesSize = 1 << 14;
    private readonly (TransferId Id, AccountAddress Account)[] entries = new (TransferId, AccountAddress)[Size];
    private readonly AccountAddress[] addresses = new AccountAddress[AddressesSize];

    // An entry is wider than what a processor writes at once. Which slots share a lock has no meaning.
    private readonly Lock[] locks = [.. Enumerable.Range(0, 64).Select(static _ => new Lock())];

    /// <summary>Remembers where an id was decided.</summary>
    /// <param name="id">The id.</param>
    /// <param name="account">The account that knows it.</param>
    public void Add(TransferId id, AccountAddress account)
    {
        var shared = Share(account);
        var slot = SlotOf(id);
        lock (LockOf(slot))
        {
            entries[slot] = (id, shared);
        }
    }

    /// <summary>Remembers a transfer that was just decided, where it used its id up.</summary>
    /// <param name="result">What became of it.</param>
    /// <param name="coordinator">The account that decided it.</param>
    public void Remember(TransferResult result, AccountAddress coordinator)
    {
        if (!result.Replayed
            && (result.Status == TransferStatus.Created || IdempotencyDetails.ConsumesId(result.Status)))
        {
            Add(result.Id, coordinator);
        }
    }

    /// <summary>Remembers a transaction that was just decided, and its transfers where it was committed.</summary>
    /// <param name="transaction">The transaction.</param>
    /// <param name="result">What became of it.</param>
    /// <param name="coordinator">The account that coordinated it.</param>
    public void Remember(Transaction transaction, TransactionResult result, AccountAddress coordinator)
    {
        if (result.Replayed)
        {
            return;
        }

        if (result.CreateTime != default)
        {
            // Journaled: the coordinator knows it.
            Add(transaction.Id, coordinator);
        }

        // The leg that failed is no news of this node's: the coordinator's journal says that its id is used up.
        if (!result.IsCommitted)
        {
            return;
        }

        foreach (var leg in transaction.Legs)
        {
            if (leg.Transfer is { } transfer)
            {
                Add(transfer.Id, transfer.DebitAccount.IsNone ? coordinator : transfer.DebitAccount);
            }
        }
    }

    /// <summary>Where an id was decided, if that is remembered.</summary>
    /// <param name="id">The id.</param>
    /// <param name="account">The account that knows it.</param>
    public bool TryFind(TransferId id, out AccountAddress account)
    {
        var slot = SlotOf(id);
        lock (LockOf(slot))
        {
            (var found, account) = entries[slot];
            if (found == id && !id.IsNil)
            {
                return true;
            }
        }

        account = default;
        return false;
    }

    private static int SlotOf(TransferId id)
    {
        var folded = unchecked((ulong)id.Value ^ (ulong)(id.Value >> 64));
        return (int)((folded ^ (folded >> 32) ^ (folded >> 48)) & (Size - 1));
    }

    private Lock LockOf(int slot) => locks[slot % locks.Length];

    // An address is one reference, which is read and written at once.
    private AccountAddress Share(AccountAddress account)
    {
        ref var known = ref addresses[account.GetHashCode() & (AddressesSize - 1)];
        var one = known;
        if (one != account)
        {
            known = one = account;
        }

        return one;
    }
}
