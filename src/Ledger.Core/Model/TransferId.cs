using System.Buffers.Binary;
using System.Text.Json.Serialization;
using Ledger.Core.Json;

namespace Ledger;

/// <summary>The id of a transfer: 128 bits, made by the client, unique for ever. UUID version 7 is
/// recommended.</summary>
/// <remarks>The default value is nil, which no transfer may have. Ordered as a number, which for version 7 is the order
/// of time. Immutable and thread-safe.</remarks>
/// <param name="Value">The 128 bits as a number, most significant byte first.</param>
[JsonConverter(typeof(TransferIdJsonConverter))]
public readonly record struct TransferId(UInt128 Value) : IComparable<TransferId>
{
    /// <summary>The number of bytes of an id.</summary>
    public const int ByteCount = 16;

    /// <summary>Whether the id is nil.</summary>
    public bool IsNil => Value == UInt128.Zero;

    // 2100-01-01. Ids that merely look like version 7 (random bits) have times far beyond it; taken at their word, one
    // of them would make all real ones look old.
    private const ulong TimeLimit = 4_102_444_800_000;

    /// <summary>Whether the id is a UUID of version 7 with a time before the year 2100, whose order is the order of
    /// time.</summary>
    public bool IsTimeOrdered =>
        (Value >> 76 & 0xF) == 7 && (Value >> 62 & 0x3) == 0b10 && (Value >> 80) < TimeLimit;

    /// <summary>The time of a time-ordered id, in microseconds since the Unix epoch.</summary>
    public long UnixMicroseconds => (long)(ulong)(Value >> 80) * 1000;

    /// <summary>Makes an id of a <see cref="Guid"/>, keeping the order of its text.</summary>
    /// <param name="guid">The UUID.</param>
    public static TransferId FromGuid(Guid guid)
    {
        Span<byte> bytes = stackalloc byte[ByteCount];
        guid.TryWriteBytes(bytes, bigEndian: true, out _);
        return FromBytes(bytes);
    }

    /// <summary>Reads an id from 16 bytes, most significant first.</summary>
    /// <param name="bytes">Exactly 16 bytes.</param>
    public static TransferId FromBytes(ReadOnlySpan<byte> bytes) => new(BinaryPrimitives.ReadUInt128BigEndian(bytes));

    /// <summary>Reads an id from the canonical text of a UUID, or from 32 hexadecimal digits.</summary>
    /// <param name="text">The text.</param>
    /// <param name="id">The id, or nil.</param>
    /// <returns>Whether the text is a UUID.</returns>
    public static bool TryParse(string? text, out TransferId id)
    {
        if (text is { Length: 36 or 32 }
            && Guid.TryParseExact(text, text.Length == 36 ? "D" : "N", out var guid))
        {
            id = FromGuid(guid);
            return true;
        }

        id = default;
        return false;
    }

    /// <summary>The id as a <see cref="Guid"/>.</summary>
    public Guid ToGuid()
    {
        Span<byte> bytes = stackalloc byte[ByteCount];
        WriteBytes(bytes);
        return new Guid(bytes, bigEndian: true);
    }

    /// <summary>Writes the 16 bytes, most significant first.</summary>
    /// <param name="destination">At least 16 bytes.</param>
    public void WriteBytes(Span<byte> destination) => BinaryPrimitives.WriteUInt128BigEndian(destination, Value);

    /// <summary>Compares.</summary>
    /// <param name="left">The one.</param>
    /// <param name="right">The other.</param>
    public static bool operator <(TransferId left, TransferId right) => left.Value < right.Value;

    /// <summary>Compares.</summary>
    /// <param name="left">The one.</param>
    /// <param name="right">The other.</param>
    public static bool operator >(TransferId left, TransferId right) => left.Value > right.Value;

    /// <summary>Compares.</summary>
    /// <param name="left">The one.</param>
    /// <param name="right">The other.</param>
    public static bool operator <=(TransferId left, TransferId right) => left.Value <= right.Value;

    /// <summary>Compares.</summary>
    /// <param name="left">The one.</param>
    /// <param name="right">The other.</param>
    public static bool operator >=(TransferId left, TransferId right) => left.Value >= right.Value;

    /// <inheritdoc/>
    public int CompareTo(TransferId other) => Value.CompareTo(other.Value);

    /// <summary>The canonical text of the UUID.</summary>
    public override string ToString() => ToGuid().ToString("D");
}
