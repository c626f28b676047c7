namespace Ledger.Chaos.Checking;

/// <summary>
/// What clients were told, held against what the journal decided: nothing acknowledged is missing or other than it was
/// asked for, nothing happened twice or unasked, nothing that was rejected happened, look-ups and errors tell the
/// truth.
/// </summary>
internal sealed class Answers(HistoryFile history, Books books, Findings findings, bool isFinished)
{
    public int Acknowledged { get; private set; }

    public int Rejected { get; private set; }

    public int Unknown { get; private set; }

    public int UnknownApplied { get; private set; }

    /// <summary>Writes whose outcome nobody was told and nobody looked up.</summary>
    public int NotLookedUp { get; private set; }

    public SortedDictionary<string, int> Errors { get; } = new(StringComparer.Ordinal);

    public void Check()
    {
        foreach (var call in history.Calls)
        {
            CheckError(call);
            if (call.IsWrite)
            {
                CheckWrite(call);
            }
            else if (call.Record.Kind == CallKind.Open)
            {
                CheckOpening(call);
            }
            else if (call.Record.Kind is CallKind.Lookup or CallKind.LookupTransaction)
            {
                CheckLookup(call);
            }
            else if (call.Record.Kind == CallKind.Poison && call.Record.Outcome == CallOutcome.Ok)
            {
                findings.Add(
                    Rule.ErrorsKnown, $"what was malformed on purpose ({call.Record.Request.Poison}) was accepted",
                    call);
            }
            else if (call.Record is { Request.Expected: { } expected, Outcome: CallOutcome.Rejected }
                && call.Record.Error?.Reason != expected && IsWord(call.Record))
            {
                findings.Add(
                    Rule.ErrorsKnown,
                    $"what must be refused as {expected} ({call.Record.Request.Poison}) was refused as "
                        + (call.Record.Error?.Reason ?? call.Record.Status),
                    call);
            }
        }

        CheckCreatedOnce();
        CheckEffects();
        if (isFinished)
        {
            CheckUnknowns();
            CheckLastReads();
            foreach (var account in history.Run?.Accounts ?? [])
            {
                if (books.Find(account.Address) is not { Exists: true })
                {
                    findings.Add(
                        Rule.NothingLost,
                        $"the account {account.Address}, which the run opened, is not in the journal");
                }
            }
        }
    }

    /// <summary>Whether a request says the same as a transfer on record. What a post or a void leaves out is its
    /// hold's.</summary>
    public static bool IsSame(TransferContent asked, Transfer known)
    {
        const TransferFlags compared = TransferFlags.Pending | TransferFlags.PostPending | TransferFlags.VoidPending
            | TransferFlags.BalancingDebit | TransferFlags.BalancingCredit | TransferFlags.ClosingDebit
            | TransferFlags.ClosingCredit | TransferFlags.KeepRest | TransferFlags.Expiry | TransferFlags.OpenAccounts;
        var flags = asked.Type switch
        {
            TransferType.Hold => TransferFlags.Pending,
            TransferType.Post => TransferFlags.PostPending,
            TransferType.Void => TransferFlags.VoidPending,
            _ => TransferFlags.None,
        };
        flags |= asked.BalancingDebit ? TransferFlags.BalancingDebit : TransferFlags.None;
        flags |= asked.BalancingCredit ? TransferFlags.BalancingCredit : TransferFlags.None;
        flags |= asked.ClosingDebit ? TransferFlags.ClosingDebit : TransferFlags.None;
        flags |= asked.ClosingCredit ? TransferFlags.ClosingCredit : TransferFlags.None;
        flags |= asked.KeepRest ? TransferFlags.KeepRest : TransferFlags.None;
        flags |= asked.OpenAccounts ? TransferFlags.OpenAccounts : TransferFlags.None;
        var amount = asked.Amount ?? (asked.Type == TransferType.Void ? UInt128.Zero : UInt128.MaxValue);
        return Ids.Of(asked.Id) == known.Id.Value
            && flags == (known.Flags & compared)
            && amount == known.Amount.Value
            && (asked.Debit.Length == 0 || known.DebitAccount.IsNone || asked.Debit == known.DebitAccount.Text)
            && (asked.Credit.Length == 0 || known.CreditAccount.IsNone || asked.Credit == known.CreditAccount.Text)
            && (asked.Hold is not { } hold || Ids.Of(hold) == known.HoldId.Value)
            && asked.TimeoutMicroseconds == known.Timeout.Ticks / TimeSpan.TicksPerMicrosecond
            && (asked.Code == 0 || known.Code == 0 || asked.Code == known.Code)
            && (asked.Reference.Length == 0 || known.Reference.Length == 0 || asked.Reference == known.Reference)
            && (asked.Asset.Length == 0 || known.Asset.IsNone || asked.Asset == known.Asset.Text)
            && (asked.MetadataBytes == 0 || asked.MetadataBytes == BytesOf(known.Metadata));
    }

