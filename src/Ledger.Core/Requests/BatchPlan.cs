using System.Collections.Immutable;

namespace Ledger.Core;

/// <summary>How a batch is done: which items happen together, and which groups of them wait for which.
/// Immutable.</summary>
/// <param name="Groups">The groups, in the order of their items.</param>
internal sealed record BatchPlan(ImmutableArray<BatchGroup> Groups)
{
    /// <summary>Plans a batch: each chain is a group, and each other item is one alone.</summary>
    /// <param name="steps">The items.</param>
    public static BatchPlan Of(IReadOnlyList<BatchStep> steps)
    {
        var groups = ImmutableArray.CreateBuilder<BatchGroup>();
        var legs = ImmutableArray.CreateBuilder<TransactionLeg>();
        for (var i = 0; i < steps.Count; i++)
        {
            legs.Add(steps[i].Leg);
            var isLast = i == steps.Count - 1;
            if (!steps[i].IsLinked || isLast)
            {
                groups.Add(new BatchGroup(i - legs.Count + 1, legs.DrainToImmutable(), steps[i].IsLinked));
            }
        }

        return new BatchPlan(groups.DrainToImmutable());
    }

    /// <summary>Checks how many bytes the chains have: all at once, so that none is done when one of them is
    /// refused.</summary>
    public RequestProblem? CheckSizes()
    {
        foreach (var group in Groups)
        {
            if (RequestRules.CheckSize(new Transaction(default, group.Legs), $"items[{group.First}]") is { } problem)
            {
                return problem;
            }
        }

        return null;
    }

    /// <summary>Orders the groups: each waits for those before it that it shares an account or an id with, and the
    /// others go on at the same time. One whose accounts are not known waits for all before it, and all after it wait
    /// for that one.</summary>
    /// <returns>For each group, the places of those that it waits for itself: what those wait for is over by
    /// then.</returns>
    public ImmutableArray<ImmutableArray<int>> Order()
    {
        var order = ImmutableArray.CreateBuilder<ImmutableArray<int>>(Groups.Length);
        var last = new Dictionary<object, int>();
        var barrier = -1;
        for (var i = 0; i < Groups.Length; i++)
        {
            if (Groups[i].FindKeys() is not { } keys)
            {
                // All since the barrier, and the barrier itself.
                var first = Math.Max(barrier, 0);
                order.Add([.. Enumerable.Range(first, i - first)]);
                barrier = i;
                last.Clear();
                continue;
            }

            var before = new SortedSet<int>();
            if (barrier >= 0)
            {
                before.Add(barrier);
            }

            foreach (var key in keys)
            {
                if (last.TryGetValue(key, out var other))
                {
                    before.Add(other);
                }
            }

            foreach (var key in keys)
            {
                last[key] = i;
            }

            order.Add([.. before]);
        }

        return order.MoveToImmutable();
    }
}
