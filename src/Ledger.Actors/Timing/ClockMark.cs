namespace Ledger.Actors.Timing;

/// <summary>What a storage remembers of the ledger's time, for a process that begins.</summary>
/// <param name="Newest">When the newest row was written, by the ledger time of who wrote it; null for an empty
/// journal.</param>
internal sealed record ClockMark(LedgerTime? Newest)
{
    /// <summary>In which run of the machine <see cref="Time"/> was; empty where that is not known.</summary>
    public string BootId { get; init; } = "";

    /// <summary>How long the machine had run then.</summary>
    public TimeSpan Uptime { get; init; }

    /// <summary>The ledger time then.</summary>
    public LedgerTime Time { get; init; }
}
