namespace Ledger.Access;

/// <summary>How much of a node one principal may hold at once, and use in a day. Each node counts for itself. What is
/// null is not bounded by it.</summary>
public sealed record CallerShare
{
    /// <summary>The largest of each.</summary>
    public const long Max = 1_000_000_000_000_000;

    /// <summary>How many calls may be under way at once; an open stream is one.</summary>
    public long? Calls { get; init; }

    /// <summary>How many streams may be open at once.</summary>
    public long? Streams { get; init; }

    /// <summary>How many bytes of requests may be held at once, read or being read, as they are in memory.</summary>
    public long? InFlightBytes { get; init; }

    /// <summary>How many accounts it may ask to be opened in a day of UTC.</summary>
    public long? AccountsPerDay { get; init; }

    /// <summary>How many bytes of requests it may send in a day of UTC, as they are in memory.</summary>
    public long? BytesPerDay { get; init; }

    /// <summary>Whether nothing is bounded.</summary>
    public bool IsEmpty => this == new CallerShare();
}
