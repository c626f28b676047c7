using System.Buffers;
using Google.Protobuf;
using Google.Protobuf.Reflection;

namespace Ledger.Grpc.Edge;

/// <summary>Which fields of a message become objects, to know what it will take in memory before it is read: of two
/// bytes on the wire, an empty item, a parser makes a hundred.</summary>
internal sealed class WireShape
{
    /// <summary>What an object takes, with its place in a list. Messages of the contract have 50 to 200
    /// bytes.</summary>
    public const int ObjectBytes = 96;

    private const int NumberShift = 3;
    private const int TypeMask = 7;
    private const int Fixed64Length = 8;
    private const int Fixed32Length = 4;

    private static readonly Lock Gate = new();
    private static readonly Dictionary<MessageDescriptor, WireShape> Known = [];

    // By number; null where there is no such field.
    private readonly Field?[] fields;

    private WireShape(MessageDescriptor message)
    {
        Known[message] = this;
        var last = message.Fields.InFieldNumberOrder().Select(static field => field.FieldNumber).DefaultIfEmpty().Max();
        fields = new Field?[last + 1];
        foreach (var field in message.Fields.InFieldNumberOrder())
        {
            fields[field.FieldNumber] = new Field(
                field.FieldType == FieldType.Message ? MakeOrFind(field.MessageType) : null, field.IsRepeated);
        }
    }

    /// <summary>The shape of a message.</summary>
    public static WireShape Of(MessageDescriptor message)
    {
        lock (Gate)
        {
            return MakeOrFind(message);
        }
    }

    /// <summary>How many bytes a message takes beside its own. What can't be read ends the count: the parser refuses
    /// it there.</summary>
    /// <param name="message">The message.</param>
    public long ExtraBytes(in ReadOnlySequence<byte> message)
    {
        var reader = new SequenceReader<byte>(message);
        return ObjectBytes * Count(ref reader, message.Length);
    }

    private static WireShape MakeOrFind(MessageDescriptor message) =>
        Known.TryGetValue(message, out var known) ? known : new WireShape(message);

    private static bool TryReadVarint(ref SequenceReader<byte> reader, out ulong value)
    {
        value = 0;
        for (var shift = 0; shift < 64 && reader.TryRead(out var one); shift += 7)
        {
            value |= (ulong)(one & 0x7F) << shift;
            if (one < 0x80)
            {
                return true;
            }
        }

        return false;
    }

    private static bool TrySkip(ref SequenceReader<byte> reader, long end, long length)
    {
        if (length > end - reader.Consumed)
        {
            return false;
        }

        reader.Advance(length);
        return true;
    }

    // The depth is that of the contract, whose messages do not hold themselves.
    private long Count(ref SequenceReader<byte> reader, long end)
    {
        var count = 0L;
        while (reader.Consumed < end && TryReadVarint(ref reader, out var tag))
        {
            var number = tag >> NumberShift;
            var field = number < (ulong)fields.Length ? fields[number] : null;

            // What the contract does not know is kept, each in an object of its own.
            count += field is { Message: null, IsRepeated: false } ? 0 : 1;
            switch ((WireFormat.WireType)(tag & TypeMask))
            {
                case WireFormat.WireType.Varint when TryReadVarint(ref reader, out _):
                case WireFormat.WireType.Fixed64 when TrySkip(ref reader, end, Fixed64Length):
                case WireFormat.WireType.Fixed32 when TrySkip(ref reader, end, Fixed32Length):
                    break;
                case WireFormat.WireType.LengthDelimited
                    when TryReadVarint(ref reader, out var length) && length <= (ulong)(end - reader.Consumed):
                    if (field?.Message is { } inner)
                    {
                        var innerEnd = reader.Consumed + (long)length;
                        count += inner.Count(ref reader, innerEnd);
                        if (reader.Consumed > innerEnd || !TrySkip(ref reader, end, innerEnd - reader.Consumed))
                        {
                            return count;
                        }
                    }
                    else
                    {
                        reader.Advance((long)length);
                    }

                    break;
                default:
                    return count;
            }
        }

        return count;
    }

    private sealed record Field(WireShape? Message, bool IsRepeated);
}
