namespace Ledger.Audit;

/// <summary>Something that was found in an audit log.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="File">The file.</param>
/// <param name="Number">The number of the record, or of the first one that is missing.</param>
/// <param name="Text">What it means, for people.</param>
internal sealed record AuditFinding(AuditFindingKind Kind, string File, long Number, string Text)
{
    /// <summary>Whether the log is not what was written. Else it is as a crash or a person's order leaves it.</summary>
    public bool IsFault =>
        Kind is not (AuditFindingKind.Unfinished or AuditFindingKind.BeginsLater or AuditFindingKind.Dropped);
}
