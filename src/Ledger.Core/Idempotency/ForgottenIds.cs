namespace Ledger.Core;

/// <summary>Which time-ordered ids have left an account's memory lately: a filter that never forgets one, and takes one
/// in a hundred others for one. A hot account has gone through its memory in a fraction of a second, and without this
/// looks for each id that was under way for longer. Not a part of the state: it begins empty when the account
/// wakes.</summary>
/// <remarks>Two generations, of which the older goes when the newer is full. What had left before a generation began is
/// not above the watermark of then, so it says nothing about those. Not thread-safe.</remarks>
/// <param name="watermark">The newest that has left so far.</param>
internal sealed class ForgottenIds(TransferId watermark)
{
    private const int IdsMax = 65_536;

    // Ten bits an id, four of which are set: one in a hundred is taken for another.
    private const int Words = IdsMax * 10 / 64;

    private (ulong[] Bits, TransferId Since) newer = (new ulong[Words], watermark);
    private (ulong[] Bits, TransferId Since)? older;
    private int count;

    /// <summary>Notes one that leaves.</summary>
    /// <param name="id">The id.</param>
    /// <param name="before">The newest that has left before.</param>
    public void Add(TransferId id, TransferId before)
    {
        if (count == IdsMax)
        {
            var bits = older?.Bits ?? new ulong[Words];
            Array.Clear(bits);
            older = newer;
            newer = (bits, before);
            count = 0;
        }

        count++;
        var hash = Hash(id);
        for (var i = 0; i < 4; i++, hash = Next(hash))
        {
            var bit = (uint)(hash >> 32) % (Words * 64u);
            newer.Bits[bit >> 6] |= 1UL << (int)(bit & 63);
        }
    }

    /// <summary>Whether an id may have left; else it surely has not.</summary>
    /// <param name="id">The id.</param>
    public bool MayContain(TransferId id) =>
        id <= (older ?? newer).Since || IsIn(newer.Bits, id) || (older is { } one && IsIn(one.Bits, id));

    private static bool IsIn(ulong[] bits, TransferId id)
    {
        var hash = Hash(id);
        for (var i = 0; i < 4; i++, hash = Next(hash))
        {
            var bit = (uint)(hash >> 32) % (Words * 64u);
            if ((bits[bit >> 6] & (1UL << (int)(bit & 63))) == 0)
            {
                return false;
            }
        }

        return true;
    }

    private static ulong Hash(TransferId id) =>
        Next(unchecked((ulong)id.Value ^ ((ulong)(id.Value >> 64) * 0x9E37_79B9_7F4A_7C15UL)));

    // SplitMix64.
    private static ulong Next(ulong hash)
    {
        unchecked
        {
            hash += 0x9E37_79B9_7F4A_7C15UL;
            hash = (hash ^ (hash >> 30)) * 0xBF58_476D_1CE4_E5B9UL;
            hash = (hash ^ (hash >> 27)) * 0x94D0_49BB_1331_11EBUL;
            return hash ^ (hash >> 31);
        }
    }
}
