using System.Collections.Immutable;
using System.Text.Json.Serialization;
using Ledger.Core.Json;

namespace Ledger;

/// <summary>Key-value pairs in ordinal order of their keys. Immutable; compared by content.</summary>
[JsonConverter(typeof(MetadataJsonConverter))]
public sealed class Metadata : IEquatable<Metadata>
{
    /// <summary>No pairs.</summary>
    public static readonly Metadata Empty = new([]);

    private Metadata(ImmutableArray<KeyValuePair<string, string>> pairs) => Pairs = pairs;

    /// <summary>The pairs, in ordinal order of their keys.</summary>
    public ImmutableArray<KeyValuePair<string, string>> Pairs { get; }

    /// <summary>Makes metadata of pairs. Their number and lengths are checked by
    /// <see cref="LedgerLimits.Check(Metadata)"/>.</summary>
    /// <param name="pairs">The pairs; keys must differ.</param>
    /// <exception cref="ArgumentException">A key is there twice.</exception>
    public static Metadata Of(IEnumerable<KeyValuePair<string, string>> pairs)
    {
        var sorted = pairs.ToArray();
        if (sorted.Length == 0)
        {
            return Empty;
        }

        Array.Sort(sorted, static (a, b) => string.CompareOrdinal(a.Key, b.Key));
        for (var i = 1; i < sorted.Length; i++)
        {
            if (string.Equals(sorted[i].Key, sorted[i - 1].Key, StringComparison.Ordinal))
            {
                throw new ArgumentException($"The metadata key '{sorted[i].Key}' is there twice.", nameof(pairs));
            }
        }

        return new Metadata(ImmutableArray.Create(sorted));
    }

    /// <inheritdoc/>
    public bool Equals(Metadata? other)
    {
        if (other is null || other.Pairs.Length != Pairs.Length)
        {
            return false;
        }

        for (var i = 0; i < Pairs.Length; i++)
        {
            if (!string.Equals(Pairs[i].Key, other.Pairs[i].Key, StringComparison.Ordinal)
                || !string.Equals(Pairs[i].Value, other.Pairs[i].Value, StringComparison.Ordinal))
            {
                return false;
            }
        }

        return true;
    }

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as Metadata);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = new HashCode();
        foreach (var pair in Pairs)
        {
            hash.Add(pair.Key, StringComparer.Ordinal);
            hash.Add(pair.Value, StringComparer.Ordinal);
        }

        return hash.ToHashCode();
    }
}
