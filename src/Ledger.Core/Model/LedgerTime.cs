using System.Text.Json.Serialization;
using Ledger.Core.Json;

namespace Ledger;

/// <summary>A moment, in microseconds since 1970-01-01T00:00:00Z. Always an argument, never read from a clock
/// here.</summary>
/// <remarks>Immutable and thread-safe. The default value is the epoch.</remarks>
/// <param name="UnixMicroseconds">Microseconds since the Unix epoch.</param>
[JsonConverter(typeof(LedgerTimeJsonConverter))]
public readonly record struct LedgerTime(long UnixMicroseconds) : IComparable<LedgerTime>
{
    /// <summary>Later than every moment.</summary>
    public static readonly LedgerTime MaxValue = new(long.MaxValue);

    /// <summary>Makes a moment of a date, cutting below the microsecond.</summary>
    /// <param name="time">The date.</param>
    public static LedgerTime From(DateTimeOffset time) =>
        new((time.UtcTicks - DateTimeOffset.UnixEpoch.UtcTicks) / TimeSpan.TicksPerMicrosecond);

    /// <summary>The moment as a date in UTC.</summary>
    public DateTimeOffset ToDateTimeOffset() =>
        DateTimeOffset.UnixEpoch.AddTicks(UnixMicroseconds * TimeSpan.TicksPerMicrosecond);

    /// <summary>Adds a duration; stays at <see cref="MaxValue"/> when it would pass it.</summary>
    /// <param name="duration">The duration, not negative.</param>
    public LedgerTime Add(TimeSpan duration)
    {
        var micros = duration.Ticks / TimeSpan.TicksPerMicrosecond;
        return UnixMicroseconds > long.MaxValue - micros ? MaxValue : new LedgerTime(UnixMicroseconds + micros);
    }

    // The earlier, and the later of two.
    internal static LedgerTime Min(LedgerTime left, LedgerTime right) => left < right ? left : right;

    internal static LedgerTime Max(LedgerTime left, LedgerTime right) => left > right ? left : right;

    /// <inheritdoc/>
    public int CompareTo(LedgerTime other) => UnixMicroseconds.CompareTo(other.UnixMicroseconds);

    /// <summary>Compares.</summary>
    /// <param name="left">The one.</param>
    /// <param name="right">The other.</param>
    public static bool operator <(LedgerTime left, LedgerTime right) => left.UnixMicroseconds < right.UnixMicroseconds;

    /// <summary>Compares.</summary>
    /// <param name="left">The one.</param>
    /// <param name="right">The other.</param>
    public static bool operator >(LedgerTime left, LedgerTime right) => left.UnixMicroseconds > right.UnixMicroseconds;

    /// <summary>Compares.</summary>
    /// <param name="left">The one.</param>
    /// <param name="right">The other.</param>
    public static bool operator <=(LedgerTime left, LedgerTime right) =>
        left.UnixMicroseconds <= right.UnixMicroseconds;

    /// <summary>Compares.</summary>
    /// <param name="left">The one.</param>
    /// <param name="right">The other.</param>
    public static bool operator >=(LedgerTime left, LedgerTime right) =>
        left.UnixMicroseconds >= right.UnixMicroseconds;
}
