using System.Buffers.Binary;
using System.Buffers.Text;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Ledger.Grpc.Errors;

namespace Ledger.Grpc;

/// <summary>Opaque page tokens: version, hash of the query they belong to, epoch, position, checksum;
/// base64url.</summary>
/// <remarks>They hold no secret and grant nothing: whoever forges one only chooses where a page begins. The checksum is
/// there to tell a broken token from a position. A token of another epoch is refused: the database has lost commits in
/// between, and what follows on the pages of then need not be there, or has other numbers.</remarks>
internal static class PageToken
{
    private const byte Version = 2;
    private const int QueryOffset = 1;
    private const int QueryBytes = 8;
    private const int EpochOffset = QueryOffset + QueryBytes;
    private const int PositionOffset = EpochOffset + sizeof(long);
    private const int ChecksumBytes = 4;
    private const int TokenLengthMax = 2048;

    /// <summary>The position of a statement's next page.</summary>
    /// <param name="query">The query, as it was asked.</param>
    /// <param name="epoch">The epoch in which it was answered.</param>
    /// <param name="nextSequence">The position.</param>
    public static string Write(StatementQuery query, long epoch, ulong nextSequence)
    {
        Span<byte> position = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64BigEndian(position, nextSequence);
        return Write(Canonical(query), epoch, position);
    }

    /// <summary>Reads the position of a statement's page.</summary>
    /// <exception cref="RequestErrorException">It is no token, or that of another query.</exception>
    public static ulong ReadSequence(StatementQuery query, string token)
    {
        var position = Read(Canonical(query), token);
        if (position.Length != sizeof(ulong))
        {
            throw Invalid();
        }

        var sequence = BinaryPrimitives.ReadUInt64BigEndian(position);
        return sequence >= query.MinSequence && sequence <= query.MaxSequence ? sequence : throw Invalid();
    }

    /// <summary>The position of the next page of accounts.</summary>
    /// <param name="epoch">The epoch in which the page was answered.</param>
    /// <param name="nextAccount">The position.</param>
    public static string Write(long epoch, string nextAccount) =>
        Write(AccountsQuery, epoch, Encoding.UTF8.GetBytes(nextAccount));

    /// <summary>Reads the position of a page of accounts.</summary>
    /// <exception cref="RequestErrorException">It is no token, or that of another query.</exception>
    public static string ReadAccount(string token)
    {
        var text = Encoding.UTF8.GetString(Read(AccountsQuery, token));
        return AccountAddress.TryParse(text, out _) ? text : throw Invalid();
    }

    /// <summary>The position of the next page of a search, as the ledger says it.</summary>
    /// <param name="query">What the search is.</param>
    /// <param name="epoch">The epoch in which the page was answered.</param>
    /// <param name="position">The position.</param>
    public static string Write(byte[] query, long epoch, string position) =>
        Write((ReadOnlySpan<byte>)query, epoch, Encoding.UTF8.GetBytes(position));

    /// <summary>Reads the position of a page of a search.</summary>
    /// <exception cref="RequestErrorException">It is no token, or that of another query.</exception>
    public static string ReadText(byte[] query, string token) => Encoding.UTF8.GetString(Read(query, token));

    /// <summary>Refuses a token that was given in another epoch than the page was read in.</summary>
    /// <param name="token">A token that was read, or empty for the first page.</param>
    /// <param name="epoch">The epoch in which the page was read.</param>
    /// <exception cref="RequestErrorException">It is of another epoch.</exception>
    public static void RequireEpoch(string token, long epoch)
    {
        if (token.Length == 0)
        {
            return;
        }

        var given = BinaryPrimitives.ReadInt64BigEndian(Base64Url.DecodeFromChars(token).AsSpan(EpochOffset));
        if (given != epoch)
        {
            throw new RequestErrorException(new RequestError(
                ErrorReasons.PageTokenOfAnotherEpoch,
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"The page token is of epoch {given}, and the ledger is in epoch {epoch}: its database has lost"
                    + $" commits in between, and earlier pages may show what is no more. Begin again with the first "
                    + $"page, without a token."),
                "page_token"));
        }
    }

    private static ReadOnlySpan<byte> AccountsQuery => "accounts"u8;

    private static byte[] Canonical(StatementQuery query)
    {
        // The page size is left out: a caller may change it from page to page.
        var text = string.Create(
            CultureInfo.InvariantCulture,
            $"statement {query.Account.Text} {query.NewestFirst} {query.MinSequence} {query.MaxSequence}"
            + $" {Micros(query.StartTime)} {Micros(query.EndTime)}");
        return Encoding.UTF8.GetBytes(text);

        static string Micros(LedgerTime? time) =>
            time?.UnixMicroseconds.ToString(CultureInfo.InvariantCulture) ?? "-";
    }

    private static string Write(ReadOnlySpan<byte> query, long epoch, ReadOnlySpan<byte> position)
    {
        var bytes = new byte[PositionOffset + position.Length + ChecksumBytes];
        bytes[0] = Version;
        HashOf(query, bytes.AsSpan(QueryOffset, QueryBytes));
        BinaryPrimitives.WriteInt64BigEndian(bytes.AsSpan(EpochOffset), epoch);
        position.CopyTo(bytes.AsSpan(PositionOffset));
        HashOf(bytes.AsSpan(0, bytes.Length - ChecksumBytes), bytes.AsSpan(bytes.Length - ChecksumBytes));
        return Base64Url.EncodeToString(bytes);
    }

    private static ReadOnlySpan<byte> Read(ReadOnlySpan<byte> query, string token)
    {
        if (token.Length > TokenLengthMax || !Base64Url.IsValid(token))
        {
            throw Invalid();
        }

        var bytes = Base64Url.DecodeFromChars(token);
        if (bytes.Length < PositionOffset + ChecksumBytes || bytes[0] != Version)
        {
            throw Invalid();
        }

        Span<byte> checksum = stackalloc byte[ChecksumBytes];
        HashOf(bytes.AsSpan(0, bytes.Length - ChecksumBytes), checksum);
        Span<byte> queryHash = stackalloc byte[QueryBytes];
        HashOf(query, queryHash);
        if (!checksum.SequenceEqual(bytes.AsSpan(bytes.Length - ChecksumBytes))
            || !queryHash.SequenceEqual(bytes.AsSpan(QueryOffset, QueryBytes)))
        {
            throw Invalid();
        }

        return bytes.AsSpan(PositionOffset, bytes.Length - PositionOffset - ChecksumBytes);
    }

    private static void HashOf(ReadOnlySpan<byte> bytes, Span<byte> destination)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(bytes, hash);
        hash[..destination.Length].CopyTo(destination);
    }

    private static RequestErrorException Invalid() => new(
        new RequestError(
            ErrorReasons.InvalidPageToken, "The page token is not one that this query was answered with.",
            "page_token"));
}
