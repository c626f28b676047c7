using System.ComponentModel.DataAnnotations;

namespace Ledger.Node.Auditing;

/// <summary>Section <c>Ledger:Audit</c>: the record of who was refused, and who changed what.</summary>
internal sealed class AuditOptions
{
    /// <summary>Whether it is kept. Null means: where callers must say who they are.</summary>
    public bool? Enabled { get; set; }

    /// <summary>The directory of its files. Each node has one of its own.</summary>
    /// <value>The default value is <c>./data/audit</c>.</value>
    [Required]
    public string Path { get; set; } = "./data/audit";

    /// <summary>How long a file becomes, about, before the next is begun.</summary>
    /// <value>The default value is 64 MiB. From 64 KiB to 1 GiB.</value>
    [Range(64 * 1024, 1024 * 1024 * 1024)]
    public long FileBytesMax { get; set; } = 64 * 1024 * 1024;

    /// <summary>How many records may wait for the disk before further ones are thrown away and counted.</summary>
    /// <value>The default value is 4,096. From 16 to 1,000,000.</value>
    [Range(16, 1_000_000)]
    public int QueueMax { get; set; } = 4096;

    /// <summary>Whether operators' acts and changes of accounts are refused while they can't be put on
    /// record.</summary>
    /// <value>The default value is false: the ledger serves.</value>
    public bool Require { get; set; }
}
