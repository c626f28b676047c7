using System.Globalization;
using System.Text;
using System.Text.Json;
using Google.Protobuf.Reflection;
using Google.Protobuf.WellKnownTypes;
using Type = Google.Protobuf.Reflection.FieldType;

namespace Ledger.Fuzz.Inputs;

/// <summary>Writes a tree as JSON, as protobuf's form in JSON wants it, with one fault at one of its fields.</summary>
internal sealed class JsonWriter
{
    private const int DeepMax = 5_000;

    // Each char of it is one byte of what is sent, so that a text can hold any bytes.
    private readonly StringBuilder text = new();
    private readonly JsonFault fault;
    private readonly int place;
    private readonly Draw draw;
    private int written;

    private JsonWriter(JsonFault fault, int place, Draw draw) =>
        (this.fault, this.place, this.draw) = (fault, place, draw);

    /// <summary>The bytes of a document.</summary>
    /// <param name="tree">The message.</param>
    /// <param name="fault">What is wrong in it.</param>
    /// <param name="place">At which of its fields, counted as they are written.</param>
    /// <param name="draw">Where chance comes from.</param>
    public static byte[] Write(Tree tree, JsonFault fault, int place, Draw draw)
    {
        var writer = new JsonWriter(fault, place, draw);
        writer.WriteObject(tree);
        return Encoding.Latin1.GetBytes(writer.text.ToString());
    }

    /// <summary>A value as the query of a URL has it.</summary>
    public static string Plain(FieldDescriptor field, object value) => value switch
    {
        string word => word,
        bool flag => flag ? "true" : "false",
        Tree inner => ScalarOf(inner) ?? "",
        long number when field.FieldType == Type.Enum => field.EnumType.FindValueByNumber((int)number)?.Name
            ?? number.ToString(CultureInfo.InvariantCulture),
        IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
        _ => "",
    };

    // What a moment or a length of time is in JSON; null for other messages.
    private static string? ScalarOf(Tree tree)
    {
        var (seconds, nanos) = (tree["seconds"] as long? ?? 0, tree["nanos"] as long? ?? 0);
        if (tree.Type.FullName == Duration.Descriptor.FullName)
        {
            return nanos == 0
                ? string.Create(CultureInfo.InvariantCulture, $"{seconds}s")
                : string.Create(CultureInfo.InvariantCulture, $"{seconds}.{Math.Abs(nanos):D9}s");
        }

        if (tree.Type.FullName != Timestamp.Descriptor.FullName)
        {
            return null;
        }

        return seconds is >= -62_135_596_800 and <= 253_402_300_799 && nanos is >= 0 and < 1_000_000_000
            ? string.Create(
                CultureInfo.InvariantCulture,
                $"{DateTimeOffset.FromUnixTimeSeconds(seconds):yyyy-MM-ddTHH:mm:ss}.{nanos:D9}Z")
            : string.Create(
                CultureInfo.InvariantCulture, $"{(seconds < 0 ? "0000" : "10000")}-01-01T00:00:00.{Math.Abs(nanos)}Z");
    }

    private void WriteObject(Tree tree)
    {
        text.Append('{');
        var isFirst = true;
        foreach (var group in tree.Fields.GroupBy(static one => one.Field))
        {
            if (!isFirst)
            {
                text.Append(',');
            }

            isFirst = false;
            var values = group.Select(static one => one.Value).ToArray();
            if (group.Key.IsRepeated || values.Length == 1)
            {
                WriteField(group.Key, values);
                continue;
            }

            // Of what is no list the second is a field that is given twice.
            for (var index = 0; index < values.Length; index++)
            {
                text.Append(index == 0 ? "" : ",");
                WriteField(group.Key, [values[index]]);
            }
        }

        text.Append('}');
    }