    private static int BytesOf(Metadata metadata)
    {
        var bytes = 0;
        foreach (var (key, value) in metadata.Pairs)
        {
            bytes += System.Text.Encoding.UTF8.GetByteCount(key) + System.Text.Encoding.UTF8.GetByteCount(value);
        }

        return bytes;
    }

    private static bool IsSame(Call call, Decision decision)
    {
        var asked = call.Transfers;
        if (asked.Count != decision.Transfers.Count)
        {
            return false;
        }

        for (var i = 0; i < asked.Count; i++)
        {
            if (!IsSame(asked[i], decision.Transfers[i]))
            {
                return false;
            }
        }

        return true;
    }

    // ---------------------------------------------------------------- writes

    private void CheckWrite(Call call)
    {
        var facts = books.FactsOf(call.Id);
        Decision? committed = null;
        Decision? refused = null;
        Names.TryTransferStatus(call.Record.Status, out var status);
        foreach (var decision in facts.Decisions)
        {
            if (!IsSame(call, decision))
            {
                continue;
            }

            if (decision.Committed is not null)
            {
                committed = decision;
                decision.Committed.IsAskedFor = true;
            }
            else if (refused is null || decision.Status == status)
            {
                refused = decision;
            }
        }

        switch (call.Record.Outcome)
        {
            case CallOutcome.Ok:
                Acknowledged++;
                call.Decision = committed;
                CheckAcknowledged(call, facts, committed);
                break;
            case CallOutcome.Unknown:
                Unknown++;
                UnknownApplied += committed is null ? 0 : 1;

                // It has asked for what a later attempt may be told, be that a refusal.
                call.Decision = committed ?? refused;
                break;
            default:
                Rejected++;
                if (call.Record.Error is null && WasNotPlaced(call, status))
                {
                    // Nothing was decided; a copy of it may have been later.
                    call.IsUndecided = true;
                    call.Decision = committed;
                }
                else if (call.Record.Error is null)
                {
                    call.Decision = refused;
                    CheckRejected(call, facts, committed, refused, status);
                }
                else
                {
                    // Another call may have done it.
                    call.Decision = committed ?? refused;
                    if (committed is not null
                        && !facts.Calls.Exists(
                            static other => other.Record.Outcome == CallOutcome.Unknown || other.IsAcknowledged))
                    {
                        findings.Add(
                            Rule.NoPhantom,
                            $"{Ids.Text(call.Id)} is committed, and every call was told that nothing was applied",
                            Books.CallsOf(facts), Books.Reference(committed.Account, committed.Place));
                    }
                }

                break;
        }
    }

