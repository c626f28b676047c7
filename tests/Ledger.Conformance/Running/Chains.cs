using Ledger.Conformance.Grammar;

namespace Ledger.Conformance.Running;

/// <summary>Rows that are created all or not at all.</summary>
/// <param name="Rows">The rows, in order; one when it is linked to nothing.</param>
/// <param name="Waiver">Why they are not judged, or null.</param>
/// <param name="IsSent">Whether they go into the request.</param>
internal sealed record Chain(IReadOnlyList<EventRow> Rows, string? Waiver, bool IsSent)
{
    /// <summary>Divides a request into its chains.</summary>
    public static IReadOnlyList<Chain> Of(IEnumerable<EventRow> rows)
    {
        var chains = new List<Chain>();
        var current = new List<EventRow>();
        foreach (var row in rows)
        {
            current.Add(row);
            if (!row.Linked)
            {
                chains.Add(Make(current));
                current = [];
            }
        }

        if (current.Count > 0)
        {
            chains.Add(Make(current));
        }

        return chains;
    }

    // What becomes of a chain depends on each of its rows, so it is waived as a whole. What can't be expressed is left
    // out of the request; but what is imported and expected to succeed is sent as if it were not imported, unjudged,
    // because later rows, which do count, build on it.
    private static Chain Make(List<EventRow> rows)
    {
        var waiver = rows.Select(Waivers.Of).FirstOrDefault(static reason => reason is not null);
        return new Chain(rows, waiver, waiver is null || rows.TrueForAll(static row => row.IsCreation));
    }
}
