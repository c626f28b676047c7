using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Ledger.Cli.Import;

/// <summary>Derives the ids of a transaction and of its transfers from what the transaction is.</summary>
/// <remarks>
/// The same transaction has the same ids in every run, so that running an import again changes nothing, and a file that
/// has grown brings in only what is new. The ids rest on the namespace, the transaction's key and its content, and not on
/// the file's name or on line numbers: those change without the books changing. A transaction whose content was edited is
/// another one, with other ids. They are UUIDs of version 7 whose time is the transaction's date and whose other 74 bits
/// are of a SHA-256: in the order of the books, so that an account tells a new one from an old one without a look into its
/// journal. (A date before 1970 has no such time; those ids are of version 8, all of the SHA-256.)
/// </remarks>
internal sealed class ImportIds
{
    private const string Domain = "ledger import, ids of transfers, version 1";

    // No place of a transfer.
    private const int TransactionIndex = -1;

    private readonly byte[] seed;
    private readonly long milliseconds;

    public ImportIds(string importNamespace, PostingTransaction transaction)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Append(hash, Domain);
        Append(hash, importNamespace);
        Append(hash, transaction.Key);
        Append(hash, transaction.Date);
        Append(hash, transaction.Description);
        foreach (var posting in transaction.Postings)
        {
            Append(hash, posting.Account);
            Append(hash, posting.Asset);
            Append(hash, posting.Amount.ToString(CultureInfo.InvariantCulture));
        }

        seed = hash.GetHashAndReset();
        milliseconds = DateOnly.TryParseExact(
            transaction.Date, "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out var date)
            ? new DateTimeOffset(date, TimeOnly.MinValue, TimeSpan.Zero).ToUnixTimeMilliseconds()
            : -1;
    }

    /// <summary>The id of the transaction as a whole.</summary>
    public Guid OfTransaction => Of(TransactionIndex);

    /// <summary>The id of one of the transaction's transfers.</summary>
    /// <param name="index">Its place among them, from 0.</param>
    public Guid Of(int index)
    {
        Span<byte> input = stackalloc byte[SHA256.HashSizeInBytes + sizeof(int)];
        seed.CopyTo(input);
        BinaryPrimitives.WriteInt32BigEndian(input[SHA256.HashSizeInBytes..], index);
        Span<byte> digest = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(input, digest);
        if (milliseconds >= 0)
        {
            Span<byte> time = stackalloc byte[sizeof(long)];
            BinaryPrimitives.WriteInt64BigEndian(time, milliseconds);
            time[2..].CopyTo(digest);
        }

        digest[6] = (byte)((digest[6] & 0x0F) | (milliseconds >= 0 ? 0x70 : 0x80));
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
