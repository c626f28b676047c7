using Google.Protobuf.Reflection;
using Google.Protobuf.WellKnownTypes;
using Type = Google.Protobuf.Reflection.FieldType;

namespace Ledger.Fuzz.Inputs;

/// <summary>Makes requests that pass the first gate: what every request has is in them, the rest by chance.</summary>
internal sealed class TreeMaker(Values values)
{
    private const int DepthMax = 6;

    // What a request is hardly about anything without.
    private static readonly HashSet<string> s_usual = new(StringComparer.Ordinal)
    {
        "id", "address", "account", "debit_account", "credit_account", "amount", "code", "transfer", "transaction",
        "freeze",
        "spec", "filter", "resolution", "hold_id", "transaction_id", "expire_time", "reason", "principal", "subject",
        "duration",
        "kind", "key", "value", "debits", "seconds", "nanos",
    };

    private static readonly string[] s_homes = ["debit_account", "account"];

    /// <summary>Makes one.</summary>
    /// <param name="type">Of which type.</param>
    /// <param name="draw">Where chance comes from.</param>
    /// <param name="input">The number of the input.</param>
    public Tree Make(MessageDescriptor type, Draw draw, long input) => Make(type, draw, input, 0);

    private Tree Make(MessageDescriptor type, Draw draw, long input, int depth)
    {
        var tree = new Tree(type);
        var isFilter = type.Name.EndsWith("Filter", StringComparison.Ordinal);
        foreach (var oneof in type.Oneofs.Where(static one => !one.IsSynthetic))
        {
            var chosen = draw.Of([.. oneof.Fields]);
            tree.Add(chosen, Value(chosen, draw, input, depth));
        }

        foreach (var field in type.Fields.InFieldNumberOrder().Where(static field => field.RealContainingOneof is null))
        {
            if (!draw.Percent(isFilter ? 25 : ChanceOf(field)))
            {
                continue;
            }

            var count = field.IsRepeated ? 1 + draw.Below(field.IsMap ? 2 : 4) : 1;
            for (var item = 0; item < count; item++)
            {
                tree.Add(field, Value(field, draw, input, depth));
            }
        }

        Reconcile(tree, draw);
        BringHome(tree, draw);
        return tree;
    }

    private static int ChanceOf(FieldDescriptor field) => field switch
    {
        _ when s_usual.Contains(field.Name) => 96,
        { Name: "asset" } => 70,
        { IsMap: true } => 10,
        { IsRepeated: true } => 96,
        { FieldType: Type.Bool } => 6,
        _ => 15,
    };

    private object Value(FieldDescriptor field, Draw draw, long input, int depth)
    {
        if (field.FieldType is not (Type.Message or Type.Group))
        {
            // Most enums mean the ordinary by their first value.
            return field.FieldType == Type.Enum && field.Name == "kind" && draw.Percent(60)
                ? 0L
                : values.Right(field, draw, input);
        }

        return field.MessageType.FullName switch
        {
            var name when name == Timestamp.Descriptor.FullName => values.Time(field, draw),
            var name when name == Duration.Descriptor.FullName => Values.Length(field.MessageType, draw),
            _ => depth < DepthMax ? Make(field.MessageType, draw, input, depth + 1) : new Tree(field.MessageType),
        };
    }

    // Whatever is asked about an id is asked of one account: of a transfer its debit account, of a transaction that of
    // its first transfer.
    private static void BringHome(Tree tree, Draw draw)
    {
        if (draw.Percent(20))
        {
            return;
        }

        var id = (tree["transaction_id"] ?? tree["hold_id"] ?? tree["id"]) as string;
        foreach (var name in id is null ? [] : s_homes.Where(name => tree[name] is string))
        {
            tree.Set(name, Values.Home(id!));
            if (tree["credit_account"] as string == Values.Home(id!))
            {
                tree.Set(
                    "credit_account", Values.Account(0) == Values.Home(id!) ? Values.Account(1) : Values.Account(0));
            }
        }

        if (id is not null
            && tree.Fields.Find(static one => one.Field is { IsRepeated: true, Name: "legs" }).Value is Tree first
            && first.All()
                .FirstOrDefault(static one => one["debit_account"] is string && one["hold_id"] is null) is { } transfer)
        {
            transfer.Set("debit_account", Values.Home(id));
            transfer.Remove("id");
        }
    }

    // What belongs together in a transfer: a hold is named by what is about one, and lasts; other accounts hold other
    // assets.
    private static void Reconcile(Tree tree, Draw draw)
    {
        if (tree.Type.FindFieldByName("hold_id") is not null && tree.Type.FindFieldByName("kind") is { } kind)
        {
            var isAbout = tree["kind"] is long number
                && kind.EnumType.FindValueByNumber((int)number)?.Name
                    .EndsWith("_HOLD", StringComparison.Ordinal) == true
                && number > 1;
            if (!isAbout)
            {
                tree.Remove("hold_id");
                tree.Remove("keep_rest");
            }
            else if (draw.Percent(50))
            {
                tree.Remove("amount");
                tree.Remove("debit_account");
                tree.Remove("credit_account");
                tree.Remove("asset");
            }

            if (tree["kind"] is not 1L)
            {
                tree.Remove("timeout");
                tree.Remove("closing_debit");
                tree.Remove("closing_credit");
            }
        }

        if (tree["asset"] is not null && tree.Type.FindFieldByName("address") is not null
            && tree["address"] is string own)
        {
            tree.Set("asset", own.StartsWith("fuzz:other:", StringComparison.Ordinal) ? "EUR/2" : "USD/2");
        }
    }
}