    private void CheckAcknowledged(Call call, IdFacts facts, Decision? committed)
    {
        if (committed is null)
        {
            // A transfer that exists as a leg of a transaction exists.
            if (call.Transfers is [var alone] && call.Record.Kind != CallKind.Transaction && facts.Effect is { } leg
                && leg.Attempt.Id.Value != call.Id && IsSame(alone, leg.Transfer))
            {
                return;
            }

            var other = facts.Decisions.Find(static one => one.Committed is not null);
            if (other is not null)
            {
                findings.Add(
                    Rule.NothingTwice,
                    $"{Ids.Text(call.Id)} is acknowledged, and what is committed under it is another content: "
                        + $"{Text(other.Transfers)}",
                    call, Books.Reference(other.Account, other.Place));
            }
            else
            {
                findings.Add(
                    Rule.NothingLost, $"{Ids.Text(call.Id)} is acknowledged, and no last agent has committed it", call);
            }

            return;
        }

        var attempt = committed.Committed!;
        if (call.Record.Result?.CreateTime is { } time && LedgerTime.From(time).UnixMicroseconds != attempt.CommitTime)
        {
            findings.Add(
                Rule.NothingLost,
                $"{Ids.Text(call.Id)} was told the time {time:O}, and was committed at "
                    + $"{new LedgerTime(attempt.CommitTime).ToDateTimeOffset():O}",
                call, Books.Reference(committed.Account, committed.Place));
        }

        foreach (var effect in attempt.Effects)
        {
            if (isFinished && (!effect.IsDebited || !effect.IsCredited))
            {
                findings.Add(
                    Rule.NothingLost,
                    $"{effect.Transfer.Id} is acknowledged, and "
                        + $"{(effect.IsDebited ? effect.Transfer.CreditAccount : effect.Transfer.DebitAccount)} has "
                        + "not booked it",
                    call, Books.Reference(committed.Account, committed.Place));
            }

            var told = call.Record.Kind == CallKind.Transaction
                ? call.Record.Result?.Legs?.FirstOrDefault(leg => Ids.Of(leg.TransferId) == effect.Transfer.Id.Value)
                    ?.Amount
                : call.Record.Result?.Amount;
            if (told is { } amount && amount != effect.Amount)
            {
                findings.Add(
                    Rule.NothingLost, $"{effect.Transfer.Id} was told to move {amount}, and {effect.Amount} was moved",
                    call,
                    Books.Reference(committed.Account, committed.Place));
            }
        }
    }

    private void CheckRejected(Call call, IdFacts facts, Decision? committed, Decision? refused, TransferStatus status)
    {
        var id = Ids.Text(call.Id);
        if (committed is not null)
        {
            findings.Add(
                Rule.NoPhantom, $"{id} was told to be rejected as {call.Record.Status}, and is committed",
                Books.CallsOf(facts),
                Books.Reference(committed.Account, committed.Place));
            return;
        }

        if (status == TransferStatus.None || Names.IsAboutShape(status))
        {
            return;
        }

        if (Names.IsAboutAnother(status))
        {
            CheckRefusedForAnother(call, facts, status);
            return;
        }

        if (refused is null)
        {
            // Where a hold is not known at all, no account can be asked, and none writes it down.
            var mayBeUnwritten = status == TransferStatus.PendingTransferNotFound
                || (call.Record.Kind == CallKind.Transaction && call.Transfers.Any(static leg => leg.Hold is not null));
            if (!mayBeUnwritten)
            {
                findings.Add(
                    Rule.Linearizable, $"{id} was told to be rejected as {call.Record.Status}, and no row says so",
                    call);
            }
        }
        else if (refused.Status != status && status != TransferStatus.LinkedEventFailed)
        {
            findings.Add(
                Rule.NothingTwice,
                $"{id} was told to be rejected as {call.Record.Status}, and is on record as {Names.Of(refused.Status)}",
                call,
                Books.Reference(refused.Account, refused.Place));
        }
        else if (call.Record.Result?.BalanceSeen is { } told && refused.Seen is { } seen
            && (told.DebitsPosted != seen.DebitsPosted.Value || told.CreditsPosted != seen.CreditsPosted.Value
                || told.DebitsPending != seen.DebitsPending.Value || told.CreditsPending != seen.CreditsPending.Value
                || told.DebitsInDoubt != seen.DebitsInDoubt.Value || told.CreditsInDoubt != seen.CreditsInDoubt.Value))
        {
            findings.Add(
                Rule.Linearizable, $"{id} was told to be rejected for {told}, and is on record with {seen}", call,
                Books.Reference(refused.Account, refused.Place));
        }

        if (status == TransferStatus.PendingTransferNotFound)
        {
            CheckHoldWasMissing(call);
        }
    }

