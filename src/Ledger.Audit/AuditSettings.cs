namespace Ledger.Audit;

/// <summary>How an audit log is written.</summary>
/// <param name="Directory">Where its files are.</param>
/// <param name="Node">The name that stands in records.</param>
internal sealed record AuditSettings(string Directory, string Node)
{
    /// <summary>How long a file becomes, about.</summary>
    public long FileBytesMax { get; init; } = 64 * 1024 * 1024;

    /// <summary>How many records may wait.</summary>
    public int QueueMax { get; init; } = 4096;

    /// <summary>Whether what changes something is refused while records do not reach their file.</summary>
    public bool IsRequired { get; init; }

    /// <summary>Writes bytes at a place of a file; null to write them to the disk.</summary>
    public Action<Microsoft.Win32.SafeHandles.SafeFileHandle, ReadOnlyMemory<byte>, long>? Write { get; init; }

    /// <summary>Has what was written put on the disk; null to have the system do it.</summary>
    public Action<Microsoft.Win32.SafeHandles.SafeFileHandle>? Sync { get; init; }

    /// <summary>Told of each record that was written.</summary>
    public Action<AuditRecord>? Recorded { get; init; }

    /// <summary>Told what is wrong when writing fails, or the log is not what was written; once until it is right
    /// again.</summary>
    public Action<string>? Failed { get; init; }

    /// <summary>Told of the newest record once a minute, where there is a newer one, and at the end: to be kept
    /// elsewhere.</summary>
    public Action<AuditHead>? HeadMoved { get; init; }
}
