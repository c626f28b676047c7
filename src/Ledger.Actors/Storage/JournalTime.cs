namespace Ledger.Actors.Storage;

/// <summary>The time that the plugin's column <c>created</c> tells.</summary>
internal static class JournalTime
{
    /// <summary>Microseconds since the Unix epoch.</summary>
    /// <param name="created">Ticks since the year 1.</param>
    public static long Micros(long created) => (created - DateTime.UnixEpoch.Ticks) / TimeSpan.TicksPerMicrosecond;
}
