using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Ledger.Core;

/// <summary>Ids that follow from other ids. A derived id has the time of a UUIDv7, so that it is found where that one
/// would be, or that of the moment at which it is used.</summary>
internal static class DerivedId
{
    private static readonly UInt128 LowBits = (UInt128.One << 62) - 1;

    public static TransferId Make(TransferId from, ReadOnlySpan<byte> domain, Int128 number, string text = "")
    {
        var value = Hash(from, domain, number, text);
        return from.IsTimeOrdered ? Make(from.Value >> 80, 7, value) : Make(value >> 80, 8, value);
    }

    /// <summary>Makes one of version 7 for a moment; of version 8 where that is before 1970 or after 2100.</summary>
    public static TransferId MakeAt(LedgerTime time, TransferId from, ReadOnlySpan<byte> domain, Int128 number)
    {
        var value = Hash(from, domain, number, "");
        var milliseconds = time.UnixMicroseconds / 1000;
        var dated = Make((UInt128)(ulong)Math.Max(milliseconds, 0), 7, value);
        return milliseconds >= 0 && milliseconds < 1L << 48 && dated.IsTimeOrdered
            ? dated
            : Make(value >> 80, 8, value);
    }

    private static UInt128 Hash(TransferId from, ReadOnlySpan<byte> domain, Int128 number, string text)
    {
        Span<byte> buffer = stackalloc byte[64 + 512];
        domain.CopyTo(buffer);
        var length = domain.Length;
        BinaryPrimitives.WriteUInt128BigEndian(buffer[length..], from.Value);
        BinaryPrimitives.WriteInt128BigEndian(buffer[(length + 16)..], number);
        length += 32;
        length += System.Text.Encoding.UTF8.GetBytes(text, buffer[length..]);
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(buffer[..length], hash);
        return BinaryPrimitives.ReadUInt128BigEndian(hash);
    }

    // 48 bits of time, the version, 12 random bits, the variant, 62 random bits.
    private static TransferId Make(UInt128 time, uint version, UInt128 value) => new(
        (time << 80) | ((UInt128)version << 76) | ((value >> 64 & 0xFFF) << 64) | (UInt128)2 << 62 | (value & LowBits));
}
