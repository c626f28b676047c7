using Ledger.Core;

namespace Ledger.Actors;

/// <summary>Where this node has lately seen ids of transfers: a bounded, lossy memory. It finds a transfer by its id alone, and
/// notices an id that is used again between other accounts, which no account could. Thread-safe, without locks.</summary>
internal sealed class RecentIds
{
    private const int Size = 1 << 16;
    private readonly Entry?[] entries = new Entry?[Size];

    /// <summary>Remembers where an id was decided.</summary>
    /// <param name="id">The id.</param>
    /// <param name="account">The account that knows it; none when it failed before it came to any.</param>
    public void Add(TransferId id, AccountAddress account) => Volatile.Write(ref entries[SlotOf(id)], new Entry(id, account));

    /// <summary>Where an id was decided, if that is remembered.</summary>
    /// <param name="id">The id.</param>
    /// <param name="account">The account that knows it; none when it failed before it came to any.</param>
    public bool TryFind(TransferId id, out AccountAddress account)
    {
        if (Volatile.Read(ref entries[SlotOf(id)]) is { } entry && entry.Id == id)
        {
            account = entry.Account;
            return true;
        }

        account = default;
        return false;
    }

    private static int SlotOf(TransferId id)
    {
        var folded = unchecked((ulong)id.Value ^ (ulong)(id.Value >> 64));
        return (int)((folded ^ (folded >> 32) ^ (folded >> 48)) & (Size - 1));
    }

    private sealed record Entry(TransferId Id, AccountAddress Account);
}
