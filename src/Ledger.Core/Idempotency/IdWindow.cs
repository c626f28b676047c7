namespace Ledger.Core;

/// <summary>How near the time of an id and the booking time of what brings it up lie (R22). Constants of the format:
/// they say which ids have entries in the index, so a ledger that has rows keeps them for ever.</summary>
internal static class IdWindow
{
    /// <summary>How far apart they may be where the id has no entry in the index: it is found by its own
    /// time.</summary>
    public static readonly TimeSpan Width = TimeSpan.FromSeconds(2);

    /// <summary>How many rows may lie between the preparation of a transaction and its outcome where the outcome has no
    /// entry of its own: it is found by reading on.</summary>
    public const int OutcomeRowsMax = 64;

    /// <summary>How far ahead of an account's time a new id may be. Not a part of the format.</summary>
    public static readonly TimeSpan LeadMax = TimeSpan.FromHours(1);

    /// <summary>How many ids that are ahead of the account's time stay in memory beyond the usual. Not a part of the
    /// format.</summary>
    public const int EarlyMax = 256;

    internal const long WidthMicroseconds = 2_000_000;

    /// <summary>Whether what brings an id up lies so near to the id's own time that it needs no entry in the
    /// index.</summary>
    /// <param name="id">The id.</param>
    /// <param name="at">When what brings it up was booked.</param>
    public static bool Holds(TransferId id, LedgerTime at)
    {
        if (!id.IsTimeOrdered)
        {
            return false;
        }

        var ahead = id.UnixMicroseconds - at.UnixMicroseconds;
        return ahead is >= -WidthMicroseconds and <= WidthMicroseconds;
    }

    /// <summary>Whether an id is so far ahead that it is refused.</summary>
    /// <param name="id">The id.</param>
    /// <param name="now">The account's time.</param>
    internal static bool IsOfTheFuture(TransferId id, LedgerTime now) =>
        id.IsTimeOrdered && id.UnixMicroseconds > now.Add(LeadMax).UnixMicroseconds;
}
