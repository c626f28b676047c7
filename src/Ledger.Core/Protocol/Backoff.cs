namespace Ledger.Core;

/// <summary>Pauses before something is tried again.</summary>
internal static class Backoff
{
    // A first pause of up to ten days doubles so often without an overflow.
    private const int DoublingsMax = 20;

    /// <summary>A pause that doubles each time.</summary>
    /// <param name="first">The first pause.</param>
    /// <param name="max">The longest.</param>
    /// <param name="attempt">How many there were before: 0 for the first.</param>
    public static TimeSpan Exponential(TimeSpan first, TimeSpan max, int attempt)
    {
        var pause = first * (1 << Math.Min(attempt, DoublingsMax));
        return pause < max ? pause : max;
    }

    /// <summary>Spreads a pause to up to twice as long, the same each time: those that meet again and again do not do
    /// so in step.</summary>
    /// <param name="pause">The pause.</param>
    /// <param name="id">Who pauses.</param>
    /// <param name="attempt">Which time.</param>
    public static TimeSpan Spread(TimeSpan pause, TransferId id, int attempt)
    {
        var spread = (long)(unchecked((ulong)(id.Value ^ (uint)attempt) * 0x9E3779B97F4A7C15UL) >> 40 & 0x3FF);
        return pause * (1 + (spread / 1024.0));
    }

    /// <summary>Whether a pause is over. A clock that was set back must not stop the ledger: what lies further ahead
    /// than any pause is due.</summary>
    /// <param name="due">When it is over.</param>
    /// <param name="now">The time.</param>
    /// <param name="longest">The longest pause.</param>
    public static bool IsDue(LedgerTime due, LedgerTime now, TimeSpan longest) => now >= due || due > now.Add(longest);
}
