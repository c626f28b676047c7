using System.Collections.Frozen;
using System.Text.Json;

namespace Ledger.Audit;

/// <summary>The names of kinds in a file.</summary>
public static class AuditKindNames
{
    private static readonly FrozenDictionary<string, AuditKind> s_byName = Enum.GetValues<AuditKind>()
        .ToFrozenDictionary(
            static kind => JsonNamingPolicy.SnakeCaseLower.ConvertName(kind.ToString()), StringComparer.Ordinal);

    private static readonly FrozenDictionary<AuditKind, string> s_byKind =
        s_byName.ToFrozenDictionary(static pair => pair.Value, static pair => pair.Key);

    /// <summary>Every kind by its name, as <c>authentication_failed</c>.</summary>
    public static IReadOnlyDictionary<string, AuditKind> All => s_byName;

    /// <summary>The name of a kind.</summary>
    /// <param name="kind">The kind.</param>
    public static string Of(AuditKind kind) => s_byKind[kind];
}
