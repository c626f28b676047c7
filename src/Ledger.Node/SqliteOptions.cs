using System.ComponentModel.DataAnnotations;

namespace Ledger.Node;

/// <summary>Section <c>Ledger:Sqlite</c>.</summary>
internal sealed class SqliteOptions
{
    /// <summary>The file, relative to the current directory.</summary>
    [Required]
    public string Path { get; set; } = "./data/ledger.db";
}
