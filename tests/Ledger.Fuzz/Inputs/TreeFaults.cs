using Google.Protobuf.Reflection;
using Google.Protobuf.WellKnownTypes;
using Type = Google.Protobuf.Reflection.FieldType;

namespace Ledger.Fuzz.Inputs;

/// <summary>Faults of what a request says, whatever form it takes: a value at a border, a field too few or too
/// many.</summary>
internal sealed class TreeFaults(Values values, TreeMaker maker)
{
    private const int ManyOnceIn = 400;

    private static readonly int[] s_many = [16, 17, 100, 8_190, 8_191];

    /// <summary>Puts one fault in.</summary>
    /// <returns>What was done, for people.</returns>
    public string Apply(Tree tree, Draw draw, long input)
    {
        var all = tree.All().ToArray();
        var target = draw.Of(all);
        if (target.Fields.Count == 0 || draw.Percent(10))
        {
            return AddField(target, draw, input);
        }

        var place = draw.Below(target.Fields.Count);
        var (field, value) = target.Fields[place];
        switch (draw.Below(10))
        {
            case 0:
                target.Fields.RemoveAt(place);
                return $"without {field.Name}";
            case 1:
                target.Fields.Add((field, value is Tree inner ? inner.Copy() : value));
                return $"{field.Name} twice";
            case 2 when field.IsRepeated && draw.OnceIn(ManyOnceIn / 10):
                return Many(target, field, value, draw);
            case 3:
                return AddField(target, draw, input);
            default:
                target.Fields[place] = (field, BorderOf(field, draw));
                return $"{field.Name} at a border";
        }
    }

    private object BorderOf(FieldDescriptor field, Draw draw)
    {
        if (field.FieldType is not (Type.Message or Type.Group))
        {
            return values.Border(field, draw);
        }

        var type = field.MessageType;
        return type.FullName == Timestamp.Descriptor.FullName || type.FullName == Duration.Descriptor.FullName
            ? Values.BorderTime(type, draw)
            : new Tree(type);
    }

    private static string Many(Tree target, FieldDescriptor field, object value, Draw draw)
    {
        var count = draw.Of(s_many);
        for (var item = 0; item < count; item++)
        {
            target.Fields.Add((field, value));
        }

        return $"{count} times more {field.Name}";
    }

    private string AddField(Tree target, Draw draw, long input)
    {
        var fields = target.Type.Fields.InFieldNumberOrder();
        if (fields.Count == 0)
        {
            return "nothing";
        }

        var field = draw.Of([.. fields]);
        var value = field.FieldType is Type.Message or Type.Group && !draw.Percent(30)
            ? maker.Make(field.MessageType, draw, input)
            : BorderOf(field, draw);
        target.Fields.Add((field, value));
        return $"{field.Name} beside";
    }
}
