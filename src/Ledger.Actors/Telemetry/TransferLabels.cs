using System.Text;

namespace Ledger.Actors.Telemetry;

/// <summary>The values of the labels of transfers. All of them are made once, so that a measurement allocates
/// nothing.</summary>
internal static class TransferLabels
{
    /// <summary>The value for what has no name of its own.</summary>
    public const string Other = "other";

    private static readonly string[] s_statuses = NamesOf<TransferStatus>();

    /// <summary>What a transfer does: <c>transfer</c>, <c>hold</c>, <c>post</c>, <c>void</c> or
    /// <c>reversal</c>.</summary>
    public static string KindOf(Transfer transfer) =>
        transfer.Kind == TransferKind.Hold ? "hold"
        : transfer.Kind == TransferKind.PostHold ? "post"
        : transfer.ReleasesHold ? "void"
        : transfer.Reverses.IsNil ? "transfer"
        : "reversal";

    /// <summary>The name of a status, as <c>exceeds_credits</c>; <c>exists</c> for one that an earlier request had
    /// created.</summary>
    public static string StatusOf(TransferStatus status, bool replayed)
    {
        if (replayed && status == TransferStatus.Created)
        {
            status = TransferStatus.Exists;
        }

        var index = (int)status;
        return index >= 0 && index < s_statuses.Length ? s_statuses[index] : Other;
    }

    private static string[] NamesOf<T>()
        where T : struct, Enum
    {
        var values = Enum.GetValues<T>();
        var names = new string[values.Max(static value => Convert.ToInt32(value, null)) + 1];
        Array.Fill(names, Other);
        foreach (var value in values)
        {
            names[Convert.ToInt32(value, null)] = InSnakeCase(value.ToString());
        }

        return names;
    }

    private static string InSnakeCase(string name)
    {
        var text = new StringBuilder(name.Length + 8);
        foreach (var c in name)
        {
            if (char.IsAsciiLetterUpper(c) && text.Length > 0)
            {
                text.Append('_');
            }

            text.Append(char.ToLowerInvariant(c));
        }

        return text.ToString();
    }
}
