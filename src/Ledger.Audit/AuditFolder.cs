using System.Globalization;

namespace Ledger.Audit;

/// <summary>The files of an audit log: <c>audit-NUMBER.jsonl</c>, by the number of the first record, with
/// <c>audit.head</c> and <c>audit.lock</c> beside them.</summary>
internal static class AuditFolder
{
    public const string HeadName = "audit.head";
    public const string LockName = "audit.lock";

    private const string Prefix = "audit-";
    private const string Suffix = ".jsonl";

    /// <summary>The file that begins with a record.</summary>
    public static string NameOf(long first) =>
        string.Create(CultureInfo.InvariantCulture, $"{Prefix}{first:D12}{Suffix}");

    /// <summary>The number of the first record of a file; null where the name is none of an audit log's.</summary>
    public static long? FirstOf(string path)
    {
        var name = Path.GetFileName(path);
        return name.StartsWith(Prefix, StringComparison.Ordinal) && name.EndsWith(Suffix, StringComparison.Ordinal)
            && long.TryParse(
                name.AsSpan(Prefix.Length, name.Length - Prefix.Length - Suffix.Length), NumberStyles.None,
                CultureInfo.InvariantCulture, out var first)
            ? first
            : null;
    }

    /// <summary>The files in a directory, the oldest first.</summary>
    public static string[] FilesIn(string directory) =>
    [
        .. Directory.EnumerateFiles(directory, Prefix + "*" + Suffix).Where(static path => FirstOf(path) is not null)
            .OrderBy(FirstOf),
    ];
}
