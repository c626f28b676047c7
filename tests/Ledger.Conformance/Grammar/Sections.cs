namespace Ledger.Conformance.Grammar;

/// <summary>Divides a table where it speaks of another ledger.</summary>
/// <remarks>
/// A file is one test of the original, and a test there may run several scripts, each on a new ledger; the files do not
/// say where one ends. It can be told all the same: nothing is created twice on one ledger, so a request that expects
/// to create what an earlier one has created belongs to the next ledger, with all that follows the commit before it.
/// </remarks>
internal static class Sections
{
    public static IReadOnlyList<IReadOnlyList<Step>> Split(IReadOnlyList<Step> steps)
    {
        var sections = new List<IReadOnlyList<Step>>();
        var created = new HashSet<(Operation Operation, UInt128 Id)>();
        var start = 0;
        var afterCommit = 0;
        for (var i = 0; i < steps.Count; i++)
        {
            if (steps[i] is not CommitStep commit)
            {
                continue;
            }

            var creations = commit.Rows.OfType<EventRow>().Where(static row => row.IsCreation)
                .Select(static row => (row.Operation, row.Id)).ToArray();
            if (creations.Any(created.Contains))
            {
                sections.Add([.. steps.Take(afterCommit).Skip(start)]);
                created.Clear();
                start = afterCommit;
            }

            created.UnionWith(creations);
            afterCommit = i + 1;
        }

        sections.Add([.. steps.Skip(start)]);
        return sections;
    }
}