    // That an id stands for something else needs that something.
    private void CheckRefusedForAnother(Call call, IdFacts facts, TransferStatus status)
    {
        foreach (var id in call.Transfers.Select(static asked => Ids.Of(asked.Id)).Prepend(call.Id))
        {
            var known = books.Facts.GetValueOrDefault(id);
            if (known is null)
            {
                continue;
            }

            var isThere = status == TransferStatus.IdAlreadyFailed
                ? known.Decisions.Exists(static one => one.Committed is null)
                    || known.Calls.Exists(
                        other => other != call && other.Record is { Outcome: CallOutcome.Rejected, Error: null })
                : known.Effect is not null || known.Decisions.Exists(static one => one.Committed is not null);
            if (isThere)
            {
                return;
            }
        }

        findings.Add(
            Rule.NothingTwice,
            $"{Ids.Text(call.Id)} was refused as {call.Record.Status}, and nothing else is on record under it",
            Books.CallsOf(facts));
    }

    // Whether a post or a void was refused that does not name its account, and whose hold nobody had been told of: no
    // account is known that could write the refusal down, so that it is none for ever. In a transaction, which needs
    // both accounts, an earlier leg may be blamed. What an account has refused comes with its balances, or as a copy.
    private bool WasNotPlaced(Call call, TransferStatus status)
    {
        var isTransaction = call.Record.Kind == CallKind.Transaction;
        return (isTransaction || status == TransferStatus.PendingTransferNotFound)
            && call.Record.Result is null or { BalanceSeen: null, Replayed: false }
            && call.Transfers.Any(asked => asked.Hold is { } hold
                && (asked.Debit.Length == 0 || (isTransaction && asked.Credit.Length == 0))
                && !call.Transfers.TakeWhile(other => other != asked).Any(other => other.Id == hold)
                && !WasToldBefore(call, hold));
    }

    // Whether anybody had been told of a hold before a call was made: who made it, found it, or resolved it.
    private bool WasToldBefore(Call call, Guid hold) => history.Calls.Any(other =>
        other.Record.Complete < call.Record.Invoke
        && ((other.IsAcknowledged && other.Transfers.Any(one => one.Id == hold || one.Hold == hold))
            || (other.Record
                is { Kind: CallKind.Lookup, Outcome: CallOutcome.Ok, Status: "CREATED" or "EXISTS", Result.Found: true }
                && other.Id == Ids.Of(hold))));

    private void CheckHoldWasMissing(Call call)
    {
        foreach (var asked in call.Transfers)
        {
            if (asked.Hold is { } hold && books.Facts.GetValueOrDefault(Ids.Of(hold)) is { Effect: not null } facts
                && facts.Calls.Find(made => made.IsAcknowledged && made.Record.Complete < call.Record.Invoke)
                    is { } made)
            {
                var end = books.Attempts.FirstOrDefault(one => one.IsCommitted
                    && one.Effects.Exists(effect => effect.Transfer.HoldId == facts.Effect.Transfer.Id));
                findings.Add(
                    Rule.Linearizable,
                    $"{Ids.Text(call.Id)} was told that there is no hold {hold}, after it had been acknowledged; in "
                        + $"the end it is {facts.Effect.Hold}",
                    [made, call],
                    [
                        .. call.Decision is { } decision
                        ? [Books.Reference(decision.Account, decision.Place)]
                        : (RowReference[])[],
                        .. RowsOf(facts.Effect.Attempt), .. end is null ? [] : RowsOf(end),
                    ]);
            }
        }
    }

    private static RowReference[] RowsOf(Attempt attempt) =>
    [
        .. attempt.Sides.Where(static side => side.First != 0)
            .Select(static side => Books.Reference(side.Account, side.First)),
        .. attempt.Sides.Where(static side => side.Committed != 0)
            .Select(static side => Books.Reference(side.Account, side.Committed)),
    ];

    private void CheckCreatedOnce()
    {
        foreach (var (id, facts) in books.Facts)
        {
            Call? first = null;
            foreach (var call in facts.Calls)
            {
                if (!call.IsAcknowledged || call.Id != id || call.Record.Status != "CREATED")
                {
                    continue;
                }

                if (first?.Decision is not null && first.Decision == call.Decision)
                {
                    findings.Add(
                        Rule.NothingTwice, $"{Ids.Text(id)} was told twice to be created by this very request",
                        [first, call]);
                }

                first ??= call;
            }
        }
    }

    // ---------------------------------------------------------------- effects

