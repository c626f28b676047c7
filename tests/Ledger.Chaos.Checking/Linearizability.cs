namespace Ledger.Chaos.Checking;

/// <summary>An operation on one account, without a word of versions: when, and what.</summary>
/// <param name="Invoke">When it began.</param>
/// <param name="Complete">When it was told to be done; <see cref="long.MaxValue"/> when nobody was told.</param>
/// <param name="IsRead">Whether it reads; else it adds.</param>
/// <param name="Debits">What a write adds to the posted debits, or a read showed of them.</param>
/// <param name="Credits">The same of credits.</param>
/// <param name="Call">The call; null when there is none.</param>
internal readonly record struct Operation(
    long Invoke, long Complete, bool IsRead, Int128 Debits, Int128 Credits, Call? Call);

/// <summary>What a search came to.</summary>
internal enum Order
{
    /// <summary>There is an order that explains it.</summary>
    Found,

    /// <summary>There is none.</summary>
    None,

    /// <summary>There were too many to try.</summary>
    Undecided,
}

/// <summary>
/// The second opinion on reads and writes of an account, by the search of Wing and Gong with a memory of the states
/// that were tried: it knows only when calls began and ended, what writes add, and what reads showed.
/// </summary>
/// <remarks>Of a long history windows are looked at, each from one read on. What the account had then is what that read
/// showed. A write that was under way at that moment may be in it or not, so it may count or not; a write that ends
/// after the window may be left out. Both only allow more.</remarks>
internal static class Linearizability
{
    public const int OperationsMax = 256;
    private const int StepsMax = 200_000;

    /// <summary>Looks for an order of the operations of a window.</summary>
    /// <param name="operations">The operations, at most <see cref="OperationsMax"/>.</param>
    /// <param name="debits">The posted debits at its beginning.</param>
    /// <param name="credits">The posted credits at its beginning.</param>
    /// <param name="begin">The window's beginning: what began before it may count already.</param>
    /// <param name="end">The window's end: what ends after it need not be in it.</param>
    public static Order Search(
        IReadOnlyList<Operation> operations, Int128 debits, Int128 credits, long begin, long end)
    {
        if (operations.Count > OperationsMax)
        {
            return Order.Undecided;
        }

        var sorted = operations.OrderBy(static one => one.Invoke).ToArray();
        var search = new Searching(sorted, begin, end);
        return search.Run(debits, credits);
    }

    /// <summary>Looks at windows of the accounts that were read and written most.</summary>
    public static (int Windows, int Undecided) CheckHot(
        HistoryFile history, Books books, Findings findings, int accountsMax, int windowsMax,
        CancellationToken cancellationToken)
    {
        var reads = new Dictionary<int, List<Call>>();
        foreach (var call in history.Calls)
        {
            if (call.Record is { Kind: CallKind.Read, Outcome: CallOutcome.Ok, Result.Reading: not null }
                && call.Account >= 0)
            {
                (reads.TryGetValue(call.Account, out var list) ? list : reads[call.Account] = []).Add(call);
            }
        }

        var windows = 0;
        var undecided = 0;
        foreach (var (number, list) in reads
            .OrderByDescending(one => (long)one.Value.Count * books.Accounts[one.Key].Committed.Count)
            .Take(accountsMax))
        {
            var account = books.Accounts[number];
            var writes = WritesOf(books, account);
            list.Sort(static (a, b) => a.Record.Invoke.CompareTo(b.Record.Invoke));

            // Windows of as many reads each, spread over the run.
            var perWindow = Math.Clamp(list.Count / Math.Max(1, writes.Count) * 20, 8, 60);
            var step = Math.Max(perWindow - 1, list.Count / windowsMax);
            for (var from = 0; from + 1 < list.Count; from += step)
            {
                cancellationToken.ThrowIfCancellationRequested();
                var window = WindowOf(list, from, perWindow, writes, out var begin, out var end);
                var first = list[from].Record.Result!.Reading!.Balances;
                windows++;
                switch (Search(window, (Int128)first.DebitsPosted, (Int128)first.CreditsPosted, begin, end))
                {
                    case Order.None:
                        findings.Add(
                            Rule.Linearizable,
                            $"no order of {window.Count} reads and writes of {account.Address} explains what they "
                                + "showed (found without versions)",
                            [.. window.Where(static one => one.IsRead).Select(static one => one.Call).Take(4)]);
                        break;
                    case Order.Undecided:
                        undecided++;
                        break;
                    default:
                        break;
                }
            }
        }

        return (windows, undecided);
    }

