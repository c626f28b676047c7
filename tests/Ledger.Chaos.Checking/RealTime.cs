namespace Ledger.Chaos.Checking;

/// <summary>What an account must show from now on, at least.</summary>
/// <param name="Place">The place in its stream.</param>
/// <param name="Cause">The call that has proved it.</param>
/// <param name="IsCross">Whether that call was about another account.</param>
internal readonly record struct Floor(long Place, Call? Cause, bool IsCross);

/// <summary>
/// Real-time order. Every call is placed in the streams of its accounts: a write where its rows stand, a read where the
/// account was as it was read. Then the calls are gone through in the order of time: what completed before another call
/// began must stand before it. A read that shows a transaction on one account proves it for all its accounts, so a
/// later read of another one must show it too.
/// </summary>
/// <remarks>Of several places at which a read could stand the first that is allowed is taken: that leaves all later
/// calls the most freedom, so a history is blamed only when no choice would do. A coordinator writes the record of a
/// commit lazily, and after a crash again; so for the order of writes a coordinator's preparation counts, and for
/// readers its commit.</remarks>
internal sealed class RealTime(HistoryFile history, Books books, Findings findings)
{
    private readonly Floor[] readers = new Floor[books.Accounts.Count];
    private readonly Floor[] writers = new Floor[books.Accounts.Count];
    private readonly int[] observed = new int[books.Accounts.Count];
    private readonly Dictionary<(long Process, int Account), (Call Read, ulong Version)> sessions = [];

    public int ReadsPlaced { get; private set; }

    public int Entries { get; private set; }

    public void Check()
    {
        var moments = new (long Time, bool IsEnd, Call Call)[history.Calls.Count * 2];
        for (var i = 0; i < history.Calls.Count; i++)
        {
            var call = history.Calls[i];
            moments[i * 2] = (call.Record.Invoke, false, call);
            moments[(i * 2) + 1] = (call.Record.Complete, true, call);
        }

        // At one moment, beginnings come first: calls that merely touch are taken as concurrent.
        Array.Sort(moments, static (a, b) => a.Time != b.Time ? a.Time.CompareTo(b.Time) : a.IsEnd.CompareTo(b.IsEnd));
        foreach (var (_, isEnd, call) in moments)
        {
            if (isEnd)
            {
                Complete(call);
            }
            else
            {
                Invoke(call);
            }
        }
    }

    // ---------------------------------------------------------------- beginnings

    private void Invoke(Call call)
    {
        if (call.Account >= 0)
        {
            call.Floor = readers[call.Account];
        }

        if (call.Decision is not { } decision)
        {
            return;
        }

        if (decision.Committed is not { } attempt)
        {
            if (!decision.IsInvoked)
            {
                decision.IsInvoked = true;
                CheckWrittenAfter(call, decision.Account, decision.Place);
            }

            return;
        }

        if (attempt.IsInvoked)
        {
            return;
        }

        attempt.IsInvoked = true;
        foreach (var side in attempt.Sides)
        {
            if (side.First != 0)
            {
                CheckWrittenAfter(call, side.Account, side.First);
            }
        }
    }

    private void CheckWrittenAfter(Call call, ReferenceAccount account, long place)
    {
        var floor = writers[account.Number];
        if (place <= floor.Place)
        {
            findings.Add(
                Rule.Linearizable,
                $"{Ids.Text(call.Id)} stands at {Books.Text(account, place)}, before what had been told when it was "
                    + $"asked for ({Books.Text(account, floor.Place)})",
                [floor.Cause, call], Books.Reference(account, place));
        }
    }

    // ---------------------------------------------------------------- ends

    private void Complete(Call call)
    {
        if (call.IsWrite)
        {
            CompleteWrite(call);
        }
        else if (call.Record.Outcome == CallOutcome.Ok)
        {
            switch (call.Record.Kind)
            {
                case CallKind.Read:
                    CompleteRead(call);
                    break;
                case CallKind.Statement:
                    CompleteStatement(call);
                    break;
                case CallKind.Lookup or CallKind.LookupTransaction:
                    CompleteLookup(call);
                    break;
                case CallKind.Open:
                    CompleteOpening(call);
                    break;
                default:
                    break;
            }
        }
    }

    private void CompleteWrite(Call call)
    {
        if (call.Decision is not { } decision || call.IsUndecided || call.Record.Outcome == CallOutcome.Unknown
            || call.Record.Error is not null)
        {
            return;
        }

        if (decision.Committed is not { } attempt)
        {
            Raise(readers, decision.Account, decision.Place, call, isCross: false);
            Raise(writers, decision.Account, decision.Place, call, isCross: false);
            return;
        }

        foreach (var side in attempt.Sides)
        {
            Raise(readers, side.Account, side.Committed, call, isCross: false);
            Raise(
                writers, side.Account, side.Account == attempt.Coordinator ? side.Prepared : side.Committed, call,
                isCross: false);
        }
    }

