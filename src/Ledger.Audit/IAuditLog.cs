namespace Ledger.Audit;

/// <summary>Where it is put on record who was refused, and who changed what. Thread-safe.</summary>
public interface IAuditLog
{
    /// <summary>Whether records reach their file. False where its disk is full or stalls, or where too many records
    /// wait.</summary>
    bool IsWriting { get; }

    /// <summary>Whether what changes something is refused while records do not reach their file.</summary>
    bool IsRequired { get; }

    /// <summary>How many records have been written.</summary>
    long Written { get; }

    /// <summary>How many were thrown away, since too many waited.</summary>
    long Dropped { get; }

    /// <summary>Puts something on record soon. Never waits: where too many records wait it is thrown away and
    /// counted.</summary>
    /// <param name="entry">What happened.</param>
    void Write(AuditEvent entry);
}
