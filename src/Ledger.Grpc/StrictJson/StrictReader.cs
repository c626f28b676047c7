using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Unicode;

namespace Ledger.StrictJson;

/// <summary>
/// Looks through a JSON document before a parser reads it, and finds what parsers of protobuf pass over: a field that
/// the message does not have, one that is given twice or in two spellings, null in place of a value, a number that may
/// have been rounded. With money none of these is harmless: a misspelt limit is no limit.
/// </summary>
/// <remarks>One pass over the bytes, by the descriptors of the contract. A field of a document that is accepted
/// allocates nothing, but for the keys of a map and for times. The depth is bounded by that of the messages, since what
/// does not fit is refused where it starts.</remarks>
internal ref struct StrictReader
{
    private const int NameBytesMax = 256;
    private const int ShownMax = 48;

    private readonly string prefix;
    private readonly ulong bound;
    private readonly bool isUtf8;
    private readonly int itemsMax;
    private readonly Step[] steps;
    private Utf8JsonReader reader;
    private int depth;
    private List<JsonEdit>? edits;
    private JsonFault fault;

    private StrictReader(ReadOnlySpan<byte> json, string prefix, ulong bound, int depthMax, int itemsMax)
    {
        this.itemsMax = itemsMax;
        this.prefix = prefix;
        this.bound = bound;
        isUtf8 = Utf8.IsValid(json);
        steps = new Step[depthMax];
        reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = depthMax });
    }

    /// <summary>Looks through one document, the bytes of one message and nothing behind it.</summary>
    /// <param name="json">The document.</param>
    /// <param name="shape">The message that it should be.</param>
    /// <param name="prefix">The path of the message, empty for that of a whole request.</param>
    /// <param name="bound">The fields of the message that are given elsewhere, by their bits.</param>
    /// <param name="depthMax">How deeply it may be nested.</param>
    /// <param name="edits">What to change before a parser reads it; null when there is nothing.</param>
    /// <param name="itemsMax">How many items a list may have.</param>
    /// <returns>What is wrong, or null.</returns>
    public static JsonFault? Check(
        ReadOnlySpan<byte> json, MessageShape shape, string prefix, ulong bound, int depthMax,
        out List<JsonEdit>? edits, int itemsMax = int.MaxValue)
    {
        edits = null;
        if (CheckStart(json) is { } start)
        {
            return start;
        }

        var strict = new StrictReader(json, prefix, bound, depthMax, itemsMax);
        if (!strict.Read(shape))
        {
            return strict.fault;
        }

        edits = strict.edits;
        return null;
    }

    /// <summary>Whether the document starts with the mark of an encoding, which is none of JSON.</summary>
    private static JsonFault? CheckStart(ReadOnlySpan<byte> json) => json switch
    {
        [0xEF, 0xBB, 0xBF, ..] => new JsonFault(
            JsonFaultKind.Malformed, "A byte order mark (EF BB BF) stands before the JSON; write UTF-8 without one.",
            null),
        [0xFF, 0xFE, ..] or [0xFE, 0xFF, ..] => new JsonFault(
            JsonFaultKind.Malformed, "The JSON is in UTF-16 or UTF-32; write UTF-8.", null),
        _ => null,
    };

    /// <summary>Where a JSON document breaks, and why, of what its reader says.</summary>
    private static string Explain(JsonException failure)
    {
        // The reader's own words end with its position, counted from 0.
        var text = failure.Message;
        var end = text.IndexOf(" LineNumber:", StringComparison.Ordinal);
        var why = end < 0 ? text : text[..end];
        return string.Create(
            CultureInfo.InvariantCulture,
            $"this is not JSON at line {failure.LineNumber + 1}, byte {failure.BytePositionInLine + 1}: {why}");
    }

    private bool Read(MessageShape shape)
    {
        try
        {
            reader.Read();
            if (!ReadMessage(shape, bound))
            {
                return false;
            }

            // Throws if anything but white space follows.
            reader.Read();
            return true;
        }
        catch (JsonException failure)
        {
            var path = Path();
            var explained = Explain(failure);
            return Refuse(
                JsonFaultKind.Malformed, path.Length == 0 ? $"T{explained[1..]}" : $"{path}: {explained}", path);
        }
    }

    private bool ReadMessage(MessageShape shape, ulong elsewhere)
    {
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            return Wrong("an object");
        }

        var seen = 0UL;
        depth++;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (FindField(shape) is not { } field)
            {
                return UnknownField(shape);
            }

            if (((seen | elsewhere) & (field.Bit | field.Rivals)) != 0)
            {
                return Clash(shape, field, seen, elsewhere);
            }

            seen |= field.Bit;
            steps[depth - 1] = new Step(field);
            reader.Read();
            if (!ReadField(field))
            {
                return false;
            }

            steps[depth - 1] = default;
        }

        depth--;
        return true;
    }

    private FieldShape? FindField(MessageShape shape)
    {
        if (reader.ValueSpan.Length > NameBytesMax)
        {
            return null;
        }

        Span<char> name = stackalloc char[NameBytesMax];
        try
        {
            return shape.Find(name[..reader.CopyString(name)]);
        }
        catch (InvalidOperationException)
        {
            // Not UTF-8, or half a pair of surrogates.
            return null;
        }
    }

    private bool ReadField(FieldShape field)
    {
        if (field.IsMap)
        {
            return ReadMap(field);
        }

        return field.IsList ? ReadList(field) : ReadValue(field);
    }

    private bool ReadList(FieldShape field)
    {
        if (reader.TokenType != JsonTokenType.StartArray)
        {
            return Wrong("a list");
        }

        for (var i = 0; reader.Read() && reader.TokenType != JsonTokenType.EndArray; i++)
        {
            if (i == itemsMax)
            {
                steps[depth - 1] = new Step(field);
                return Refuse(JsonFaultKind.TooManyItems, $"{Path()} holds more than {itemsMax} items.", Path());
            }

            steps[depth - 1] = new Step(field) { Index = i };
            if (!ReadValue(field))
            {
                return false;
            }
        }

        return true;
    }

    private bool ReadMap(FieldShape field)
    {
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            return Wrong("an object");
        }

        HashSet<string>? keys = null;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (!IsReadable())
            {
                return Wrong("a key in UTF-8, without half a pair of surrogates");
            }

            var key = reader.GetString()!;
            steps[depth - 1] = new Step(field) { Key = key };
            if (!(keys ??= new HashSet<string>(StringComparer.Ordinal)).Add(key))
            {
                return Refuse(JsonFaultKind.DuplicateField, $"{Path()} is given twice.", Path());
            }

            reader.Read();
            if (!ReadValue(field))
            {
                return false;
            }
        }

        return true;
    }

    private bool ReadValue(FieldShape field) => (field.Form, reader.TokenType) switch
    {
        (FieldForm.Message, _) => ReadMessage(field.Message!, 0),
        (FieldForm.Flag, JsonTokenType.True or JsonTokenType.False) => true,
        (FieldForm.Text or FieldForm.Amount, JsonTokenType.String) =>
            IsReadable() || Wrong("a text in UTF-8, without half a pair of surrogates"),
        (FieldForm.Amount, JsonTokenType.Number) => ReadAmount(),
        (FieldForm.Integer, JsonTokenType.String or JsonTokenType.Number) => ReadInteger(field),
        (FieldForm.Choice, JsonTokenType.String or JsonTokenType.Number) => IsChoice(field) || Wrong(field.Wanted),
        (FieldForm.Time or FieldForm.Duration, JsonTokenType.String) =>
            field.IsTime($"\"{Encoding.UTF8.GetString(reader.ValueSpan)}\"") || Wrong(field.Wanted),
        (_, JsonTokenType.Null) => Wrong($"{field.Wanted}; to give none, leave the field out"),
        _ => Wrong(field.Wanted),
    };

    private bool ReadAmount()
    {
        if (reader.ValueSpan.ContainsAny(".eE"u8) || reader.ValueSpan.SequenceEqual("-0"u8))
        {
            return Refuse(
                JsonFaultKind.AmountNotANumber,
                $"{Path()} is {Found()}; wanted: a whole number in minor units, without a point or an exponent.",
                Path());
        }

        return FieldShape.TryReadInteger(reader.ValueSpan, out var value) && IsExact(value)
            ? Edit(quote: true)
            : NotExact();
    }

    private bool ReadInteger(FieldShape field)
    {
        var isText = reader.TokenType == JsonTokenType.String;
        if (!FieldShape.TryReadInteger(reader.ValueSpan, out var value) || !field.IsInRange(value))
        {
            return Wrong(field.Wanted);
        }

        if (isText)
        {
            return !field.IsNarrow || Edit(quote: false);
        }

        return IsExact(value) || NotExact();
    }

    private readonly bool IsChoice(FieldShape field)
    {
        if (reader.TokenType == JsonTokenType.Number)
        {
            return FieldShape.TryReadInteger(reader.ValueSpan, out var number)
                && number >= 0 && number <= int.MaxValue && field.IsChoice((int)number);
        }

        if (reader.ValueIsEscaped || !isUtf8 || reader.ValueSpan.Length > NameBytesMax)
        {
            return false;
        }

        Span<char> name = stackalloc char[NameBytesMax];
        return field.IsChoice(name[..reader.CopyString(name)]);
    }

    private static bool IsExact(Int128 value) => Int128.Abs(value) <= FieldShape.ExactMax;

    /// <summary>Whether a text can be decoded: its bytes are UTF-8, and its escapes are of whole characters.</summary>
    private readonly bool IsReadable()
    {
        if (!isUtf8 && !Utf8.IsValid(reader.ValueSpan))
        {
            return false;
        }

        if (!reader.ValueIsEscaped)
        {
            return true;
        }

        try
        {
            _ = reader.GetString();
            return true;
        }
        catch (InvalidOperationException)
        {
            return false;
        }
    }

    private bool Edit(bool quote)
    {
        var start = (int)reader.TokenStartIndex;
        (edits ??= []).Add(new JsonEdit(start, (int)reader.BytesConsumed - start, quote));
        return true;
    }

    private bool NotExact() => Refuse(
        JsonFaultKind.NumberNotExact,
        $"{Path()} is {Found()}: a JSON number beyond {FieldShape.ExactMax} may have been rounded by its sender; "
            + "send it as a text.",
        Path());

    private bool UnknownField(MessageShape shape)
    {
        depth--;
        var parent = Path();
        var name = reader.ValueSpan.IsEmpty ? "\"\"" : Shown(reader.ValueSpan);
        var path = parent.Length == 0 ? name : $"{parent}.{name}";
        var elsewhere = depth == 0 ? bound : 0;
        var fields = shape.Fields.Where(field => (field.Bit & elsewhere) == 0);
        return Refuse(JsonFaultKind.UnknownField, $"There is no field {path}. {shape.Suggest(name, fields)}", path);
    }

    private bool Clash(MessageShape shape, FieldShape field, ulong seen, ulong elsewhere)
    {
        steps[depth - 1] = new Step(field);
        var path = Path();
        if ((elsewhere & field.Bit) != 0)
        {
            return Refuse(
                JsonFaultKind.DuplicateField, $"{path} is given by the path of the URL; leave it out of the body.",
                path);
        }

        if ((seen & field.Bit) != 0)
        {
            var spelling = field.Name == field.JsonName ? "" : $" {field.Name} and {field.JsonName} are one field.";
            return Refuse(JsonFaultKind.DuplicateField, $"{path} is given twice.{spelling}", path);
        }

        var rival = shape.Fields.First(other => (other.Bit & field.Rivals & seen) != 0);
        return Refuse(
            JsonFaultKind.Malformed,
            $"{path} is given beside {rival.JsonName}; wanted: one of them at most.", path);
    }

    private bool Wrong(string wanted)
    {
        var path = Path();
        return Refuse(
            JsonFaultKind.Malformed, $"{(path.Length == 0 ? "The JSON" : path)} is {Found()}; wanted: {wanted}.", path);
    }

    private bool Refuse(JsonFaultKind kind, string message, string path)
    {
        fault = new JsonFault(kind, message, path.Length == 0 ? null : path);
        return false;
    }

    private readonly string Found() => reader.TokenType switch
    {
        JsonTokenType.Null => "null",
        JsonTokenType.True => "true",
        JsonTokenType.False => "false",
        JsonTokenType.Number => Shown(reader.ValueSpan),
        JsonTokenType.StartObject => "an object",
        JsonTokenType.StartArray => "a list",
        _ => $"\"{Shown(reader.ValueSpan)}\"",
    };

    /// <summary>The beginning of a token as it was written, with its escapes.</summary>
    private static string Shown(ReadOnlySpan<byte> token)
    {
        var text = Encoding.UTF8.GetString(token[..Math.Min(token.Length, 4 * ShownMax)]);
        return text.Length <= ShownMax ? text : $"{text[..ShownMax]}…";
    }

    private readonly string Path()
    {
        var path = new StringBuilder(prefix);
        foreach (var step in steps.AsSpan(0, depth))
        {
            if (step.Field is not { } field)
            {
                break;
            }

            path.Append(path.Length == 0 ? "" : ".").Append(field.Name);
            if (step.Key is { } key)
            {
                path.Append("[\"").Append(key.Length <= ShownMax ? key : $"{key[..ShownMax]}…").Append("\"]");
            }
            else if (step.Index >= 0)
            {
                path.Append('[').Append(step.Index).Append(']');
            }
        }

        return path.ToString();
    }

    /// <summary>One step of the way down to what is being read.</summary>
    private readonly record struct Step(FieldShape? Field)
    {
        public int Index { get; init; } = -1;

        public string? Key { get; init; }
    }
}
