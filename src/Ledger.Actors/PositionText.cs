using System.Buffers.Binary;
using System.Buffers.Text;
using System.Diagnostics.CodeAnalysis;
using System.IO.Hashing;
using System.Text;

namespace Ledger.Actors;

/// <summary>The opaque text of a <see cref="RowPosition"/>: version, epoch, row, account, and a code over them and the
/// ledger's id; in base64url. Thread-safe.</summary>
/// <remarks>
/// The code protects against mistakes: a text that was cut, changed, made up or given by another ledger is told from a
/// position. It is a checksum and no signature: what the text says is no secret, and neither is the ledger's id. So a
/// position grants nothing. Whoever forges one can only make itself wait for a row that may never come.
/// </remarks>
/// <param name="identity">Which ledger this is, with the epoch that runs.</param>
internal sealed class PositionText(Func<LedgerIdentity> identity)
{
    /// <summary>The longest text.</summary>
    public const int LengthMax = 256;

    private const byte Version = 1;
    private const int EpochOffset = 1;
    private const int RowOffset = EpochOffset + sizeof(long);
    private const int AccountOffset = RowOffset + sizeof(long);
    private const int CodeBytes = 16;

    // A power of two. What a batch moves on one account lands in few rows.
    private const int RecentMax = 64;

    private readonly Recent?[] recent = new Recent?[RecentMax];

    /// <summary>The epoch that runs.</summary>
    public long Epoch => identity().Epoch.Number;

    /// <summary>Writes a position in the epoch that runs; empty for none.</summary>
    public string Write(RowPosition position)
    {
        if (position.IsNone)
        {
            return "";
        }

        var ledger = identity();
        ref var slot = ref recent[HashCode.Combine(position.Account, position.SequenceNr) & (RecentMax - 1)];
        if (Volatile.Read(ref slot) is { } written && written.Is(position, ledger))
        {
            return written.Text;
        }

        var text = Write(position, ledger);
        Volatile.Write(ref slot, new Recent(position, ledger.Id, ledger.Epoch.Number, text));
        return text;
    }

    /// <summary>Reads a text that this ledger wrote, in this epoch or another.</summary>
    /// <param name="text">The text.</param>
    /// <param name="epoch">The epoch in which it was written.</param>
    /// <param name="position">The position.</param>
    /// <returns>Whether it is one.</returns>
    public bool TryRead([NotNullWhen(true)] string? text, out long epoch, out RowPosition position)
    {
        epoch = 0;
        position = default;
        if (text is null || text.Length > LengthMax || !Base64Url.IsValid(text))
        {
            return false;
        }

        ReadOnlySpan<byte> bytes = Base64Url.DecodeFromChars(text);
        if (bytes.Length <= AccountOffset + CodeBytes || bytes[0] != Version)
        {
            return false;
        }

        Span<byte> code = stackalloc byte[CodeBytes];
        CodeOf(identity().Id, bytes[..^CodeBytes], code);
        if (!code.SequenceEqual(bytes[^CodeBytes..])
            || !AccountAddress.TryParse(Encoding.ASCII.GetString(bytes[AccountOffset..^CodeBytes]), out var account))
        {
            return false;
        }

        epoch = BinaryPrimitives.ReadInt64BigEndian(bytes[EpochOffset..]);
        position = new RowPosition(account, BinaryPrimitives.ReadInt64BigEndian(bytes[RowOffset..]));
        return epoch > 0 && position.SequenceNr > 0;
    }

    private string Write(RowPosition position, LedgerIdentity ledger)
    {
        var account = position.Account.Text;
        Span<byte> bytes = stackalloc byte[AccountOffset + AccountAddress.LengthMax + CodeBytes];
        bytes = bytes[..(AccountOffset + account.Length + CodeBytes)];
        bytes[0] = Version;
        BinaryPrimitives.WriteInt64BigEndian(bytes[EpochOffset..], ledger.Epoch.Number);
        BinaryPrimitives.WriteInt64BigEndian(bytes[RowOffset..], position.SequenceNr);
        Encoding.ASCII.GetBytes(account, bytes[AccountOffset..]);
        CodeOf(ledger.Id, bytes[..^CodeBytes], bytes[^CodeBytes..]);
        return Base64Url.EncodeToString(bytes);
    }

    private static void CodeOf(Guid ledger, ReadOnlySpan<byte> bytes, Span<byte> code)
    {
        Span<byte> id = stackalloc byte[16];
        ledger.TryWriteBytes(id, bigEndian: true, out _);
        var seed = BinaryPrimitives.ReadInt64BigEndian(id) ^ BinaryPrimitives.ReadInt64BigEndian(id[sizeof(long)..]);
        XxHash128.Hash(bytes, code, seed);
    }

    private sealed class Recent(RowPosition position, Guid ledger, long epoch, string text)
    {
        public string Text => text;

        public bool Is(RowPosition other, LedgerIdentity identity) =>
            position == other && epoch == identity.Epoch.Number && ledger == identity.Id;
    }
}