    private void CompleteRead(Call call)
    {
        var account = books.Accounts[call.Account];
        if (call.Record.Result?.Reading is not { } reading)
        {
            if (account.OpenedAt != 0 && call.Floor.Place >= account.OpenedAt)
            {
                Blame(call, account, $"a read of {account.Address} finds no account", account.OpenedAt);
            }

            return;
        }

        if (sessions.TryGetValue((call.Record.Process, call.Account), out var before)
            && before.Version > reading.Version
            && before.Read.Record.Complete < call.Record.Invoke)
        {
            findings.Add(
                Rule.Monotonic,
                $"process {call.Record.Process} has read {account.Address} at version {before.Version} and then at "
                    + $"{reading.Version}",
                [before.Read, call]);
        }

        sessions[(call.Record.Process, call.Account)] = (call, reading.Version);
        if (call.Places is not { } places)
        {
            return;
        }

        ReadsPlaced++;
        long? chosen = null;
        foreach (var place in places)
        {
            if (place >= call.Floor.Place || (call.IsLazy && MayBeLazy(account, call.Floor.Place, Books.RowOf(place))))
            {
                chosen = place;
                break;
            }
        }

        if (chosen is not { } at)
        {
            Blame(
                call, account, $"a read of {account.Address} stands at {Books.Text(account, places[^1])}",
                call.Floor.Place);
            at = places[^1];
        }

        Show(call, account, at);
    }

    // A read of commits that were written anew after a crash shows all that clients had been told of (see Books),
    // wherever the next incarnation has written it.
    private static bool MayBeLazy(ReferenceAccount account, long place, long row)
    {
        if (Books.RowOf(place) <= row)
        {
            return true;
        }

        var committed = account.Committed;
        for (var i = committed.Count - 1; i >= 0 && committed[i].Place >= place; i--)
        {
            if (committed[i].Place == place)
            {
                var attempt = committed[i].Attempt;
                return attempt.Coordinator == account && Books.RowOf(attempt.Side(account).Prepared) < row;
            }
        }

        return false;
    }

    private void Show(Call call, ReferenceAccount account, long place)
    {
        Raise(readers, account, place, call, isCross: false);

        // Of the row that the read rests on, a part may have been written again after a crash, behind other events.
        Raise(writers, account, Books.PlaceOf(Books.RowOf(place), 0), call, isCross: false);
        var committed = account.Committed;
        ref var next = ref observed[account.Number];
        for (; next < committed.Count && committed[next].Place <= place; next++)
        {
            Prove(call, account, committed[next].Attempt);
        }
    }

    // What is seen on one account is on all of them.
    private void Prove(Call call, ReferenceAccount account, Attempt attempt)
    {
        if (attempt.IsAskedFor && !attempt.IsInvoked)
        {
            findings.Add(
                Rule.Linearizable, $"{account.Address} shows {attempt.Id} before it was asked for",
                [call, .. books.CallsOf(attempt)]);
            attempt.IsInvoked = true;
        }

        foreach (var side in attempt.Sides)
        {
            if (side.Account != account)
            {
                Raise(readers, side.Account, side.Committed, call, isCross: true);
            }
        }
    }

    private void CompleteStatement(Call call)
    {
        var account = books.Accounts[call.Account];
        var request = call.Record.Request;
        var page = call.Record.Result?.Entries ?? [];
        Entries += page.Count;
        if (call.Record.Result?.Found == false)
        {
            if (account.OpenedAt != 0 && call.Floor.Place >= account.OpenedAt)
            {
                Blame(call, account, $"a statement of {account.Address} finds no account", account.OpenedAt);
            }

            return;
        }

        if (!CheckPage(call, account, page))
        {
            return;
        }

        // How many entries the account had, as far as the page tells.
        var low = Math.Max(1, request.MinSequence ?? 1);
        var high = request.MaxSequence ?? ulong.MaxValue;
        ulong least;
        var most = ulong.MaxValue;
        if (page.Count == 0)
        {
            least = 0;
            most = low <= high ? low - 1 : ulong.MaxValue;
        }
        else if (request.NewestFirst)
        {
            least = page[0].Sequence;
            most = least < high ? least : ulong.MaxValue;
            if (page.Count < request.PageSize && page[^1].Sequence != low)
            {
                findings.Add(
                    Rule.Monotonic,
                    $"a page of the statement of {account.Address} ends at {page[^1].Sequence}, before {low}", call);
            }
        }
        else
        {
            least = page[^1].Sequence;
            most = page.Count < request.PageSize && least < high ? least : ulong.MaxValue;
            if (page[0].Sequence != low)
            {
                findings.Add(
                    Rule.Monotonic,
                    $"a page of the statement of {account.Address} begins at {page[0].Sequence}, not at {low}", call);
            }
        }

        var floor = EntriesAt(account, call.Floor.Place);
        if (most < (ulong)floor)
        {
            Blame(
                call, account, $"a statement of {account.Address} has {most} entries, and had {floor}",
                call.Floor.Place, Rule.Monotonic);
        }

        if (least > 0)
        {
            Show(call, account, account.Entries[(int)least - 1].Place);
        }
    }

