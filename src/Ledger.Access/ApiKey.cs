using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;

namespace Ledger.Access;

/// <summary>A key of the policy: what a small installation or an operator shows in place of a token. The policy holds
/// its hash, from which nobody gets the key.</summary>
/// <param name="Id">Its id, which the key begins with.</param>
/// <param name="Principal">Whose it is.</param>
/// <param name="Hash">SHA-256 of the whole key in UTF-8: 32 bytes.</param>
/// <param name="ExpireTime">Until when it is good.</param>
public sealed record ApiKey(string Id, string Principal, ImmutableArray<byte> Hash, DateTimeOffset ExpireTime)
{
    /// <summary>What every key begins with, so that scanners find one that was published.</summary>
    public const string Prefix = "lk_";

    private const int SecretBytes = 32;
    private const int IdLengthMax = 32;

    /// <summary>Makes a new key.</summary>
    /// <param name="id">Its id: 1 to 32 ASCII letters and digits.</param>
    /// <returns>The key, and what the policy is to hold of it.</returns>
    public static (string Key, ImmutableArray<byte> Hash) Create(string id)
    {
        if (!IsId(id))
        {
            throw new ArgumentException("An id of a key has 1 to 32 ASCII letters and digits.", nameof(id));
        }

        var secret = Convert.ToBase64String(RandomNumberGenerator.GetBytes(SecretBytes))
            .TrimEnd('=').Replace('+', '-').Replace('/', '_');
        var key = $"{Prefix}{id}_{secret}";
        return (key, HashOf(key));
    }

    /// <summary>The id in a key; null where the text is none.</summary>
    /// <param name="key">The text that a caller shows.</param>
    public static string? IdOf(string key)
    {
        ArgumentNullException.ThrowIfNull(key);
        if (!key.StartsWith(Prefix, StringComparison.Ordinal))
        {
            return null;
        }

        var end = key.IndexOf('_', Prefix.Length);
        return end > 0 && IsId(key[Prefix.Length..end]) ? key[Prefix.Length..end] : null;
    }

    /// <summary>Whether a text is this key. The time that it takes does not depend on where they differ.</summary>
    /// <param name="key">The text that a caller shows.</param>
    public bool Is(string key) => CryptographicOperations.FixedTimeEquals(HashOf(key).AsSpan(), Hash.AsSpan());

    internal static bool IsId(string id) => id.Length is > 0 and <= IdLengthMax && id.All(char.IsAsciiLetterOrDigit);

    private static ImmutableArray<byte> HashOf(string key) =>
        ImmutableArray.Create(SHA256.HashData(Encoding.UTF8.GetBytes(key)));
}