    private void CheckEffects()
    {
        foreach (var attempt in books.Attempts)
        {
            if (!attempt.IsCommitted || attempt.IsAskedFor || attempt.Effects.Count == 0)
            {
                continue;
            }

            var rows = RowsOf(attempt);
            if (attempt.IsExpiry)
            {
                var hold = books.Facts.GetValueOrDefault(attempt.Effects[0].Transfer.HoldId.Value)?.Effect;
                if (hold is null || hold.Transfer.Timeout == TimeSpan.Zero)
                {
                    findings.Add(
                        Rule.NoPhantom,
                        $"{attempt.Id} expires {attempt.Effects[0].Transfer.HoldId}, which has no time to be up",
                        (Call?)null, rows);
                }

                continue;
            }

            var facts = books.Facts.GetValueOrDefault(attempt.Id.Value);
            findings.Add(
                Rule.NoPhantom,
                facts is null or { Calls.Count: 0 }
                    ? $"{attempt.Id} is committed, and nobody asked for it: "
                        + $"{Text(attempt.Effects.ConvertAll(static one => one.Transfer))}"
                    : $"{attempt.Id} is committed with a content that nobody asked for: "
                        + $"{Text(attempt.Effects.ConvertAll(static one => one.Transfer))}",
                Books.CallsOf(facts), rows);
        }
    }

    private void CheckOpening(Call call)
    {
        var statuses = call.Record.Result?.Accounts ?? [];
        for (var i = 0; i < statuses.Count; i++)
        {
            if (!Names.IsAccountStatus(statuses[i]))
            {
                findings.Add(Rule.ErrorsKnown, $"an opening ended as '{statuses[i]}', which is no known status", call);
            }

            if (statuses[i] is not ("CREATED" or "EXISTS") || call.Record.Request.Accounts is not { } accounts
                || i >= accounts.Count)
            {
                continue;
            }

            var asked = accounts[i];
            if (books.Find(asked.Address) is not { Exists: true } account)
            {
                findings.Add(Rule.NothingLost, $"{asked.Address} was told to be open, and is not in the journal", call);
            }
            else if (account.OpenedWith!.Asset.Text != asked.Asset || account.OpenedWith.Code != asked.Code
                || account.OpenedWith.DebitsMustNotExceedCredits?.Value != asked.DebitAllowance
                || account.OpenedWith.CreditsMustNotExceedDebits?.Value != asked.CreditAllowance)
            {
                findings.Add(
                    Rule.NothingTwice,
                    $"{asked.Address} was told to be open, and is with another content: {account.OpenedWith}", call);
            }
        }
    }

    // ---------------------------------------------------------------- look-ups

    private void CheckLookup(Call call)
    {
        var record = call.Record;
        if (record.Outcome != CallOutcome.Ok)
        {
            return;
        }

        if (record.Request.Account is { Length: > 0 } account)
        {
            call.Account = books.AccountOf(account).Number;
        }

        var facts = books.Facts.GetValueOrDefault(call.Id);
        var committed = record.Kind == CallKind.Lookup
            ? facts?.Effect?.Attempt
            : facts?.Decisions.Find(static one => one.Committed is not null)?.Committed;
        var isThere = committed is not null && (call.Account < 0 || IsAbout(call, facts!, committed));
        if (record.Result?.Found != true)
        {
            if (record.Final && isThere)
            {
                findings.Add(
                    Rule.UnknownsSettle, $"{Ids.Text(call.Id)} was not found in the final phase, and is committed",
                    [call, .. Books.CallsOf(facts)],
                    Books.Reference(committed!.Sides[0].Account, committed.Sides[0].First));
            }

            return;
        }

        if (record.Status is "CREATED" or "EXISTS")
        {
            if (committed is null)
            {
                findings.Add(
                    Rule.UnknownsSettle, $"{Ids.Text(call.Id)} was shown as committed, and is not",
                    [call, .. Books.CallsOf(facts)]);
                return;
            }

            CheckLookedUp(call, facts!, committed);
        }
        else if (!Names.TryTransferStatus(record.Status, out var status))
        {
            findings.Add(
                Rule.ErrorsKnown, $"a look-up shows the status '{record.Status}', which is no known one", call);
        }
        else if (committed is not null && record.Final && isThere)
        {
            findings.Add(
                Rule.UnknownsSettle,
                $"{Ids.Text(call.Id)} was shown as rejected ({record.Status}) in the final phase, and is committed",
                [call, .. Books.CallsOf(facts)]);
        }
        else if (facts is null || !facts.Decisions.Exists(one => one.Committed is null
            && (one.Status == status || status == TransferStatus.LinkedEventFailed)))
        {
            findings.Add(
                Rule.UnknownsSettle, $"{Ids.Text(call.Id)} was shown as rejected ({record.Status}), and no row says so",
                [call, .. Books.CallsOf(facts)]);
        }
    }

