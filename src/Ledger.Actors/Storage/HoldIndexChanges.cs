using Ledger.Actors.Journal;

namespace Ledger.Actors.Storage;

/// <summary>What a fold does to the index, in this order: a hold may be in all three lists, since one that is entered
/// may be there already, from an earlier reading of the same row.</summary>
/// <param name="Made">Holds to enter, unless they are there already.</param>
/// <param name="Deadlines">New deadlines of holds that are there and live.</param>
/// <param name="Ended">Holds that have ended.</param>
internal sealed record HoldIndexChanges(
    IReadOnlyList<FoldedHold> Made, IReadOnlyList<(TransferId Id, LedgerTime Deadline)> Deadlines,
    IReadOnlyList<TransferId> Ended)
{
    public bool IsEmpty => Made.Count == 0 && Deadlines.Count == 0 && Ended.Count == 0;

    /// <summary>Sums facts up, so that each hold is touched once.</summary>
    /// <remarks>All lists are sorted: two nodes that fold at once take their locks in the same order.</remarks>
    public static HoldIndexChanges Of(IEnumerable<HoldFact> facts)
    {
        var made = new SortedDictionary<TransferId, FoldedHold>();
        var deadlines = new SortedDictionary<TransferId, LedgerTime>();
        var ended = new SortedSet<TransferId>();
        foreach (var fact in facts)
        {
            switch (fact)
            {
                case HoldMade hold:
                    // The later one counts: a transaction that was fixed may make the hold that a failed one was to
                    // make.
                    made[hold.Id] = new FoldedHold(hold.Id, hold.Debit, hold.Credit, hold.Deadline, IsLive: true);
                    break;
                case HoldDeadlineSet set when made.TryGetValue(set.Id, out var hold):
                    made[set.Id] = hold with { Deadline = set.Deadline };
                    deadlines[set.Id] = set.Deadline;
                    break;
                case HoldDeadlineSet set:
                    deadlines[set.Id] = set.Deadline;
                    break;
                case HoldEnded end:
                    if (made.TryGetValue(end.Id, out var ending))
                    {
                        made[end.Id] = ending with { IsLive = false };
                    }

                    deadlines.Remove(end.Id);
                    ended.Add(end.Id);
                    break;
                default:
                    throw new ArgumentException($"The index does not know a {fact.GetType().Name}.", nameof(facts));
            }
        }

        return new HoldIndexChanges(
            [.. made.Values], [.. deadlines.Select(static one => (one.Key, one.Value))], [.. ended]);
    }
}
