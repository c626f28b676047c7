using System.Text;
using Google.Protobuf.Reflection;
using Google.Protobuf.WellKnownTypes;

namespace Ledger.Grpc.Tests;

/// <summary>Bodies in JSON, made from the contract: one with every field at a right value, and each of the ways in
/// which one field of it can be wrong.</summary>
internal static class JsonForms
{
    private static readonly string[] Kinds = ["null", "true", "1.5", "\"?\"", "[]", "{}"];

    /// <summary>A body with all fields but those of the path; of fields that exclude each other, the one of this
    /// place.</summary>
    public static JsonTree Right(MessageDescriptor message, int oneofChoice, IReadOnlySet<string> without)
    {
        var tree = new JsonTree();
        foreach (var field in message.Fields.InFieldNumberOrder())
        {
            var rivals = field.RealContainingOneof?.Fields;
            if (!without.Contains(field.Name) && (rivals is null || rivals[oneofChoice % rivals.Count] == field))
            {
                tree.Add(field.JsonName, RightValue(field, oneofChoice), field);
            }
        }

        return tree;
    }

    /// <summary>Each way in which the body can be wrong, done to it and undone again.</summary>
    /// <param name="root">The body.</param>
    /// <param name="prefix">The path of the message that it is.</param>
    public static IEnumerable<JsonWrong> Wrongs(JsonTree root, string prefix) => Wrongs(root, root, prefix);

    private static IEnumerable<JsonWrong> Wrongs(JsonTree root, JsonTree tree, string parent)
    {
        for (var i = 0; i < tree.Entries.Count; i++)
        {
            var entry = tree.Entries[i];
            if (entry.Field is not { } field)
            {
                continue;
            }

            var path = parent.Length == 0 ? field.Name : $"{parent}.{field.Name}";
            foreach (var wrong in OfName(root, tree, i, field, parent, path)
                .Concat(OfValue(root, tree, i, field, path)))
            {
                yield return wrong;
            }

            var nested = entry.Value switch
            {
                JsonTree one => [(one, path)],
                JsonTree[] many => many.Select((one, n) => (one, $"{path}[{n}]")).ToArray(),
                _ => [],
            };
            foreach (var (one, at) in nested)
            {
                foreach (var wrong in Wrongs(root, one, at))
                {
                    yield return wrong;
                }
            }
        }
    }

    private static IEnumerable<JsonWrong> OfName(
        JsonTree root, JsonTree tree, int place, FieldDescriptor field, string parent, string path)
    {
        var entry = tree.Entries[place];
        string[] misspelt =
        [
            entry.Name[..^1], entry.Name + "s", char.ToUpperInvariant(entry.Name[0]) + entry.Name[1..],
            entry.Name.ToUpperInvariant(), $" {entry.Name}", "",
        ];
        foreach (var name in misspelt.Where(name => field.ContainingType.Fields.InDeclarationOrder()
            .All(other => other.Name != name && other.JsonName != name)))
        {
            var shown = name.Length == 0 ? "\"\"" : name;
            tree.Entries[place] = entry with { Name = name };
            yield return new JsonWrong(
                root.ToString(), "UNKNOWN_FIELD", parent.Length == 0 ? shown : $"{parent}.{shown}",
                "There is no field");
            tree.Entries[place] = entry;
        }

        foreach (var name in new[] { field.JsonName, field.Name }.Distinct())
        {
            tree.Entries.Add(entry with { Name = name });
            yield return new JsonWrong(root.ToString(), "DUPLICATE_FIELD", path, "is given twice");
            tree.Entries.RemoveAt(tree.Entries.Count - 1);
        }

        foreach (var rival in field.RealContainingOneof?.Fields.Where(other => other != field) ?? [])
        {
            tree.Entries.Add(new JsonEntry(rival.JsonName, RightValue(rival, 0), null));
            yield return new JsonWrong(
                root.ToString(), "MALFORMED_REQUEST", path[..^field.Name.Length] + rival.Name,
                "wanted: one of them at most");
            tree.Entries.RemoveAt(tree.Entries.Count - 1);
        }
    }

    private static IEnumerable<JsonWrong> OfValue(
        JsonTree root, JsonTree tree, int place, FieldDescriptor field, string path)
    {
        var entry = tree.Entries[place];
        var wrongs = field switch
        {
            { IsMap: true } =>
                Kinds.Where(static kind => kind is not "{}").Select(kind => (kind, "", "MALFORMED_REQUEST"))
                .Concat(WrongValues(field.MessageType.FindFieldByNumber(2))
                    .Select(one => ($$"""{"k":{{one.Literal}}}""", "[\"k\"]", one.Reason)))
                .Append(("""{"k":"1","j":"2","k":"1"}""", "[\"k\"]", "DUPLICATE_FIELD"))
                .Append(("""{"k":"1","\u006b":"2"}""", "[\"k\"]", "DUPLICATE_FIELD")),
            { IsRepeated: true } =>
                Kinds.Where(static kind => kind is not "[]").Select(kind => (kind, "", "MALFORMED_REQUEST"))
                .Concat(WrongValues(field).Select(one => ($"[{one.Literal}]", "[0]", one.Reason))),
            _ => WrongValues(field).Select(static one => (one.Literal, "", one.Reason)),
        };
        foreach (var (literal, at, reason) in wrongs)
        {
            tree.Entries[place] = entry with { Value = literal };
            yield return new JsonWrong(
                root.ToString(), reason, path + at, reason == "DUPLICATE_FIELD" ? "is given twice" : $"{path}{at} is ");
            tree.Entries[place] = entry;
        }
    }

