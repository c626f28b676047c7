using System.Buffers.Binary;

namespace Ledger.Fuzz.Shrinking;

/// <summary>Takes messages of protobuf apart without knowing what they mean: whatever can be read as a message is taken
/// for one.</summary>
internal static class WireParts
{
    private const int FrameHead = 5;
    private const int DepthMax = 8;

    /// <summary>The messages in a body; null where its frames are broken.</summary>
    public static List<byte[]>? Split(byte[] body)
    {
        var messages = new List<byte[]>();
        for (var at = 0; at < body.Length;)
        {
            if (body.Length - at < FrameHead || body[at] != 0)
            {
                return null;
            }

            var length = BinaryPrimitives.ReadUInt32BigEndian(body.AsSpan(at + 1));
            if (length > body.Length - at - FrameHead)
            {
                return null;
            }

            messages.Add(body[(at + FrameHead)..(at + FrameHead + (int)length)]);
            at += FrameHead + (int)length;
        }

        return messages;
    }

    /// <summary>The message without one of its fields, or with one of them smaller.</summary>
    public static IEnumerable<byte[]> Smaller(byte[] message) => Smaller(message, 0);

    private static IEnumerable<byte[]> Smaller(byte[] message, int depth)
    {
        if (Fields(message) is not { Count: > 0 } fields || depth > DepthMax)
        {
            yield break;
        }

        foreach (var (start, payload, end) in fields)
        {
            yield return [.. message.AsSpan(0, start), .. message.AsSpan(end)];
            var isDelimited = (message[start] & 7) == 2;
            if (!isDelimited || payload == end)
            {
                continue;
            }

            var inner = message[payload..end];
            foreach (var smaller in Smaller(inner, depth + 1).Append([]).Concat(Halves(inner)))
            {
                yield return [
                    .. message.AsSpan(0, start), .. Tag(message, start), .. Number((ulong)smaller.Length), .. smaller,
                    .. message.AsSpan(end)];
            }
        }
    }

    private static IEnumerable<byte[]> Halves(byte[] payload) =>
        payload.Length < 2
        ? []
        : [payload[..(payload.Length / 2)], payload[(payload.Length / 2)..], payload[..^1], payload[1..]];

    private static byte[] Tag(byte[] message, int start)
    {
        var at = start;
        ReadNumber(message, ref at);
        return message[start..at];
    }

    // Where each field starts, where its payload does, and where it ends; null where they can't be read.
    private static List<(int Start, int Payload, int End)>? Fields(byte[] message)
    {
        var fields = new List<(int, int, int)>();
        for (var at = 0; at < message.Length;)
        {
            var start = at;
            if (ReadNumber(message, ref at) is not { } tag || tag >> 3 is 0 or > 536_870_911)
            {
                return null;
            }

            var payload = at;
            switch (tag & 7)
            {
                case 0 when ReadNumber(message, ref at) is not null:
                    break;
                case 1 when message.Length - at >= 8:
                    at += 8;
                    break;
                case 2 when ReadNumber(message, ref at) is { } length && length <= (ulong)(message.Length - at):
                    payload = at;
                    at += (int)length;
                    break;
                case 5 when message.Length - at >= 4:
                    at += 4;
                    break;
                default:
                    return null;
            }

            fields.Add((start, payload, at));
        }

        return fields;
    }

    private static ulong? ReadNumber(byte[] bytes, ref int at)
    {
        var number = 0UL;
        for (var shift = 0; shift < 64 && at < bytes.Length; shift += 7)
        {
            var one = bytes[at++];
            number |= (ulong)(one & 0x7F) << shift;
            if (one < 0x80)
            {
                return number;
            }
        }

        return null;
    }

    private static byte[] Number(ulong number)
    {
        var bytes = new List<byte>();
        for (; number >= 0x80; number >>= 7)
        {
            bytes.Add((byte)(number | 0x80));
        }

        return [.. bytes, (byte)number];
    }
}