    private bool IsAbout(Call call, IdFacts facts, Attempt committed) => call.Record.Kind == CallKind.Lookup
        ? facts.Effect!.Transfer.DebitAccount.Text == call.Record.Request.Account
            || facts.Effect.Transfer.CreditAccount.Text == call.Record.Request.Account
        : committed.Coordinator.Address.Text == call.Record.Request.Account;

    private void CheckLookedUp(Call call, IdFacts facts, Attempt committed)
    {
        var result = call.Record.Result!;
        if (result.CreateTime is { } time && LedgerTime.From(time).UnixMicroseconds != committed.CommitTime)
        {
            findings.Add(
                Rule.UnknownsSettle,
                $"{Ids.Text(call.Id)} was shown with the time {time:O}, and was committed at another",
                [call, .. Books.CallsOf(facts)]);
        }

        if (call.Record.Kind != CallKind.Lookup || facts.Effect is not { } effect)
        {
            return;
        }

        if (result.Amount is { } amount && amount != effect.Amount)
        {
            findings.Add(
                Rule.UnknownsSettle, $"{Ids.Text(call.Id)} was shown to move {amount}, and moved {effect.Amount}",
                [call, .. Books.CallsOf(facts)]);
        }

        if (result.HoldState is "POSTED" or "VOIDED" or "EXPIRED"
            && Names.Snake(effect.Hold.ToString()) != result.HoldState)
        {
            findings.Add(
                Rule.Holds, $"the hold {Ids.Text(call.Id)} was shown as {result.HoldState}, and is {effect.Hold}",
                [call, .. Books.CallsOf(facts)]);
        }
    }

    // ---------------------------------------------------------------- the final phase

    private void CheckUnknowns()
    {
        var lookedUp = new HashSet<UInt128>();
        foreach (var call in history.Calls)
        {
            if (call.Record
                is { Final: true, Outcome: CallOutcome.Ok, Kind: CallKind.Lookup or CallKind.LookupTransaction })
            {
                lookedUp.Add(call.Id);
            }
        }

        foreach (var call in history.Calls)
        {
            if (call.IsWrite && call.Record.Outcome == CallOutcome.Unknown && !lookedUp.Contains(call.Id)
                && !books.FactsOf(call.Id).Calls.Exists(other => other.Id == call.Id
                    && other.Record is { Outcome: CallOutcome.Ok } or { Outcome: CallOutcome.Rejected, Error: null }))
            {
                // Whoever was told what became of it need not look it up.
                NotLookedUp++;
            }
        }
    }

    // Each account was read when all was at rest; what is committed on it after that came too late.
    private void CheckLastReads()
    {
        var last = new Dictionary<int, Call>();
        foreach (var call in history.Calls)
        {
            if (call.Record is { Final: true, Kind: CallKind.Read, Outcome: CallOutcome.Ok } && call.Account >= 0)
            {
                last[call.Account] = call;
            }
        }

        foreach (var account in books.Accounts)
        {
            if (!last.TryGetValue(account.Number, out var read) || read.Record.Result?.Reading is not { } reading)
            {
                continue;
            }

            if ((long)reading.Version == books.LastRowOf(account) && !read.IsLazy)
            {
                if (account.Counters != Counters.Of(reading) && read.Places is not null)
                {
                    // It was so in the middle of the last row.
                    CheckLateCommits(account, read);
                }

                continue;
            }

            CheckLateCommits(account, read);
        }
    }

