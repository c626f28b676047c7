namespace Ledger.Audit;

/// <summary>What can be found in an audit log.</summary>
internal enum AuditFindingKind
{
    /// <summary>A record's bytes are not those that were hashed, or it is behind another record than it was.</summary>
    Changed,

    /// <summary>A line is no record.</summary>
    NoRecord,

    /// <summary>Records are missing: a file was deleted, or cut.</summary>
    Missing,

    /// <summary>The newest record is older than the one that is known from elsewhere, or another.</summary>
    NotTheHead,

    /// <summary>The newest record is not whole: its process or machine ended while it was written, or writes
    /// it.</summary>
    Unfinished,

    /// <summary>The oldest record is not the first: older files have been put elsewhere.</summary>
    BeginsLater,

    /// <summary>The process says that it had to throw records away.</summary>
    Dropped,
}