    private void WriteField(FieldDescriptor field, object[] values)
    {
        var isHere = fault != JsonFault.None && written++ == place;
        var name = field.JsonName;
        if (!isHere)
        {
            WriteName(name);
            WriteValues(field, values);
            return;
        }

        switch (fault)
        {
            case JsonFault.Doubled:
                WriteName(name);
                WriteValues(field, values);
                text.Append(',');
                WriteName(
                    draw.Of(
                        name, field.Name,
                        string.Concat(
                            "\\u", ((int)name[0]).ToString("x4", CultureInfo.InvariantCulture), name.AsSpan(1))),
                            isRaw: true);
                WriteValues(field, values);
                break;
            case JsonFault.Misspelt:
                WriteName(
                    draw.Of(
                        name + "s", name[..^1], name.ToUpperInvariant(), name + " ", "", "$" + name,
                        name.Replace('a', 'e')));
                WriteValues(field, values);
                break;
            case JsonFault.Retyped:
                WriteName(name);
                text.Append(draw.Of("1", "true", "\"x\"", "[]", "{}", "[[]]", "{\"a\":1}", "[null]", "-1", "1.5"));
                break;
            case JsonFault.Null:
                WriteName(name);
                text.Append("null");
                break;
            case JsonFault.Requoted:
                WriteName(name);
                var plain = values[0] is Tree ? "{}" : Plain(field, values[0]);
                Append(values[0] is string ? plain : $"\"{plain}\"");
                break;
            case JsonFault.OddNumber:
                WriteName(name);
                text.Append(draw.Of(
                    "1.0", "1e2", "1E+400", "-0", "-0.0", "00", "0x10", "+1", ".5", "1.", "NaN", "-Infinity",
                    "9007199254740993",
                    "18446744073709551616", "340282366920938463463374607431768211456", new string('9', 400)));
                break;
            case JsonFault.BadEscape:
                WriteName(name);
                text.Append(draw.Of(
                    "\"\\x41\"", "\"\\ud800\"", "\"\\udc00\\ud800\"", "\"\\u12\"", "\"\\u0000\"", "\"\\\"", "\"a\\",
                    "\"\\U0001F600\""));
                break;
            case JsonFault.RawBytes:
                WriteName(name);
                text.Append(draw.Of(
                    "\"\u0000\"", "\"\u0001\"", "\"\u000a\"", "\"\u00ff\"", "\"\u00c0\u0080\"",
                    "\"\u00ed\u00a0\u0080\"", "\"\u00e2\u0082\"", "\u00a0\"x\""));
                break;
            case JsonFault.Comment:
                text.Append(draw.Of("/* a */", "// a\n", "# a\n", "<!-- -->"));
                WriteName(name);
                WriteValues(field, values);
                break;
            case JsonFault.Comma:
                text.Append(draw.Of(",", ""));
                WriteName(name);
                WriteValues(field, values);
                text.Append(draw.Of(",", ",,", ";", " \"x\""));
                break;
            case JsonFault.Quotes:
                text.Append(draw.Of("'", "", "`")).Append(name).Append(draw.Of("'", "", "\""))
                    .Append(draw.Of(":", "=", ""));
                WriteValues(field, values);
                break;
            default:
                WriteName(name);
                var depth = draw.Of(10, 63, 64, 65, 200, DeepMax);
                var (open, close) = draw.Percent(50) ? ("[", "]") : ("{\"a\":", "}");
                text.Append(string.Concat(Enumerable.Repeat(open, depth))).Append('1');
                text.Append(draw.Percent(80) ? string.Concat(Enumerable.Repeat(close, depth)) : "");
                break;
        }
    }

    private void WriteName(string name, bool isRaw = false)
    {
        Append(isRaw ? $"\"{name}\"" : JsonSerializer.Serialize(name));
        text.Append(':');
    }

    private void WriteValues(FieldDescriptor field, object[] values)
    {
        if (field.IsMap)
        {
            text.Append('{');
            for (var index = 0; index < values.Length; index++)
            {
                var entry = (Tree)values[index];
                var fields = entry.Type.Fields;
                text.Append(index == 0 ? "" : ",");
                Append(JsonSerializer.Serialize(entry["key"] is { } key ? Plain(fields[1], key) : ""));
                text.Append(':');
                WriteValue(fields[2], entry["value"] ?? "");
            }

            text.Append('}');
        }
        else if (field.IsRepeated)
        {
            text.Append('[');
            for (var index = 0; index < values.Length; index++)
            {
                text.Append(index == 0 ? "" : ",");
                WriteValue(field, values[index]);
            }

            text.Append(']');
        }
        else
        {
            WriteValue(field, values[0]);
        }
    }

    private void WriteValue(FieldDescriptor field, object value)
    {
        switch (value)
        {
            case Tree inner when ScalarOf(inner) is { } scalar:
                Append(JsonSerializer.Serialize(scalar));
                break;
            case Tree inner:
                WriteObject(inner);
                break;
            case byte[] bytes:
                Append(JsonSerializer.Serialize(bytes));
                break;
            case string or bool:
                Append(JsonSerializer.Serialize(value));
                break;
            case long or ulong when field.FieldType is Type.Int64 or Type.UInt64 or Type.SInt64 or Type.Fixed64
                or Type.SFixed64:
                Append($"\"{Plain(field, value)}\"");
                break;
            case long when field.FieldType == Type.Enum:
                var choice = Plain(field, value);
                Append(char.IsLetter(choice[0]) ? $"\"{choice}\"" : choice);
                break;
            default:
                Append(Plain(field, value));
                break;
        }
    }

    // As UTF-8, each byte as a char.
    private void Append(string unicode) => text.Append(Encoding.Latin1.GetString(Encoding.UTF8.GetBytes(unicode)));
}
