using Ledger.Conformance.Grammar;

namespace Ledger.Conformance.Running;

/// <summary>The rows of questions to the read side.</summary>
internal static class QueryRows
{
    /// <summary>The rows that count: each line of an answer, and the question itself when it expects no line, because
    /// else nothing would judge it.</summary>
    public static IEnumerable<Row> Counted(IReadOnlyList<Row> rows)
    {
        for (var i = 0; i < rows.Count; i++)
        {
            var expectsResult = i + 1 < rows.Count && rows[i + 1] is QueryRow { IsResult: true };
            if (rows[i] is not QueryRow { IsResult: false } || !expectsResult)
            {
                yield return rows[i];
            }
        }
    }
}
