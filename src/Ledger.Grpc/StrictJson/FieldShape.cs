using System.Collections.Frozen;
using System.Globalization;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Google.Protobuf.WellKnownTypes;

namespace Ledger.StrictJson;

/// <summary>One field of a message: how its value is written in JSON.</summary>
internal sealed class FieldShape
{
    /// <summary>The largest integer that every reader and writer of JSON keeps: 2^53-1.</summary>
    public const long ExactMax = 9_007_199_254_740_991;

    // Texts in the contract since they have up to 128 bits; JSON integers are accepted as far as they are exact.
    private static readonly FrozenSet<string> AmountNames = FrozenSet.Create("amount", "allowance");

    private readonly FrozenSet<string> choices;
    private readonly EnumDescriptor? choiceType;
    private readonly Int128 integerMin;
    private readonly Int128 integerMax;

    /// <summary>Makes the shape of a field.</summary>
    /// <param name="field">The field.</param>
    /// <param name="place">Its place among the fields of its message, below 64.</param>
    /// <param name="shapeOf">Gives the shape of a message in it.</param>
    public FieldShape(FieldDescriptor field, int place, Func<MessageDescriptor, MessageShape> shapeOf)
    {
        Name = field.Name;
        JsonName = field.JsonName;
        Bit = 1UL << place;
        IsMap = field.IsMap;
        IsList = field is { IsRepeated: true, IsMap: false };
        Oneof = field.RealContainingOneof;

        var value = IsMap ? field.MessageType.Fields.InFieldNumberOrder()[1] : field;
        Form = FormOf(value);
        choiceType = value.FieldType == FieldType.Enum ? value.EnumType : null;
        choices = choiceType?.Values.Select(static choice => choice.Name).ToFrozenSet() ?? [];
        Message = Form == FieldForm.Message ? shapeOf(value.MessageType) : null;
        (integerMin, integerMax) = value.FieldType switch
        {
            FieldType.Int32 or FieldType.SInt32 or FieldType.SFixed32 => ((Int128)int.MinValue, (Int128)int.MaxValue),
            FieldType.UInt32 or FieldType.Fixed32 => (0, uint.MaxValue),
            FieldType.Int64 or FieldType.SInt64 or FieldType.SFixed64 => (long.MinValue, long.MaxValue),
            FieldType.UInt64 or FieldType.Fixed64 => (0, ulong.MaxValue),
            _ => (0, 0),
        };
    }

    /// <summary>The name in the contract.</summary>
    public string Name { get; }

    /// <summary>The usual name in JSON.</summary>
    public string JsonName { get; }

    /// <summary>The field's own bit in a set of fields of its message.</summary>
    public ulong Bit { get; }

    /// <summary>The bits of the other fields that it can't stand beside.</summary>
    public ulong Rivals { get; set; }

    /// <summary>The group of which one field at most is given, or null.</summary>
    public OneofDescriptor? Oneof { get; }

    public bool IsMap { get; }

    public bool IsList { get; }

    /// <summary>The form of the value; for a list or a map, of each.</summary>
    public FieldForm Form { get; }

    /// <summary>The message in it, for <see cref="FieldForm.Message"/>.</summary>
    public MessageShape? Message { get; }

    /// <summary>Whether a JSON integer holds every value of it.</summary>
    public bool IsNarrow => integerMax <= ExactMax;

    /// <summary>What is wanted, for people.</summary>
    public string Wanted => Form switch
    {
        FieldForm.Text => "a text",
        FieldForm.Amount => $"a whole number as a text, such as \"12500\", or a JSON integer up to {ExactMax}",
        FieldForm.Flag => "true or false",
        FieldForm.Integer => $"a whole number from {integerMin} to {integerMax}",
        FieldForm.Choice => $"one of {string.Join(", ", choiceType!.Values.Skip(1).Select(static one => one.Name))}",
        FieldForm.Time => "a time such as \"2026-11-30T12:00:00Z\"",
        FieldForm.Duration => "a length of time in seconds such as \"3600s\"",
        _ => "an object",
    };

    /// <summary>Whether an integer is one of the field's.</summary>
    public bool IsInRange(Int128 value) => value >= integerMin && value <= integerMax;

    public bool IsChoice(ReadOnlySpan<char> name) => choices.GetAlternateLookup<ReadOnlySpan<char>>().Contains(name);

    public bool IsChoice(int number) => choiceType!.FindValueByNumber(number) is not null;

    /// <summary>Whether a text says a time, or a length of time, as the parser behind reads it.</summary>
    /// <param name="quoted">The text as it is in JSON, with its quotes.</param>
    public bool IsTime(string quoted)
    {
        try
        {
            _ = Form == FieldForm.Time
                ? (IMessage)Timestamp.Parser.ParseJson(quoted)
                : Google.Protobuf.WellKnownTypes.Duration.Parser.ParseJson(quoted);
            return true;
        }
        catch (Exception failure) when (failure is IOException or FormatException or ArgumentException)
        {
            return false;
        }
    }

    /// <summary>Reads an integer that is written in the one way that there is for it.</summary>
    public static bool TryReadInteger(ReadOnlySpan<byte> text, out Int128 value)
    {
        value = 0;
        var digits = text.StartsWith("-"u8) ? text[1..] : text;
        return digits.Length is > 0 and <= 38
            && !digits.ContainsAnyExceptInRange((byte)'0', (byte)'9')
            && (digits[0] != '0' || (digits.Length == 1 && text.Length == 1))
            && Int128.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out value);
    }

    private static FieldForm FormOf(FieldDescriptor value) => value.FieldType switch
    {
        FieldType.String => AmountNames.Contains(value.Name) ? FieldForm.Amount : FieldForm.Text,
        FieldType.Bool => FieldForm.Flag,
        FieldType.Enum => FieldForm.Choice,
        FieldType.Int32 or FieldType.SInt32 or FieldType.SFixed32 or FieldType.UInt32 or FieldType.Fixed32
            or FieldType.Int64 or FieldType.SInt64 or FieldType.SFixed64 or FieldType.UInt64 or FieldType.Fixed64
            => FieldForm.Integer,
        FieldType.Message when value.MessageType.FullName == Timestamp.Descriptor.FullName => FieldForm.Time,
        FieldType.Message when value.MessageType.FullName == Google.Protobuf.WellKnownTypes.Duration.Descriptor.FullName
            => FieldForm.Duration,
        FieldType.Message when value.MessageType.File.Package != Timestamp.Descriptor.File.Package => FieldForm.Message,
        _ => throw new NotSupportedException($"No form in JSON is known for the field {value.FullName}."),
    };
}