    private static List<Operation> WritesOf(Books books, ReferenceAccount account)
    {
        var writes = new List<Operation>(account.Committed.Count);
        foreach (var (_, attempt) in account.Committed)
        {
            Int128 debits = 0;
            Int128 credits = 0;
            foreach (var effect in attempt.Effects)
            {
                if (effect.Transfer.Kind is TransferKind.Direct or TransferKind.PostHold)
                {
                    debits += effect.Transfer.DebitAccount == account.Address ? (Int128)effect.Amount : 0;
                    credits += effect.Transfer.CreditAccount == account.Address ? (Int128)effect.Amount : 0;
                }
            }

            if (debits == 0 && credits == 0)
            {
                continue;
            }

            var invoke = long.MaxValue;
            var complete = long.MaxValue;
            Call? first = null;
            foreach (var call in books.Facts.GetValueOrDefault(attempt.Id.Value)?.Calls ?? [])
            {
                if (call.Decision?.Committed != attempt)
                {
                    continue;
                }

                first = call.Record.Invoke < invoke ? call : first;
                invoke = Math.Min(invoke, call.Record.Invoke);
                complete = call.IsAcknowledged ? Math.Min(complete, call.Record.Complete) : complete;
            }

            if (first is not null)
            {
                writes.Add(new Operation(invoke, complete, false, debits, credits, first));
            }
        }

        writes.Sort(static (a, b) => a.Invoke.CompareTo(b.Invoke));
        return writes;
    }

    private static List<Operation> WindowOf(
        List<Call> reads, int from, int count, List<Operation> writes, out long begin, out long end)
    {
        // A window that is too large is made smaller: a search without an end says nothing.
        while (true)
        {
            begin = reads[from].Record.Complete;
            var last = Math.Min(reads.Count, from + count) - 1;
            end = reads[last].Record.Complete;
            var window = new List<Operation>();
            for (var i = from + 1; i <= last; i++)
            {
                var read = reads[i].Record;

                // A read that was under way together with the first one may stand before it.
                if (read.Invoke > begin && read.Complete <= end)
                {
                    var balances = read.Result!.Reading!.Balances;
                    window.Add(new Operation(
                        read.Invoke, read.Complete, true, (Int128)balances.DebitsPosted, (Int128)balances.CreditsPosted,
                        reads[i]));
                }
            }

            foreach (var write in writes)
            {
                if (write.Invoke >= end)
                {
                    break;
                }

                if (write.Complete >= reads[from].Record.Invoke)
                {
                    window.Add(write);
                }
            }

            if (window.Count <= OperationsMax || count <= 2)
            {
                return window;
            }

            count = Math.Max(2, count / 2);
        }
    }

    private sealed class Searching(Operation[] operations, long begin, long end)
    {
        private readonly HashSet<(UInt128, UInt128, Int128, Int128)> tried = [];
        private readonly UInt128[] done = new UInt128[2];
        private int steps;

        public Order Run(Int128 debits, Int128 credits)
        {
            var left = operations.Count(one => one.Complete <= end);
            return Step(debits, credits, left) ? Order.Found : steps >= StepsMax ? Order.Undecided : Order.None;
        }

        private bool Step(Int128 debits, Int128 credits, int left)
        {
            if (left == 0)
            {
                return true;
            }

            if (++steps >= StepsMax || !tried.Add((done[0], done[1], debits, credits)))
            {
                return false;
            }

            // Nothing may come before what had ended when it began.
            var first = long.MaxValue;
            for (var i = 0; i < operations.Length; i++)
            {
                if (!IsDone(i) && operations[i].Complete < first)
                {
                    first = operations[i].Complete;
                }
            }

            // A read that shows what there is costs nothing to take now: it leaves everything as it is.
            for (var i = 0; i < operations.Length && operations[i].Invoke <= first; i++)
            {
                if (!IsDone(i) && operations[i].IsRead && operations[i].Debits == debits
                    && operations[i].Credits == credits)
                {
                    Flip(i);
                    if (Step(debits, credits, left - 1))
                    {
                        return true;
                    }

                    Flip(i);
                    return false;
                }
            }

            for (var i = 0; i < operations.Length && operations[i].Invoke <= first; i++)
            {
                var one = operations[i];
                if (IsDone(i) || one.IsRead)
                {
                    continue;
                }

                var less = one.Complete <= end ? left - 1 : left;
                Flip(i);
                if (Step(debits + one.Debits, credits + one.Credits, less)
                    || (one.Invoke <= begin && Step(debits, credits, less)))
                {
                    return true;
                }

                Flip(i);
                if (steps >= StepsMax)
                {
                    return false;
                }
            }

            return false;
        }

        private bool IsDone(int i) => (done[i >> 7] >> (i & 127) & 1) != 0;

        private void Flip(int i) => done[i >> 7] ^= UInt128.One << (i & 127);
    }
}
