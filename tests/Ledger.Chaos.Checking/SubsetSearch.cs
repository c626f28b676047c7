namespace Ledger.Chaos.Checking;

/// <summary>Whether some of several changes lead from one state of an account to another.</summary>
internal sealed class SubsetSearch
{
    private const int StatesMax = 200_000;

    /// <summary>How often there were too many ways to try; such a state is taken as reachable.</summary>
    public int Undecided { get; private set; }

    /// <returns>Whether it is reachable; null when there are too many ways to try.</returns>
    public bool? CanReach(in Counters from, IReadOnlyList<Counters> changes, in Counters to)
    {
        if (from == to)
        {
            return true;
        }

        var reached = new HashSet<Counters> { from };
        var news = new List<Counters>();
        foreach (var change in changes)
        {
            news.Clear();
            foreach (var state in reached)
            {
                var next = state + change;

                // Nothing that is posted is ever taken back, and nothing that was in doubt comes back.
                if (next.DebitsPosted <= to.DebitsPosted && next.CreditsPosted <= to.CreditsPosted
                    && next.Entries <= to.Entries
                    && next.DebitsReserved >= to.DebitsReserved && next.CreditsReserved >= to.CreditsReserved)
                {
                    if (next == to)
                    {
                        return true;
                    }

                    news.Add(next);
                }
            }

            reached.UnionWith(news);
            if (reached.Count > StatesMax)
            {
                Undecided++;
                return null;
            }
        }

        return false;
    }
}