    /// <summary>Values in JSON that a field can't have, and how each is refused.</summary>
    public static IEnumerable<(string Literal, string Reason)> WrongValues(FieldDescriptor field)
    {
        const string Malformed = "MALFORMED_REQUEST";
        return field.FieldType switch
        {
            FieldType.String when IsAmount(field) =>
            [
                .. Kinds.Where(static kind => kind is not "\"?\"" and not "1.5")
                    .Select(static kind => (kind, Malformed)),
                ("1.5", "AMOUNT_NOT_A_NUMBER"), ("5.0", "AMOUNT_NOT_A_NUMBER"), ("1e3", "AMOUNT_NOT_A_NUMBER"),
                ("1E21", "AMOUNT_NOT_A_NUMBER"), ("-0", "AMOUNT_NOT_A_NUMBER"),
                ("9007199254740992", "NUMBER_NOT_EXACT"),
                ("-9007199254740992", "NUMBER_NOT_EXACT"), ("100000000000000000000000", "NUMBER_NOT_EXACT"),
                (new string('9', 60), "NUMBER_NOT_EXACT"), ("\"\\ud800\"", Malformed),
            ],
            FieldType.String =>
                [.. Wrong(static kind => kind is not "\"?\""), ("5", Malformed), ("\"\\udc00x\"", Malformed)],
            FieldType.Bool => [.. Wrong(static kind => kind is not "true"), ("1", Malformed), ("\"true\"", Malformed)],
            FieldType.Enum =>
            [
                .. Wrong(static _ => true), ("99", Malformed), ("-1", Malformed), ("1.0", Malformed),
                ("\"\"", Malformed),
                ($"\"{field.EnumType.Values[1].Name.ToLowerInvariant()}\"", Malformed),
                ($"\"{field.EnumType.Values[1].Name.Split('_')[^1]}\"", Malformed), ("\"1\"", Malformed),
            ],
            FieldType.UInt32 =>
            [
                .. Wrong(static _ => true), ("-1", Malformed), ("4294967296", Malformed), ("1.0", Malformed),
                ("1e3", Malformed),
                ("-0", Malformed), ("\"\"", Malformed), ("\" 1\"", Malformed), ("\"01\"", Malformed),
                ("\"-1\"", Malformed),
                ("\"4294967296\"", Malformed),
            ],
            FieldType.Message when field.MessageType.FullName == Timestamp.Descriptor.FullName =>
            [
                .. Wrong(static _ => true), ("5", Malformed), ("\"2026-11-30\"", Malformed),
                ("\"2026-11-30T12:00:00\"", Malformed), ("\"2026-02-30T12:00:00Z\"", Malformed), ("\"\"", Malformed),
            ],
            FieldType.Message when field.MessageType.FullName == Duration.Descriptor.FullName =>
                [.. Wrong(static _ => true), ("5", Malformed), ("\"1h\"", Malformed), ("\"5\"", Malformed),
                    ("\"\"", Malformed)],
            FieldType.Message => Wrong(static kind => kind is not "{}"),
            _ => throw new NotSupportedException($"{field.FullName}: say what is wrong for {field.FieldType}."),
        };

        static IEnumerable<(string, string)> Wrong(Func<string, bool> isWrong) =>
            Kinds.Where(isWrong).Select(static kind => (kind, Malformed));
    }

    private static object RightValue(FieldDescriptor field, int oneofChoice) => field switch
    {
        { IsMap: true } => """{"k":"1"}""",
        { IsRepeated: true } =>
            new[] { Right(field.MessageType, oneofChoice, EmptySet), Right(field.MessageType, oneofChoice, EmptySet) },
        { FieldType: FieldType.String } => IsAmount(field) ? "\"5\"" : "\"x\"",
        { FieldType: FieldType.Bool } => "true",
        { FieldType: FieldType.Enum } => $"\"{field.EnumType.Values[1].Name}\"",
        { FieldType: FieldType.UInt32 } => "1",
        { MessageType.FullName: "google.protobuf.Timestamp" } => "\"2026-11-30T12:00:00Z\"",
        { MessageType.FullName: "google.protobuf.Duration" } => "\"3600s\"",
        _ => Right(field.MessageType, oneofChoice, EmptySet),
    };

    private static HashSet<string> EmptySet => [];

    private static bool IsAmount(FieldDescriptor field) => field.FullName is "ledger.v1.Transfer.amount"
        or "ledger.v1.Limit.allowance" or "ledger.v1.ReverseTransactionRequest.amount";
}

/// <summary>A body with something wrong in it.</summary>
/// <param name="Body">The body.</param>
/// <param name="Reason">The reason that it is refused with.</param>
/// <param name="Field">The field that is named.</param>
/// <param name="Says">What the message says.</param>
internal sealed record JsonWrong(string Body, string Reason, string Field, string Says);

/// <summary>One field of an object.</summary>
/// <param name="Name">Its name, as it is written.</param>
/// <param name="Value">An object, a list of objects, or the text of a value.</param>
/// <param name="Field">What it is in the contract; null for one that was put in.</param>
internal sealed record JsonEntry(string Name, object Value, FieldDescriptor? Field);

/// <summary>An object whose fields may be doubled.</summary>
internal sealed class JsonTree
{
    public List<JsonEntry> Entries { get; } = [];

    public void Add(string name, object value, FieldDescriptor field) => Entries.Add(new JsonEntry(name, value, field));

    public override string ToString()
    {
        var text = new StringBuilder("{");
        foreach (var entry in Entries)
        {
            var value = entry.Value is JsonTree[] many ? $"[{string.Join(',', (object[])many)}]" : entry.Value;
            text.Append(text.Length == 1 ? "" : ",").Append('"').Append(entry.Name).Append("\":").Append(value);
        }

        return text.Append('}').ToString();
    }
}
