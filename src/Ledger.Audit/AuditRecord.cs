namespace Ledger.Audit;

/// <summary>A record of the audit log, as it stands in a file. Immutable.</summary>
/// <param name="Number">Its number: one more than that of the record before.</param>
/// <param name="Time">When it was put on record, to the millisecond.</param>
/// <param name="Node">The node that wrote it.</param>
/// <param name="Event">What happened.</param>
internal sealed record AuditRecord(long Number, DateTimeOffset Time, string Node, AuditEvent Event)
{
    /// <summary>How often, where it stands for several; 0 where it stands for itself.</summary>
    public long Count { get; init; }

    /// <summary>Since when they came, where it stands for several.</summary>
    public DateTimeOffset? Since { get; init; }

    /// <summary>Of the first record of a file or process: the hash of the record before.</summary>
    public string? Previous { get; init; }
}