    private bool CheckPage(Call call, ReferenceAccount account, IReadOnlyList<EntryContent> page)
    {
        for (var i = 0; i < page.Count; i++)
        {
            var entry = page[i];
            if (i > 0 && (call.Record.Request.NewestFirst
                ? entry.Sequence + 1 != page[i - 1].Sequence || entry.BookTime > page[i - 1].BookTime
                : entry.Sequence != page[i - 1].Sequence + 1 || entry.BookTime < page[i - 1].BookTime))
            {
                findings.Add(
                    Rule.Monotonic,
                    $"the entries {page[i - 1].Sequence} and {entry.Sequence} of {account.Address} do not follow each "
                        + "other", call);
                return false;
            }

            if (entry.Sequence < 1 || entry.Sequence > (ulong)account.Entries.Count)
            {
                findings.Add(
                    Rule.Monotonic,
                    $"the statement of {account.Address} shows entry {entry.Sequence}; its journal has "
                        + $"{account.Entries.Count}", call);
                return false;
            }

            var known = account.Entries[(int)entry.Sequence - 1];
            if (Ids.Of(entry.TransferId) != known.Effect.Transfer.Id.Value || entry.Amount != known.Effect.Amount
                || entry.Debit != known.IsDebit || entry.DebitsPosted != unchecked((UInt128)known.DebitsPosted)
                || entry.CreditsPosted != unchecked((UInt128)known.CreditsPosted))
            {
                findings.Add(
                    Rule.Monotonic,
                    $"entry {entry.Sequence} of {account.Address} shows {entry}, and is {known.Effect.Transfer.Id}, "
                    + $"{(known.IsDebit ? "debit" : "credit")} of {known.Effect.Amount}, {known.DebitsPosted} and "
                    + $"{known.CreditsPosted} after it",
                    call, Books.Reference(account, known.Place));
                return false;
            }
        }

        return true;
    }

    private static int EntriesAt(ReferenceAccount account, long place)
    {
        var low = 0;
        var high = account.Entries.Count;
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (account.Entries[middle].Place <= place)
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        return low;
    }

    private void CompleteLookup(Call call)
    {
        var facts = books.Facts.GetValueOrDefault(call.Id);
        var attempt = call.Record.Kind == CallKind.Lookup
            ? facts?.Effect?.Attempt
            : facts?.Decisions.Find(static one => one.Committed is not null)?.Committed;
        if (attempt is null)
        {
            return;
        }

        if (call.Record.Result?.Found == true && call.Record.Status is "CREATED" or "EXISTS")
        {
            foreach (var side in attempt.Sides)
            {
                Raise(readers, side.Account, side.Committed, call, isCross: side.Account.Number != call.Account);
            }

            return;
        }

        // Without an account, only a node's memory is asked, which promises nothing.
        if (call.Account < 0
            || (call.Record.Kind == CallKind.LookupTransaction && attempt.Coordinator.Number != call.Account))
        {
            return;
        }

        foreach (var side in attempt.Sides)
        {
            if (side.Account.Number == call.Account && side.Committed != 0 && side.Committed <= call.Floor.Place)
            {
                Blame(
                    call, side.Account, $"{Ids.Text(call.Id)} was not found on {side.Account.Address}", side.Committed);
            }
        }
    }

    private void CompleteOpening(Call call)
    {
        var statuses = call.Record.Result?.Accounts ?? [];
        for (var i = 0; i < statuses.Count && i < (call.Record.Request.Accounts?.Count ?? 0); i++)
        {
            if (statuses[i] is "CREATED" or "EXISTS"
                && books.Find(call.Record.Request.Accounts![i].Address) is { OpenedAt: > 0 } account)
            {
                Raise(readers, account, account.OpenedAt, call, isCross: false);
                Raise(writers, account, account.OpenedAt, call, isCross: false);
            }
        }
    }

    private static void Raise(Floor[] floors, ReferenceAccount account, long place, Call cause, bool isCross)
    {
        ref var floor = ref floors[account.Number];
        if (place > floor.Place)
        {
            floor = new Floor(place, cause, isCross);
        }
    }

    private void Blame(Call call, ReferenceAccount account, string what, long place, string? rule = null) =>
        findings.Add(
        rule ?? (call.Floor.IsCross ? Rule.Atomic
            : call.Floor.Cause?.Record.Process == call.Record.Process ? Rule.Monotonic
            : Rule.Linearizable),
        $"{what}, although {Books.Text(account, place)} had been told of when it was asked for",
        [call.Floor.Cause, call], Books.Reference(account, place));
}
