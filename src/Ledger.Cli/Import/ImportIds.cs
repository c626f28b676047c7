using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Ledger.Cli.Import;

/// <summary>Derives the ids of a transaction and of its transfers from what the transaction is called.</summary>
/// <remarks>
/// The ids rest on the namespace, the key and the attempt, and on nothing that the transaction says: so one that was
/// edited has the ids that it had, and the ledger refuses it instead of booking it a second time. They are UUIDs of
/// version 8, all of a SHA-256; one of version 7 would hold a date, which can be edited too.
/// </remarks>
internal readonly struct ImportIds
{
    private const string Domain = "ledger import, ids of transfers, version 2";

    // Places of what is no transfer between accounts of the books.
    private const int TransactionPlace = -1;
    private const int KeyPlace = -2;

    private readonly byte[] seed;

    private ImportIds(string importNamespace, string key, uint attempt)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Append(hash, Domain);
        Append(hash, importNamespace);
        Append(hash, key);
        Append(hash, attempt.ToString(CultureInfo.InvariantCulture));
        seed = hash.GetHashAndReset();
    }

    /// <summary>The ids of one attempt to import a transaction.</summary>
    public static ImportIds Of(string importNamespace, string key, uint attempt) => new(importNamespace, key, attempt);

    /// <summary>The id of the entry that stands for a key, whatever the attempt.</summary>
    public static Guid OfKey(string importNamespace, string key) =>
        new ImportIds(importNamespace, key, attempt: 0).Of(KeyPlace);

    /// <summary>The id of the transaction as a whole.</summary>
    public Guid OfTransaction => Of(TransactionPlace);

    /// <summary>The id of one of the transaction's transfers.</summary>
    /// <param name="place">Its place among them, from 0.</param>
    public Guid Of(int place)
    {
        Span<byte> input = stackalloc byte[SHA256.HashSizeInBytes + sizeof(int)];
        seed.CopyTo(input);
        BinaryPrimitives.WriteInt32BigEndian(input[SHA256.HashSizeInBytes..], place);
        Span<byte> digest = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(input, digest);
        digest[6] = (byte)((digest[6] & 0x0F) | 0x80);
        digest[8] = (byte)((digest[8] & 0x3F) | 0x80);
        return new Guid(digest[..16], bigEndian: true);
    }

    // With its length before it: otherwise "a","bc" and "ab","c" would be the same.
    private static void Append(IncrementalHash hash, string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        Span<byte> length = stackalloc byte[sizeof(int)];
        BinaryPrimitives.WriteInt32BigEndian(length, bytes.Length);
        hash.AppendData(length);
        hash.AppendData(bytes);
    }
}
