using System.Collections.Frozen;
using Google.Protobuf.Reflection;

namespace Ledger.StrictJson;

/// <summary>The fields of a message, by each of their names in JSON. Made once from the contract; safe for many
/// threads.</summary>
internal sealed class MessageShape
{
    private const int FieldsMax = 64;
    private const int NearMax = 64;

    private FrozenDictionary<string, FieldShape> byName = FrozenDictionary<string, FieldShape>.Empty;

    private MessageShape()
    {
    }

    /// <summary>The fields, in the order of their numbers.</summary>
    public IReadOnlyList<FieldShape> Fields { get; private set; } = [];

    /// <summary>Makes the shape of a message and of all that are in it.</summary>
    /// <exception cref="NotSupportedException">A field is of a kind that has no strict form in JSON.</exception>
    public static MessageShape Of(MessageDescriptor message)
    {
        var shapes = new Dictionary<string, MessageShape>(StringComparer.Ordinal);
        return ShapeOf(message);

        MessageShape ShapeOf(MessageDescriptor one)
        {
            if (!shapes.TryGetValue(one.FullName, out var shape))
            {
                // Known before its fields are: a message may hold itself.
                shapes[one.FullName] = shape = new MessageShape();
                shape.Fill(one, ShapeOf);
            }

            return shape;
        }
    }

    /// <summary>The field of a name: that of the contract, or the usual one in JSON. Null when there is none.</summary>
    public FieldShape? Find(ReadOnlySpan<char> name) =>
        byName.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(name, out var field) ? field : null;

    /// <summary>What to write in place of a name that no field has, for people.</summary>
    public string Suggest(string name, IEnumerable<FieldShape> fields)
    {
        var names = fields.Select(static field => field.JsonName).ToArray();
        var plain = Plain(name);
        var nearest = name.Length > NearMax
            ? null
            : names.Select(one => (Name: one, Distance: Distance(plain, Plain(one))))
                .Where(static one => one.Distance <= 1 + (one.Name.Length / 5))
                .OrderBy(static one => one.Distance).Select(static one => one.Name).FirstOrDefault();
        return (nearest, names) switch
        {
            (not null, _) => $"Is {nearest} meant?",
            (_, []) => "There are none.",
            _ => $"There are: {string.Join(", ", names)}.",
        };
    }

    private static string Plain(string name) =>
        name.Replace("_", "", StringComparison.Ordinal).ToUpperInvariant();

    /// <summary>How many letters must be put in, taken away or changed to make one text of the other.</summary>
    private static int Distance(string from, string to)
    {
        var row = Enumerable.Range(0, to.Length + 1).ToArray();
        for (var i = 1; i <= from.Length; i++)
        {
            var corner = row[0];
            row[0] = i;
            for (var j = 1; j <= to.Length; j++)
            {
                var changed = corner + (from[i - 1] == to[j - 1] ? 0 : 1);
                corner = row[j];
                row[j] = Math.Min(changed, 1 + Math.Min(row[j], row[j - 1]));
            }
        }

        return row[to.Length];
    }

    private void Fill(MessageDescriptor message, Func<MessageDescriptor, MessageShape> shapeOf)
    {
        var fields = message.Fields.InFieldNumberOrder();
        if (fields.Count > FieldsMax)
        {
            throw new NotSupportedException($"{message.FullName} has more than {FieldsMax} fields.");
        }

        var shapes = fields.Select((field, place) => new FieldShape(field, place, shapeOf)).ToArray();
        foreach (var shape in shapes.Where(static shape => shape.Oneof is not null))
        {
            shape.Rivals = shapes.Where(other => other.Oneof == shape.Oneof && other != shape)
                .Aggregate(0UL, static (bits, other) => bits | other.Bit);
        }

        // The usual name goes before the name in the contract, should another field have that.
        var names = new Dictionary<string, FieldShape>(StringComparer.Ordinal);
        foreach (var shape in shapes)
        {
            names[shape.Name] = shape;
        }

        foreach (var shape in shapes)
        {
            names[shape.JsonName] = shape;
        }

        Fields = shapes;
        byName = names.ToFrozenDictionary(StringComparer.Ordinal);
    }
}