    private void CheckLateCommits(ReferenceAccount account, Call read)
    {
        if (read.Places is not [.., var place])
        {
            return;
        }

        for (var i = account.Committed.Count - 1; i >= 0 && account.Committed[i].Place > place; i--)
        {
            var attempt = account.Committed[i].Attempt;
            if (attempt.IsExpiry || (read.IsLazy && Books.RowOf(account.Committed[i].Place) == Books.RowOf(place)))
            {
                continue;
            }

            var calls = books.CallsOf(attempt);
            if (calls.All(call => call!.Record.Invoke < read.Record.Invoke
                && (call.Record.Outcome == CallOutcome.Unknown || call.Record.Complete < read.Record.Invoke)))
            {
                findings.Add(
                    Rule.UnknownsSettle,
                    $"{attempt.Id} was committed on {account.Address} after the final phase had read the account",
                    [read, .. calls], Books.Reference(account, account.Committed[i].Place));
            }
        }
    }

    // ---------------------------------------------------------------- errors

    private void CheckError(Call call)
    {
        var record = call.Record;
        if (record.Error is not { } error)
        {
            if (record.Outcome == CallOutcome.Unknown && call.IsWrite)
            {
                // Unknown is never a status.
                findings.Add(Rule.ErrorsKnown, "a write ended unknown, and no error says why", call);
            }
            else if (record.Status.Length > 0 && !Names.TryTransferStatus(record.Status, out _)
                && !Names.IsAccountStatus(record.Status))
            {
                findings.Add(Rule.ErrorsKnown, $"a call ended as '{record.Status}', which is no known status", call);
            }

            return;
        }

        var name = error.Reason.Length == 0 ? $"{error.Code} (on the way)" : $"{error.Code} {error.Reason}";
        Errors[name] = Errors.GetValueOrDefault(name) + 1;
        if (error.Reason.Length == 0)
        {
            if (error.Code == "CLIENT_CANCELLED" || error.Unreachable)
            {
                return;
            }

            if (!Names.WayCodes.Contains(error.Code))
            {
                findings.Add(
                    Rule.ErrorsKnown, $"a call failed with {error.Code}, which the ledger has not explained", call);
            }

            // Whether it had left the client at all, only the client knows; where it lies, an effect without a call
            // tells (C4).
            return;
        }

        if (!Names.Reasons.TryGetValue(error.Reason, out var known))
        {
            findings.Add(
                Rule.ErrorsKnown, $"a call failed for the reason '{error.Reason}', which is no known one", call);
        }
        else if (error.Reason == "INTERNAL")
        {
            findings.Add(
                Rule.ErrorsKnown, $"a call failed of something that the ledger had not expected: {error.Message}",
                call);
        }
        else if (known.Code != error.Code)
        {
            findings.Add(
                Rule.ErrorsKnown,
                $"a call failed with {error.Code} for the reason {error.Reason}, which goes with {known.Code}", call);
        }
        else if (error.Outcome.Length > 0 && error.Outcome != (known.IsUnknown ? "unknown" : "not_applied"))
        {
            findings.Add(
                Rule.ErrorsKnown, $"a call failed for the reason {error.Reason} with the outcome '{error.Outcome}'",
                call);
        }
        else if (known.IsUnknown && record.Outcome == CallOutcome.Rejected && IsOpen(call))
        {
            findings.Add(
                Rule.ErrorsKnown,
                $"a write failed for the reason {error.Reason}, which leaves it open, and is told not to be applied",
                call);
        }
        else if (!known.IsUnknown && known.Code is "INVALID_ARGUMENT" or "UNIMPLEMENTED"
            && record.Kind != CallKind.Poison)
        {
            findings.Add(
                Rule.ErrorsKnown, $"a well-formed call failed for the reason {error.Reason}: {error.Message}", call);
        }
    }

    // Whether the ledger has judged what was asked, and not only failed to answer.
    private static bool IsWord(CallRecord record) => record.Error is not { } error
        || (Names.Reasons.TryGetValue(error.Reason, out var known) && known.Code is "INVALID_ARGUMENT" or "INTERNAL");

    private static bool IsOpen(Call call) => call.IsWrite || call.Record.Kind == CallKind.Open;

    private static string Text(IEnumerable<Transfer> transfers) => string.Join(", ", transfers.Select(static one =>
        $"{one.Id} {one.Flags} {one.Amount} from {one.DebitAccount} to {one.CreditAccount}"));
}
