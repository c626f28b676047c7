namespace Ledger.Audit;

/// <summary>Where nothing is put on record.</summary>
public sealed class NoAuditLog : IAuditLog
{
    /// <inheritdoc/>
    public bool IsWriting => true;

    /// <inheritdoc/>
    public bool IsRequired => false;

    /// <inheritdoc/>
    public long Written => 0;

    /// <inheritdoc/>
    public long Dropped => 0;

    /// <inheritdoc/>
    public void Write(AuditEvent entry)
    {
    }
}
