using System.Text;
using Google.Protobuf.Reflection;
using Type = Google.Protobuf.Reflection.FieldType;

namespace Ledger.Fuzz.Inputs;

/// <summary>Writes a tree as protobuf does, with one fault at one of its fields.</summary>
internal sealed class WireWriter
{
    private const int Varint = 0;
    private const int Fixed64 = 1;
    private const int Delimited = 2;
    private const int GroupStart = 3;
    private const int GroupEnd = 4;
    private const int Fixed32 = 5;
    private const int UnknownNumber = 12_345;

    private readonly WireFault fault;
    private readonly int place;
    private readonly Draw draw;
    private int written;
    private bool ended;

    private WireWriter(WireFault fault, int place, Draw draw) =>
        (this.fault, this.place, this.draw) = (fault, place, draw);

    /// <summary>The bytes of a message.</summary>
    /// <param name="tree">The message.</param>
    /// <param name="fault">What is wrong in it.</param>
    /// <param name="place">At which of its fields, counted as they are written.</param>
    /// <param name="draw">Where chance comes from.</param>
    public static byte[] Write(Tree tree, WireFault fault, int place, Draw draw)
    {
        var writer = new WireWriter(fault, place, draw);
        var bytes = new List<byte>();
        writer.WriteTree(bytes, tree);
        if (fault != WireFault.None && writer.written <= place)
        {
            // There was no such field: of an empty message the fault is all there is.
            writer.WriteFault(bytes, 1, Delimited, []);
        }

        return [.. bytes];
    }

    private void WriteTree(List<byte> target, Tree tree)
    {
        foreach (var (field, value) in tree.Fields)
        {
            if (ended)
            {
                return;
            }

            var isHere = fault != WireFault.None && written++ == place;
            var payload = new List<byte>();
            var type = WritePayload(payload, field, value);
            if (isHere)
            {
                WriteFault(target, field.FieldNumber, type, payload);
            }
            else
            {
                WriteField(target, field.FieldNumber, type, payload);
            }
        }
    }

    private int WritePayload(List<byte> target, FieldDescriptor field, object value)
    {
        switch (value)
        {
            case string text:
                target.AddRange(Encoding.UTF8.GetBytes(text));
                return Delimited;
            case byte[] bytes:
                target.AddRange(bytes);
                return Delimited;
            case Tree inner:
                WriteTree(target, inner);
                return Delimited;
            case bool flag:
                target.Add(flag ? (byte)1 : (byte)0);
                return Varint;
            case double number when field.FieldType == Type.Double:
                target.AddRange(BitConverter.GetBytes(number));
                return Fixed64;
            case double number:
                target.AddRange(BitConverter.GetBytes((float)number));
                return Fixed32;
        }

        var whole = value is ulong unsigned ? unsigned : unchecked((ulong)(long)value);
        switch (field.FieldType)
        {
            case Type.Fixed32 or Type.SFixed32:
                target.AddRange(BitConverter.GetBytes((uint)whole));
                return Fixed32;
            case Type.Fixed64 or Type.SFixed64:
                target.AddRange(BitConverter.GetBytes(whole));
                return Fixed64;
            case Type.SInt32 or Type.SInt64:
                WriteNumber(target, unchecked((whole << 1) ^ (ulong)((long)whole >> 63)));
                return Varint;
            default:
                WriteNumber(target, whole);
                return Varint;
        }
    }

    private static void WriteField(List<byte> target, int number, int type, List<byte> payload)
    {
        WriteTag(target, (ulong)number, type);
        if (type == Delimited)
        {
            WriteNumber(target, (ulong)payload.Count);
        }

        target.AddRange(payload);
    }

    private void WriteFault(List<byte> target, int number, int type, List<byte> payload)
    {
        switch (fault)
        {
            case WireFault.UnknownField:
                WriteField(target, draw.Of(UnknownNumber, 19_000, 536_870_911), Delimited, [1, 2, 3]);
                WriteField(target, number, type, payload);
                break;
            case WireFault.WrongType:
                WriteTag(
                    target, (ulong)number,
                    draw.Of(
                        [.. new[] { Varint, Fixed64, Delimited, GroupStart, GroupEnd, Fixed32, 6, 7 }
                            .Where(one => one != type)]));
                target.AddRange(payload.Count > 0 ? payload : [0]);
                break;
            case WireFault.LongNumber:
                WriteTag(target, (ulong)number, Varint);
                target.AddRange(Enumerable.Repeat((byte)0x80, draw.Of(1, 4, 8, 9, 10, 20)));
                target.Add(draw.Of<byte>(0, 1, 0x7F));
                break;
            case WireFault.BadText:
                WriteField(
                    target, number, Delimited,
                    [.. payload,
                        .. draw.Of<byte[]>(
                            [0xFF], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xE2, 0x82], [0xF5, 0x80, 0x80, 0x80])]);
                break;
            case WireFault.LengthBeyond:
                WriteTag(target, (ulong)number, Delimited);
                WriteNumber(
                    target,
                    draw.Of<ulong>(
                        (ulong)payload.Count + 1, 1_000_000, int.MaxValue, uint.MaxValue, long.MaxValue,
                        ulong.MaxValue));
                target.AddRange(payload);
                break;
            case WireFault.LengthShort:
                WriteTag(target, (ulong)number, Delimited);
                WriteNumber(target, (ulong)Math.Max(0, payload.Count - 1));
                target.AddRange(payload);
                break;
            case WireFault.BadNumber:
                WriteTag(target, draw.Of<ulong>(0, 536_870_912, (ulong)uint.MaxValue << 3), type);
                target.AddRange(payload);
                break;
            case WireFault.OpenGroup:
                WriteTag(target, (ulong)draw.Of(number, UnknownNumber), draw.Of(GroupStart, GroupEnd));
                WriteField(target, number, type, payload);
                break;
            case WireFault.Deep:
                WriteDeep(target, number);
                break;
            case WireFault.Truncated:
                var whole = new List<byte>();
                WriteField(whole, number, type, payload);
                target.AddRange(whole.Take(draw.Below(whole.Count) + 1));
                ended = true;
                break;
            case WireFault.Packed:
                var several = new List<byte>();
                foreach (var _ in Enumerable.Range(0, draw.Of(0, 1, 3, 1_000)))
                {
                    WriteNumber(several, draw.Bits() >> draw.Below(64));
                }

                WriteField(target, number, Delimited, several);
                break;
            default:
                target.AddRange(Enumerable.Range(0, 1 + draw.Below(64)).Select(_ => (byte)draw.Bits()));
                break;
        }
    }

    private void WriteDeep(List<byte> target, int number)
    {
        var depth = draw.Of(10, 99, 100, 101, 1_000, 20_000);
        if (draw.Percent(50))
        {
            for (var level = 0; level < depth; level++)
            {
                WriteTag(target, (ulong)number, GroupStart);
            }

            for (var level = 0; level < depth && draw.Percent(90); level++)
            {
                WriteTag(target, (ulong)number, GroupEnd);
            }

            return;
        }

        var inner = new List<byte>();
        for (var level = 0; level < Math.Min(depth, 1_000); level++)
        {
            var outer = new List<byte>();
            WriteField(outer, number, Delimited, inner);
            inner = outer;
        }

        target.AddRange(inner);
    }

    private static void WriteTag(List<byte> target, ulong number, int type) =>
        WriteNumber(target, (number << 3) | (uint)type);

    private static void WriteNumber(List<byte> target, ulong number)
    {
        while (number >= 0x80)
        {
            target.Add((byte)(number | 0x80));
            number >>= 7;
        }

        target.Add((byte)number);
    }
}
