using System.Numerics;
using Ledger.Core;

namespace Ledger.Simulation;

/// <summary>One attempt at a transaction, as the journals tell of it.</summary>
internal sealed class Attempt
{
    public required TransferId Key { get; init; }

    public required TransferId Id { get; init; }

    public required UInt128 Asked { get; init; }

    public required AccountAddress Coordinator { get; init; }

    /// <summary>The whole of it; null as long as the coordinator's row has not landed.</summary>
    public TransactionBranch? Part { get; set; }

    public IReadOnlyList<AccountAddress> Others { get; set; } = [];

    public HashSet<AccountAddress> PreparedBy { get; } = [];

    public HashSet<AccountAddress> CommittedBy { get; } = [];

    public HashSet<AccountAddress> AbortedBy { get; } = [];

    public bool LastAgentCommitted { get; set; }

    /// <summary>The last agent's row that committed it.</summary>
    public long CommitRow { get; set; }

    /// <summary>The accounts that have booked it, as they were right after it.</summary>
    public Dictionary<AccountAddress, AccountVersion> After { get; } = [];

    public LedgerTime CommitTime { get; set; }

    /// <summary>When the newest of what its accounts had booked was committed, as they prepared it.</summary>
    public LedgerTime Sources { get; set; }

    /// <summary>Whether one of them was ahead of its clock: then it may seem to spend what came later.</summary>
    public bool IsAhead { get; set; }

    public bool LastAgentRefused { get; set; }

    /// <summary>Whether an operator had it aborted.</summary>
    public bool IsOverruled { get; set; }

    /// <summary>Whether a client was told that it is committed.</summary>
    public bool IsTold { get; set; }
}

/// <summary>An account after one of its events.</summary>
internal readonly record struct AccountVersion(
    long Row, Balances Balances, ulong Entries, bool Closed, int Holds, bool Exists, LedgerTime At);

/// <summary>What was told about one request: an account, an id, a content.</summary>
internal sealed class Acknowledgement
{
    public bool? Committed { get; set; }

    public TransferStatus Status { get; set; }

    public int FailedLeg { get; set; }

    public LedgerTime Time { get; set; }

    public int CreatedCount { get; set; }

    public string Amounts { get; set; } = "";
}

/// <summary>What was known when a call was made, which its answer must not contradict.</summary>
/// <param name="Row">The row up to which the account had spoken.</param>
/// <param name="Version">The version that holds all that was told of the account.</param>
/// <param name="Unbooked">What was told and is not booked at the account yet.</param>
/// <param name="Told">How many committed transactions had been told.</param>
internal sealed record KnownBeforeCall(long Row, int Version, IReadOnlyList<Attempt> Unbooked, int Told);

/// <summary>
/// Watches a world and knows, from what the journals hold and what was said, whether an invariant is broken. Checks run
/// as things happen, so that a failure names the moment.
/// </summary>
/// <remarks>
/// Each row that lands is folded into a <see cref="ReferenceAccount"/> of the account; so each decision is judged by
/// the state that the account had when it decided. What leaves an account is checked against what is durable.
/// </remarks>
internal sealed class Oracle(SimulatedCluster world)
{
    private readonly Dictionary<(TransferId Key, UInt128 Digest), Attempt> attempts = [];
    private readonly Dictionary<(AccountAddress To, TransferId Id, UInt128 Asked), Acknowledgement> told = [];
    private readonly Dictionary<
        (AccountAddress To, TransferId Id, UInt128 Asked), (TransferStatus Status, int Leg)> rejected = [];
    private readonly HashSet<(TransferId Key, UInt128 Digest)> disowned = [];
    private readonly HashSet<(AccountAddress Account, TransferId Id)> consumed = [];
    private readonly HashSet<(AccountAddress Account, TransferId Id)> failedLegs = [];
    private readonly List<Attempt> toldAttempts = [];

    // What was asked of an account, and by whom: requests by their digest, transfers, openings, changes and extensions
    // as they are.
    private readonly HashSet<(AccountAddress To, object What, string Principal)> asked = [];
    private readonly HashSet<(AccountAddress To, Transfer Transfer)> askedTransfers = [];
    private readonly Dictionary<(AccountAddress To, TransferId Id, UInt128 Asked), long> rejectedRows = [];
    private long row;
    private bool isRebuilding;
    private HashSet<(TransferId Key, UInt128 Digest)> aheadBefore = [];
    private Attempt? justBooked;

    // Of the event that is being looked at: between which times it was judged, and whether its account was ahead of its
    // clock.
    private (LedgerTime From, LedgerTime To) judged;
    private bool isAhead;

    public SortedDictionary<string, long> Outcomes { get; } = new(StringComparer.Ordinal);

    public int CommittedCount { get; private set; }

    // ---------------------------------------------------------------- what was asked, and by whom

    public void Asked(AccountAddress to, AccountRequest call)
    {
        switch (call)
        {
            case PostTransferRequest post:
                asked.Add((to, TransferContent.DigestOf(post.Transfer), call.Principal));
                askedTransfers.Add((to, post.Transfer));
                break;
            case PostTransactionRequest post:
                asked.Add((to, TransferContent.DigestOf(post.Transaction), call.Principal));
                foreach (var leg in post.Transaction.Legs)
                {
                    if (leg.Transfer is { } transfer)
                    {
                        askedTransfers.Add((to, transfer));
                    }
                }

                break;
            case OpenAccountRequest open:
                asked.Add((to, open.Spec, call.Principal));
                break;
            case ChangeAccountRequest change:
                asked.Add((to, change.Change, call.Principal));
                break;
            case ExtendHoldRequest extend:
                asked.Add((to, (extend.HoldId, extend.HoldDeadline), call.Principal));
                break;
            default:
                break;
        }
    }

    private void CheckAsked(SimulatedAccount place, object what, string principal) => Check(
        asked.Contains((place.Address, what, principal)),
        $"{place.Address} journals what '{principal}' has not asked of it: {what}");

    // Every account that takes part journals what was asked, and who asked for it.
    private void CheckAsked(SimulatedAccount place, TransactionBranch part)
    {
        if (part.Coordinator != place.Address)
        {
            Check(
                !attempts.TryGetValue((part.Key, part.Digest), out var attempt) || attempt.Part is null
                    || attempt.Part.Principal == part.Principal,
                $"{place.Address} journals {part.Key} in the name of '{part.Principal}', its coordinator in another");
            return;
        }

        if (part.Legs is [{ Transfer: { } alone }] && alone.Kind == TransferKind.ExpireHold)
        {
            Check(
                part.Principal == Principals.Expiry,
                $"{place.Address} journals an expiry in the name of '{part.Principal}'");
            return;
        }

        CheckAsked(place, part.Asked, part.Principal);
        foreach (var leg in part.Legs)
        {
            // A post or a void has been given what it left out.
            Check(
                leg.Transfer is not { ResolvesHold: false } transfer
                || askedTransfers.Contains((place.Address, transfer)),
                $"{place.Address} journals another {leg.Transfer?.Id} than it was asked for");
        }
    }

    // ---------------------------------------------------------------- a journal that has lost its end

    /// <summary>The journals are back at a prefix of what was committed: what was told of the rest is forgiven, and
    /// nothing else.</summary>
    /// <param name="journalAgain">Journals what is left, in its order, in books that are empty.</param>
    public void Forget(Action journalAgain)
    {
        var before = attempts.ToDictionary();
        var toldBefore = told.ToArray();
        var toldInOrder = toldAttempts.Select(static one => (one.Key, one.Part!.Digest)).ToArray();
        attempts.Clear();
        told.Clear();
        rejected.Clear();
        disowned.Clear();
        consumed.Clear();
        failedLegs.Clear();
        toldAttempts.Clear();
        rejectedRows.Clear();
        CommittedCount = 0;
        // A message said who was ahead, and the journal has nothing of that; the rows are judged by it as before.
        isRebuilding = true;
        aheadBefore = before.Where(static one => one.Value.IsAhead).Select(static one => one.Key).ToHashSet();
        journalAgain();
        aheadBefore = [];
        isRebuilding = false;

        foreach (var (key, one) in toldBefore)
        {
            var isKept = one.Committed == true
                ? attempts.Values.Any(
                    other => other.LastAgentCommitted && other.Coordinator == key.To && other.Id == key.Id
                    && other.Asked == key.Asked)
                : one.Committed == false && rejected.TryGetValue(key, out var reason) && reason.Status == one.Status;
            if (isKept)
            {
                told.Add(key, one);
            }
            else if (one.Committed is { } committed && one.Time != default)
            {
                Count(committed ? "told: committed, and lost" : "told: rejected, and lost");
            }
        }

        foreach (var key in toldInOrder)
        {
            if (attempts.TryGetValue(key, out var attempt) && attempt.LastAgentCommitted)
            {
                world.NoteToldAgain(before[key], attempt);
                MarkTold(attempt, isAgain: true);
            }
        }
    }

    // ---------------------------------------------------------------- journals

    public void Journaled(SimulatedAccount place, EventBatch row)
    {
        var book = place.Book;
        this.row = row.SequenceNr;
        Check(row.Events.Count > 0, "a row holds nothing");
        Check(
            !row.IsVerdict || row.Events is [LastAgentRefused { Verdict: not null }],
            $"R20: row {row.SequenceNr} of {place.Address} was not written by it, and is no verdict");
        Check(
            !row.IsVerdict || !Find(((LastAgentRefused)row.Events[0]).Branch).LastAgentRefused,
            $"R20: row {row.SequenceNr} of {place.Address} is a verdict on what it had refused");
        Check(
            row.IsVerdict || row.Before == book.Balances,
            $"I8: row {row.SequenceNr} of {place.Address} was written on other balances: {row.Before}, not "
                + $"{book.Balances}");
        Check(
            row.IsVerdict || row.EntriesBefore == book.Entries,
            $"I8: row {row.SequenceNr} of {place.Address} was written on other entries");
        foreach (var happened in row.Events)
        {
            Check(happened.At >= place.LastTime || row.IsVerdict, $"time runs backwards on {place.Address}");
            place.LastTime = Latest(place.LastTime, happened.At);
            judged = world.JudgedAt(row, happened.At);
            isAhead = world.IsAhead(row, happened.At);
            var (debits, credits) = (book.DebitsPosted, book.CreditsPosted);
            Happened(place, book, happened);
            Check(
                book.DebitsPosted >= debits && book.CreditsPosted >= credits,
                $"I2: posted counters of {place.Address} fall");
            Check(
                book.KeepsItsLimits,
                $"I3: {place.Address} breaks its limits after {happened.GetType().Name}: {book.Balances}");
            Check(
                book.KeepsItsHolds,
                $"S9: {place.Address} has {book.Holds.Count} holds after {happened.GetType().Name}");
            place.Versions.Add(new AccountVersion(
                row.SequenceNr, book.Balances, book.Entries, book.Closed, book.Holds.Count, book.Exists, happened.At));
            justBooked?.After.TryAdd(place.Address, place.Versions[^1]);
            justBooked = null;
        }
    }

    private void Happened(SimulatedAccount place, ReferenceAccount book, AccountEvent happened)
    {
        switch (happened)
        {
            case AccountOpened opened:
                Check(opened.Spec.Address == place.Address, "an account opens itself");
                Check(!book.IsOpeningOrClosingInDoubt, $"R11: {place.Address} is opened while an opening is in doubt");
                CheckAsked(place, opened.Spec, opened.Principal);
                book.Open(opened.Spec);
                break;
            case AccountChanged changed:
                Check(book.Exists, $"{place.Address} is changed and does not exist");
                Check(
                    !book.IsOpeningOrClosingInDoubt, $"R11: {place.Address} is changed while its closing is in doubt");
                CheckAsked(place, changed.Change, changed.Principal);
                book.Change(changed.Change);
                break;
            case HoldExtended extended:
                Check(
                    book.Holds.TryGetValue(extended.HoldId, out var hold)
                    && hold.Transfer.DebitAccount == place.Address,
                    $"I7: {place.Address}: {extended.HoldId} is extended and is not live here");
                Check(
                    !IsResolving(book, extended.HoldId, default),
                    $"R11: {extended.HoldId} is extended while it is being resolved");
                Check(judged.From < hold!.Deadline, $"R12: {extended.HoldId} is extended after its time");
                CheckAsked(place, (extended.HoldId, extended.Deadline), extended.Principal);
                book.Extend(extended.HoldId, extended.Deadline);
                break;
            case TransactionPrepared(var part, var at):
                Prepared(place, book, part, at);
                break;
            case TransactionCommitted committed:
                var done = book.Settle(committed.Key).Part;
                var attempt = attempts[(done.Key, done.Digest)];
                Check(attempt.LastAgentCommitted, $"R1: {place.Address} commits {committed.Key} before its last agent");
                Check(
                    committed.CommitTime == attempt.CommitTime,
                    $"{place.Address} commits {committed.Key} at another time than its last agent");
                Check(
                    attempt.CommittedBy.Add(place.Address),
                    $"I4: {committed.Key} is committed twice by {place.Address}");
                Check(place.Address != attempt.Coordinator || attempt.CommittedBy.Count == attempt.Others.Count,
                    $"I6: the coordinator ends {committed.Key} before its participants");
                book.Do(done, attempt.CommitTime);
                Check(
                    committed.At >= attempt.CommitTime,
                    $"I11: {place.Address} books {committed.Key} before it is committed");
                place.NewestCommit = Latest(place.NewestCommit, attempt.CommitTime);
                Booked(place, attempt);
                break;
            case TransactionAborted aborted:
                var released = book.Settle(aborted.Key).Part;
                var given = attempts[(released.Key, released.Digest)];
                Check(
                    !given.LastAgentCommitted,
                    $"R1: {place.Address} aborts {aborted.Key}, which its last agent has committed");
                Check(
                    given.LastAgentRefused
                    || (given.Others.Count > 0 && IsUsed(world.PlaceOf(given.Others[^1]), given.Key))
                    || (place.Address != given.Coordinator && disowned.Contains((released.Key, released.Digest))),
                    $"R1: {place.Address} aborts {aborted.Key}, which nobody has refused");
                Check(
                    aborted.Reason != TransferStatus.AbortedByOperator || given.IsOverruled,
                    $"R20: {place.Address} aborts {aborted.Key} in the name of an operator, and no journal says so");
                given.AbortedBy.Add(place.Address);
                if (place.Address == given.Coordinator)
                {
                    Rejected(released, aborted.Reason, aborted.Leg);
                }

                break;
            case TransactionRejected rejection:
                Check(rejection.Branch.Coordinator == place.Address, "an coordinator rejects its own");
                foreach (var (_, one) in attempts)
                {
                    Check(
                        one.Id != rejection.Branch.Id || one.Coordinator != place.Address
                        || one.Asked != rejection.Branch.Asked
                        || one.AbortedBy.Contains(place.Address),
                        $"I5: {rejection.Branch.Id} is rejected while or after it was tried");
                }

                CheckAsked(place, rejection.Branch);
                Rejected(rejection.Branch, rejection.Reason, rejection.Leg);
                CheckRefusal(place, book, rejection.Branch, rejection.Leg, rejection.Reason, rejection.At, "rejects");
                break;
            case LastAgentCommitted closed:
                Closed(place, book, closed.Branch, closed.CommitTime);
                break;
            case LastAgentRefused refused:
                var refusedOne = Find(refused.Branch);
                Check(
                    !refusedOne.LastAgentCommitted,
                    $"I4: {refused.Branch.Key} is refused by its last agent, which has committed it");
                refusedOne.LastAgentRefused = true;
                CheckAsked(place, refused.Branch);
                Check(
                    (refused.Verdict is null) == (refused.Reason != TransferStatus.AbortedByOperator),
                    $"R20: {place.Address} refuses {refused.Branch.Key} in the name of an operator who has not asked "
                        + "for it");
                refusedOne.IsOverruled |= refused.Verdict is not null;
                if (refused.Verdict is not null)
                {
                    Check(
                        refused.Verdict.By.Length > 0 && refused.Verdict.Reason.Length > 0,
                        "R20: a verdict says who, and why");
                    Check(
                        refusedOne.Part is not null && refusedOne.Others.Count > 0
                        && refusedOne.Others[^1] == place.Address,
                        $"R20: {place.Address} is not the last agent of {refused.Branch.Key}");
                    Count("aborted by an operator");
                }

                if (refused.Reason != TransferStatus.None && refused.Verdict is null)
                {
                    CheckRefusal(place, book, refused.Branch, refused.Leg, refused.Reason, refused.At, "refuses");
                    consumed.Add((place.Address, refused.Branch.Id));
                }

                break;
            case AbortRecorded disown:
                if (attempts.TryGetValue((disown.Key, disown.Digest), out var known))
                {
                    Check(!known.PreparedBy.Contains(place.Address) && !known.LastAgentCommitted,
                        $"R2: {place.Address} disowns {disown.Key}, which it has prepared");
                }

                Count("disowned");
                disowned.Add((disown.Key, disown.Digest));
                break;
            default:
                throw new ViolationException($"unknown event {happened}");
        }
    }

    private void Prepared(SimulatedAccount place, ReferenceAccount book, TransactionBranch part, LedgerTime at)
    {
        var attempt = Find(part);
        Check(!attempt.LastAgentCommitted && !attempt.LastAgentRefused || place.Address != part.Coordinator,
            $"I4: {part.Key} is prepared after it was decided");
        Check(!attempt.LastAgentCommitted, $"R1: {place.Address} prepares {part.Key} after its commit");
        Check(attempt.PreparedBy.Add(place.Address), $"I4: {part.Key} is prepared twice by {place.Address}");
        Check(
            !disowned.Contains((part.Key, part.Digest)) || place.Address != part.Coordinator,
            $"R2: {part.Key} is prepared after it was disowned");
        if (place.Address == part.Coordinator)
        {
            attempt.Part = part;
            attempt.Others = part.OtherAccounts();
            foreach (var leg in part.Legs)
            {
                if (leg.IsHold && leg.Transfer!.Timeout > TimeSpan.Zero)
                {
                    // R21: neither early nor late, whatever the clocks have been.
                    Check(
                        leg.Deadline >= judged.From.Add(leg.Transfer.Timeout)
                        && leg.Deadline <= judged.To.Add(leg.Transfer.Timeout),
                        $"R12: the time of {leg.Transfer.Id} is not judged by its coordinator");
                }
            }
        }
        else
        {
            Check(
                attempt.Part is not null,
                $"R8: {place.Address} prepares {part.Key} before its coordinator's row is durable");
            CheckSlice(place, attempt, part);
        }

        CheckAsked(place, part);
        attempt.IsAhead |= isAhead;
        attempt.Sources = Latest(attempt.Sources, place.NewestCommit);
        CheckLegs(place, book, part);
        CheckTexts(place, part);
        book.Reserve(part, place.Versions.Count);
    }

    private void Closed(SimulatedAccount place, ReferenceAccount book, TransactionBranch part, LedgerTime at)
    {
        var attempt = Find(part);
        if (part.Coordinator == place.Address)
        {
            attempt.Part = part;
        }

        Check(!attempt.LastAgentCommitted, $"I4: {part.Key} is committed twice");
        Check(!attempt.LastAgentRefused, $"I4: {part.Key} is committed after its refusal");
        Check(attempt.AbortedBy.Count == 0, $"R1: {part.Key} is committed after its abort");
        Check(attempt.Part is not null, $"R1: {part.Key} is committed before its coordinator's row is durable");
        Check(
            attempt.Others.Count == 0 || attempt.Others[^1] == place.Address,
            $"{place.Address} is not the last agent of {part.Key}");
        Check(attempt.PreparedBy.Count == attempt.Others.Count, $"R1: {part.Key} is committed without all votes");
        Check(
            !told.TryGetValue((attempt.Coordinator, attempt.Id, attempt.Asked), out var one) || one.Committed != false,
            $"I5: {attempt.Id} was told to be rejected ({one?.Status}) and is committed");
        Check(
            !rejected.ContainsKey((attempt.Coordinator, attempt.Id, attempt.Asked)),
            $"I5: {attempt.Id} is committed after its rejection");
        if (place.Address != part.Coordinator)
        {
            CheckSlice(place, attempt, part);
        }

        CheckAsked(place, part);
        // I11 (a): a cut that has this transaction has all that its accounts can have spent in it.
        attempt.Sources = Latest(attempt.Sources, place.NewestCommit);
        Check(attempt.IsAhead || isAhead || attempt.Sources <= at,
            $"I11: {part.Key} is committed at {at}, and may spend what came at {attempt.Sources}");
        place.NewestCommit = Latest(place.NewestCommit, at);
        CheckLegs(place, book, part);
        CheckTexts(place, part);
        attempt.LastAgentCommitted = true;
        attempt.CommitRow = row;
        attempt.CommitTime = at;
        CommittedCount++;

        // I1, at this moment: each leg is on both its accounts, of one asset, or kept back there.
        foreach (var leg in attempt.Part!.Legs)
        {
            if (leg.Transfer is { } transfer)
            {
                var debit = world.PlaceOf(transfer.DebitAccount).Book;
                var credit = world.PlaceOf(transfer.CreditAccount).Book;
                foreach (var side in (ReadOnlySpan<ReferenceAccount>)[debit, credit])
                {
                    Check(side == book || side.Doubts.TryGetValue(part.Key, out _),
                        $"I1: {part.Key} is committed and not kept back by {side.Address}");
                }

                Check(
                    AssetIn(debit, attempt.Part) == AssetIn(credit, attempt.Part),
                    $"I1: {transfer.Id} moves one asset to another");
            }
        }

        book.Do(part, at);
        Booked(place, attempt);
        Count("committed");
    }

    private static LedgerTime Latest(LedgerTime one, LedgerTime other) => one > other ? one : other;

    private static Asset AssetIn(ReferenceAccount book, TransactionBranch part) => book.Exists ? book.Asset
        : part.Legs.FirstOrDefault(leg => leg.Opening is { } opening && opening.Address == book.Address)?.Opening!.Asset
            ?? default;

    private Attempt Find(TransactionBranch part)
    {
        if (!attempts.TryGetValue((part.Key, part.Digest), out var attempt))
        {
            attempt = new Attempt
            {
                Key = part.Key, Id = part.Id, Asked = part.Asked, Coordinator = part.Coordinator,
                IsAhead = aheadBefore.Contains((part.Key, part.Digest)),
            };
            attempts.Add((part.Key, part.Digest), attempt);
        }

        return attempt;
    }

    private static void CheckSlice(SimulatedAccount place, Attempt attempt, TransactionBranch part)
    {
        var expected = attempt.Part!.Legs.Where(leg => leg.Concerns(place.Address));
        Check(
            part.Legs.Select(Bare).SequenceEqual(expected.Select(Bare)),
            $"R7: {place.Address} does something else under {part.Key} than its coordinator asked");
    }

    // Where a hold's text is, is each account's own.
    private static ResolvedLeg Bare(ResolvedLeg leg) => leg with { HoldRow = 0 };

    // What a leg leaves to its hold is found in the row that it names, and is no copy.
    private static void CheckTexts(SimulatedAccount place, TransactionBranch part)
    {
        foreach (var leg in part.Legs)
        {
            if (leg.Transfer is not { ResolvesHold: true } transfer || !leg.Concerns(place.Address))
            {
                continue;
            }

            var hold = place.Book.Holds.GetValueOrDefault(transfer.HoldId)?.Transfer;
            var leaves = transfer.Reference.Length == 0 && hold is { Reference.Length: > 0 };
            Check(leaves == (leg.HoldRow > 0) || (leg.HoldRow > 0 && hold is null),
                $"R17: {place.Address} {(leaves ? "names no row for" : "needs no row of")} {transfer.HoldId} in "
                    + $"{transfer.Id}");
            if (leaves)
            {
                Check(place.Rows[(int)leg.HoldRow - 1].Events.Any(happened => (happened switch
                {
                    TransactionPrepared(var made, _) => made,
                    LastAgentCommitted(var made, _) => made,
                    _ => null,
                })?.Legs.Any(
                    one => one.IsHold && one.Transfer!.Id == hold!.Id && one.Transfer.Reference == hold.Reference)
                        == true),
                    $"R17: row {leg.HoldRow} of {place.Address} does not hold {transfer.HoldId}");
            }
        }
    }

    private static bool IsResolving(ReferenceAccount book, TransferId hold, TransferId but)
    {
        foreach (var (key, doubt) in book.Doubts)
        {
            if (key != but
                && doubt.Part.Legs.Any(
                    leg => leg.Transfer is { } transfer && transfer.HoldId == hold && leg.Concerns(book.Address)))
            {
                return true;
            }
        }

        return false;
    }

    // A decision to do something must be right in the state that the account had.
    private void CheckLegs(SimulatedAccount place, ReferenceAccount before, TransactionBranch part)
    {
        var concerned = 0;
        foreach (var leg in part.Legs)
        {
            concerned += leg.Concerns(place.Address) ? 1 : 0;
        }

        var book = concerned > 1 ? before.Copy() : before;
        var inDoubt = before.IsOpeningOrClosingInDoubt;
        foreach (var leg in part.Legs)
        {
            if (!leg.Concerns(place.Address))
            {
                continue;
            }

            if (leg.Opening is not null)
            {
                Check(!book.Exists || leg.IfMissing, $"{place.Address} is opened by {part.Key} although it exists");
                Check(!inDoubt, $"R11: {place.Address} is opened by {part.Key} while another opening is in doubt");
            }
            else
            {
                CheckLeg(place, book, leg, inDoubt, part.Key);
            }

            if (concerned > 1)
            {
                book.Do(part, leg, judged.To);
            }
        }
    }

    private void CheckLeg(SimulatedAccount place, ReferenceAccount book, ResolvedLeg leg, bool inDoubt, TransferId key)
    {
        var transfer = leg.Transfer!;
        var isDebit = transfer.DebitAccount == place.Address;
        var isVoid = transfer.ReleasesHold;
        var against = Rules.Against(transfer, leg.Amount.Value, book, isDebit, judged.From);
        if (judged.To > judged.From)
        {
            against = [.. against.Intersect(Rules.Against(transfer, leg.Amount.Value, book, isDebit, judged.To))];
        }

        Check(
            against.Count == 0,
            $"{(against.Any(static one => one is TransferStatus.ExceedsCredits or TransferStatus.ExceedsDebits)
                ? "I3" : "rule")}: {place.Address} takes {transfer.Id} of {leg.Amount} although "
            + $"{string.Join(", ", against)}; it has {book.Balances}");
        Check(!inDoubt || isVoid, $"R11: {place.Address} takes {transfer.Id} while its opening or closing is in doubt");
        Check(!book.Done.ContainsKey(transfer.Id), $"I4: {transfer.Id} is taken twice by {place.Address}");
        Check(
            !failedLegs.Contains((place.Address, transfer.Id)),
            $"I5: {place.Address} takes {transfer.Id}, for which it has rejected a transaction");
        foreach (var (other, doubt) in book.Doubts)
        {
            Check(
                other == key
                || !doubt.Part.Legs.Any(one => one.Transfer?.Id == transfer.Id && one.Concerns(place.Address)),
                $"I4: {place.Address} takes {transfer.Id} twice at once");
        }

        if (transfer.ResolvesHold)
        {
            var hold = book.Holds[transfer.HoldId];
            Check(
                !IsResolving(book, transfer.HoldId, key),
                $"R11: {transfer.HoldId} is being resolved by two at {place.Address}");
            Check(
                leg.HoldRemaining.Value == hold.Remaining,
                $"I7: {transfer.Id} counts on {leg.HoldRemaining}, and {hold.Remaining} are held");
            var amount = transfer.Amount.Value;
            Check(leg.Amount.Value == (isVoid || amount == UInt128.MaxValue ? hold.Remaining : amount),
                $"I7: {transfer.Id} takes {leg.Amount} of {hold.Remaining}, {amount} were asked for");
            Check(
                transfer.Kind != TransferKind.ExpireHold || !isDebit || judged.To >= hold.Deadline,
                $"R12: {transfer.HoldId} expires before its time");
            return;
        }

        if (!transfer.IsBalancing)
        {
            Check(
                leg.Amount == transfer.Amount || (!transfer.Reverses.IsNil && transfer.Amount == Amount.MaxValue),
                $"{transfer.Id} moves {leg.Amount}, {transfer.Amount} were asked for");
            return;
        }

        var room = isDebit ? book.DebitRoom : book.CreditRoom;
        var mine = (transfer.Flags & (isDebit ? TransferFlags.BalancingDebit : TransferFlags.BalancingCredit))
            != TransferFlags.None;
        var bound = isDebit ? AmountBound.Debit : AmountBound.Credit;
        room = room < 0 ? 0 : room;
        Check(
            !mine || (BigInteger)leg.Amount.Value <= room,
            $"R14: {transfer.Id} moves {leg.Amount}, {place.Address} has {room}");
        Check(
            leg.Bound != bound || (mine && (BigInteger)leg.Amount.Value == room),
            $"R14: {transfer.Id} moves {leg.Amount}, not all {room} of {place.Address}");
        Check(
            leg.Bound != AmountBound.None || leg.Amount == transfer.Amount,
            $"R14: {transfer.Id} moves less than was asked, and nothing bounds it");
    }

    // A refusal must have a reason that was true in the state that the account had; of another account's reasons only
    // the sequential reference can judge.
    private void CheckRefusal(
        SimulatedAccount place, ReferenceAccount before, TransactionBranch part, int index, TransferStatus reason,
        LedgerTime at, string verb)
    {
        var failed = part.Legs.FirstOrDefault(leg => leg.Index == index);
        if (reason == TransferStatus.DecisionFailed)
        {
            Check(
                world.Injected.ContainsKey("decision threw"),
                $"R18: {place.Address} {verb} {part.Id}, as if a decision had thrown");
            return;
        }

        Check(failed is not null, $"{place.Address} {verb} {part.Id} for a leg that is not there");
        if (failed!.Transfer is not { } transfer
            || part.Legs.Any(
                static leg =>
                    leg.Transfer is { IsBalancing: true }
                    || leg.Transfer is { Reverses.IsNil: false, Amount.Value: var all } && all == UInt128.MaxValue))
        {
            return;
        }

        var isOwn = reason switch
        {
            TransferStatus.DebitAccountNotFound or TransferStatus.DebitAccountAlreadyClosed
                or TransferStatus.DebitAccountFrozen
                or TransferStatus.ExceedsCredits => transfer.DebitAccount == place.Address,
            TransferStatus.CreditAccountNotFound or TransferStatus.CreditAccountAlreadyClosed
                or TransferStatus.CreditAccountFrozen or TransferStatus.ExceedsDebits =>
                    transfer.CreditAccount == place.Address,
            TransferStatus.ReversedTransferNotFound or TransferStatus.ExceedsReversedTransferAmount =>
                transfer.DebitAccount == place.Address,
            _ => false,
        };
        if (!isOwn || part.Legs.Any(leg => leg.Index < index && leg.Transfer is { ResolvesHold: true }))
        {
            return;
        }

        var book = before.Copy();
        var mayGoOn = true;
        foreach (var leg in part.Legs)
        {
            if (leg.Index < index && leg.Concerns(place.Address) && mayGoOn)
            {
                if (leg.Transfer is { } earlier && book.Done.ContainsKey(earlier.Id))
                {
                    mayGoOn = false;
                    break;
                }

                book.Do(part, leg.Transfer is null ? leg : leg with { Amount = leg.Transfer.Amount }, at);
            }
        }

        if (!mayGoOn)
        {
            return;
        }

        var amount = transfer.ResolvesHold ? 0 : transfer.Amount.Value;
        var against = Rules.Against(transfer, amount, book, transfer.DebitAccount == place.Address, judged.From)
            .Union(Rules.Against(transfer, amount, book, transfer.DebitAccount == place.Address, judged.To)).ToList();
        Check(
            against.Contains(reason),
            $"{place.Address} {verb} {transfer.Id} of {transfer.Amount}: {reason}, and has {book.Balances}"
            + $" (against it: {string.Join(", ", against)})");

        // I10: what a client was told before it asked must count.
        if (reason is TransferStatus.ExceedsCredits or TransferStatus.ExceedsDebits)
        {
            var since = world.FirstSentOf(part.Id);
            var room = reason == TransferStatus.ExceedsCredits ? book.DebitRoom : book.CreditRoom;
            var hasTold = false;
            var best = room;
            foreach (var (key, doubt) in book.Doubts)
            {
                if (place.Versions[doubt.Since].At.Add(world.Options.OldDoubtAfter) <= at)
                {
                    var released = book.Copy();
                    released.Settle(key);
                    var done = released.Copy();
                    done.Do(doubt.Part, at);
                    best += reason == TransferStatus.ExceedsCredits
                        ? BigInteger.Max(released.DebitRoom, done.DebitRoom) - book.DebitRoom
                        : BigInteger.Max(released.CreditRoom, done.CreditRoom) - book.CreditRoom;
                }

                if (attempts.TryGetValue((key, doubt.Part.Digest), out var one) && one.IsTold
                    && world.ToldAt(one) < since)
                {
                    hasTold = true;
                    var copy = book.Copy();
                    copy.Settle(key);
                    copy.Do(doubt.Part, at);
                    room += reason == TransferStatus.ExceedsCredits
                        ? copy.DebitRoom - book.DebitRoom
                        : copy.CreditRoom - book.CreditRoom;
                }
            }

            Check(best < amount,
                $"R20: {place.Address} {verb} {transfer.Id} for want of money that what is in doubt could bring");
            Check(!hasTold || room < amount,
                $"I10: {place.Address} {verb} {transfer.Id} for want of money that a client was told it has");
        }
    }

    /// <summary>R20: what has been unanswered for long is not added to, but by one transaction a second that
    /// probes.</summary>
    /// <remarks>A quarter of a second late at most, since old doubt is counted now and then.</remarks>
    public static void CheckBounds(Incarnation one, EventBatch row, AccountMachineOptions options)
    {
        var late = options.OldDoubtAfter + options.CountDoubtEvery + options.CountDoubtEvery;
        foreach (var happened in row.Events)
        {
            if (happened is not TransactionPrepared || one.ReadySince.Add(late) >= happened.At
                || one.Runtime.State.InDoubtInOrder()
                    .Count(doubt => doubt.PreparedTime.Add(late) < happened.At) < options.DoubtMax)
            {
                continue;
            }

            Check(one.LastProbe is not { } last || last.Add(options.ProbeEvery) <= happened.At,
                $"R20: {one.Place.Address} prepares {((TransactionPrepared)happened).Branch.Key} although too much is "
                    + "in doubt");
            one.LastProbe = happened.At;
        }
    }

    private void Rejected(TransactionBranch part, TransferStatus reason, int leg)
    {
        if (reason == TransferStatus.None)
        {
            return;
        }

        Count(
            "rejected: "
            + (part.Legs[leg].Opening is null ? reason.ToString() : "opening " + (AccountStatus)(int)reason));
        Check(
            rejected.TryAdd((part.Coordinator, part.Id, part.Asked), (reason, leg)),
            $"I4: {part.Id} is rejected twice");
        consumed.Add((part.Coordinator, part.Id));
        rejectedRows[(part.Coordinator, part.Id, part.Asked)] = row;
        if (part.Legs[leg] is { Transfer: { } failed } one && failed.Id != part.Id && one.Concerns(part.Coordinator)
            && Rules.UsesUp(reason))
        {
            consumed.Add((part.Coordinator, failed.Id));
            failedLegs.Add((part.Coordinator, failed.Id));
        }
    }

    private void Booked(SimulatedAccount place, Attempt attempt)
    {
        justBooked = attempt;
        if (attempt.IsTold)
        {
            place.Unbooked.Remove(attempt);
            place.ToldVersion = place.Versions.Count;
        }
    }

    // ---------------------------------------------------------------- messages

    /// <summary>What leaves an account must be durable (R8).</summary>
    /// <param name="from">Who says it.</param>
    /// <param name="wasAhead">Whether it has been ahead of its clock, so that what it says may be earlier than what it
    /// has spent.</param>
    /// <param name="message">What it says.</param>
    public void Sent(SimulatedAccount from, bool wasAhead, AccountMessage message)
    {
        if (wasAhead && message switch
            {
                Vote vote => (attempts.GetValueOrDefault((vote.Key, vote.Digest)), vote.Time),
                CommitRequest close => (Known(close.Branch), close.Time),
                _ => default,
            } is ({ } attempt, var time) && time < attempt.Sources)
        {
            attempt.IsAhead = true;
        }

        switch (message)
        {
            case PrepareRequest prepare:
                Check(
                    Known(prepare.Branch) is { Part: not null },
                    $"R8: {from.Address} asks others to prepare {prepare.Branch.Key} before its own row is durable");
                break;
            case Vote { Kind: VoteKind.Yes } vote:
                Check(
                    attempts.TryGetValue((vote.Key, vote.Digest), out var voted)
                    && voted.PreparedBy.Contains(from.Address),
                    $"R8: {from.Address} votes for {vote.Key} before its row is durable");
                break;
            case CommitRequest close:
                var asked = Known(close.Branch);
                Check(
                    asked is { Part: not null },
                    $"R8: {from.Address} asks to close {close.Branch.Key} before its own row is durable");
                Check(close.Cancel || asked!.PreparedBy.Count >= asked.Others.Count,
                    $"R1: {close.Branch.Key} is to be closed before all have prepared it");
                break;
            case CommitResponse answer:
                attempts.TryGetValue((answer.Key, answer.Digest), out var answered);
                Check(
                    answer.Committed
                    ? answered is { LastAgentCommitted: true }
                    : answered is not { LastAgentCommitted: true },
                    $"R1: {from.Address} says that {answer.Key} is {(answer.Committed ? "" : "not ")}committed");
                Check(answer.Committed || answered is { LastAgentRefused: true } || answer.Refusal is not null
                    && (from.Book.Done.ContainsKey(answer.Key) || consumed.Contains((from.Address, answer.Key))
                        || IsUsed(from, answer.Key)),
                    $"R1: {from.Address} refuses {answer.Key} before that is durable");
                break;
            case Outcome outcome:
                attempts.TryGetValue((outcome.Key, outcome.Digest), out var told);
                Check(
                    outcome.Committed ? told is { LastAgentCommitted: true } : told is not { LastAgentCommitted: true },
                    $"R2: {from.Address} says that {outcome.Key} is {(outcome.Committed ? "" : "not ")}committed");
                Check(
                    outcome.Committed || told is { LastAgentRefused: true }
                    || disowned.Contains((outcome.Key, outcome.Digest))
                    || told is not null && told.AbortedBy.Contains(told.Coordinator) || IsUsed(from, outcome.Key),
                    $"R2: {from.Address} says that {outcome.Key} is not committed, of which nothing is durable");
                break;
            case OutcomeAck ack:
                // Of an abort it may say so and prepare it afterwards, when the request comes late: then it asks.
                Check(
                    !from.Book.Doubts.ContainsKey(ack.Key)
                    || !attempts.TryGetValue((ack.Key, ack.Digest), out var ended)
                    || !ended.LastAgentCommitted || from.Book.Doubts[ack.Key].Part.Digest != ack.Digest,
                    $"I6: {from.Address} says that it has ended {ack.Key}, and has not");
                break;
            default:
                break;
        }
    }

    public void OperatorAnswered(ResolveInDoubtResponse answer)
    {
        if (answer.Branch is { } part)
        {
            var attempt = Known(part);
            Check(attempt is { Part: not null } && attempt.Others[^1] == answer.LastAgent,
                $"R20: an operator is told another last agent of {part.Key} than it has");
        }
    }

    private Attempt? Known(TransactionBranch part) => attempts.GetValueOrDefault((part.Key, part.Digest));

    private bool IsUsed(SimulatedAccount place, TransferId id)
    {
        if (place.Book.Done.ContainsKey(id) || consumed.Contains((place.Address, id)))
        {
            return true;
        }

        foreach (var (_, one) in attempts)
        {
            if (one.Id == id && one.LastAgentCommitted
                && (one.Coordinator == place.Address || one.Others.Contains(place.Address)))
            {
                return true;
            }
        }

        return false;
    }

    // ---------------------------------------------------------------- answers

    public KnownBeforeCall Now(SimulatedAccount place) =>
        new(place.SpokenRow, place.ToldVersion, place.Unbooked.Count == 0
            ? []
            : [.. place.Unbooked], toldAttempts.Count);

    public void Answered(Call call, AccountResponse answer, long durableRow)
    {
        switch (answer)
        {
            case PostTransferResponse(var result) when call.Command.Call is PostTransferRequest post:
                ToldOf(
                    call, post.Transfer.Id, TransferContent.DigestOf(post.Transfer), result.Status, result.IsCommitted,
                    -1,
                    result.CreateTime, result.Amount.ToString(), result.Position);
                CheckAfter(
                    call, post.Transfer.Id,
                    [.. new[] { result.DebitAfter, result.CreditAfter }.OfType<AccountAfter>()]);
                break;
            case PostTransactionResponse(var result) when call.Command
                .Call is PostTransactionRequest { IsDryRun: false } post:
                Check(
                    result.IsCommitted ? result.FailedLeg == -1 : result.FailedLeg >= 0,
                    $"{result.Id} names no leg that failed");
                ToldOf(
                    call, post.Transaction.Id, TransferContent.DigestOf(post.Transaction), result.Status,
                    result.IsCommitted,
                    result.FailedLeg, result.CreateTime, string.Join(' ', result.Legs.Select(static leg => leg.Amount)),
                    result.Position);
                CheckAfter(call, post.Transaction.Id, result.After);
                break;
            case PostTransactionResponse(var result) when call.Command
                .Call is PostTransactionRequest { IsDryRun: true }:
                Count("dry run: " + result.Status);
                break;
            case GetAccountResponse({ Doubt: { } doubt } view):
                CheckDoubtfulRead(call, view, doubt);
                break;
            case GetAccountResponse(var view):
                CheckRead(call, view, durableRow);
                break;
            case GetTransferResponse(var record) when call.Command.Call is GetTransferRequest get:
                CheckTransferRead(call, get.Id, record);
                break;
            case GetTransactionResponse(var record) when call.Command.Call is GetTransactionRequest get:
                CheckTransactionRead(call, get.Id, record);
                break;
            case ExtendHoldResponse(var status, var deadline) when call.Command.Call is ExtendHoldRequest:
                Check(
                    status is not (TransferStatus.Created or TransferStatus.Exists) || deadline is not null || true,
                    "");
                Count("extend: " + status);
                break;
            case ChangeAccountResponse(var result):
                Count("change: " + result.Status);
                break;
            case RequestFailed { Reason: RequestFailure.TransactionTooLarge }:
                // What posts and voids take from their holds, which may be made by the same transaction, counts
                // besides.
                Check(call.Command.Call is PostTransactionRequest large
                    && (EncodedSize.OfTransaction(large.Transaction) > world.TransactionBytesMax
                        || large.Transaction.Legs.Any(static leg => leg.Transfer is { ResolvesHold: true })),
                    "R17: a transaction is refused as too large which is not");
                Check(call.Command.Call is not PostTransactionRequest done || !attempts.Values.Any(
                    one =>
                        one.LastAgentCommitted && one.Coordinator == call.Command.To
                        && one.Asked == TransferContent.DigestOf(done.Transaction)),
                    "R17: a transaction is refused as too large, and committed");
                Count("too large");
                break;
            case RequestFailed(var reason):
                Count("unknown: " + reason);
                break;
            default:
                break;
        }
    }

    private void ToldOf(
        Call call, TransferId id, UInt128 asked, TransferStatus status, bool committed, int failedLeg, LedgerTime time,
        string amounts,
        RowPosition position)
    {
        var key = (call.Command.To, id, asked);
        if (!told.TryGetValue(key, out var one))
        {
            told.Add(key, one = new Acknowledgement());
        }

        if (status == TransferStatus.IdFromTheFuture)
        {
            // Of what is not taken, nothing is known later.
            Check(one.Committed != true, $"I5: {id} was committed, and is told to be of the future");
            Count("told: of the future");
            return;
        }

        // A refusal that used no id up, and the id was used since, for something else that this request is content
        // with: another request of that id, or a leg of a transaction.
        var isUsedSince = !Rules.UsesUp(one.Status)
            && attempts.Values.Any(other => other.LastAgentCommitted && other.Asked != asked
            && (other.Id == id || other.Part!.Legs.Any(leg => leg.Transfer?.Id == id)));
        Check(one.Committed is null || one.Committed == committed
            || (!one.Committed.Value && (IsAboutAnother(one.Status) || isUsedSince)),
            $"I4: {id} was told {one.Status} and then {status}");
        if (committed)
        {
            one.CreatedCount += status == TransferStatus.Created ? 1 : 0;
            Check(one.CreatedCount <= 1, $"I4: {id} was told to be created twice");
            Check(one.Committed != true || (one.Time == time && one.Amounts == amounts),
                $"I4: {id} was told {one.Amounts} at {one.Time} and then {amounts} at {time}");
            var attempt = attempts.Values.FirstOrDefault(
                other => other.LastAgentCommitted && other.Coordinator == call.Command.To && other.Id == id);
            if (attempt is null)
            {
                Check(
                    world.PlaceOf(call.Command.To).Book.Done.TryGetValue(id, out var done),
                    $"I5: {id} is acknowledged and no last agent's row is durable");
                Check(
                    call.Command.Call is not PostTransferRequest || amounts == done!.Leg.Amount.ToString(),
                    $"{id}, a leg of {done!.Of}, is told the amount {amounts}");
            }
            else
            {
                Check(position.IsNone || (position.SequenceNr == attempt.CommitRow
                        && position.Account == (attempt.Others.Count > 0 ? attempt.Others[^1] : attempt.Coordinator)),
                    $"{id} is told to be in row {position}, and was committed in row {attempt.CommitRow}");
                Count(position.IsNone ? "told: without its row" : "told: with its row");
                Check(
                    attempt.CommitTime == time,
                    $"{id} is told the time {time}, and was committed at {attempt.CommitTime}");
                var isLegAlone = call.Command.Call is PostTransferRequest
                    || (call.Command.Call is PostTransactionRequest { Transaction.Legs: [{ Transfer: { } only }] }
                        && only.Id == id);
                Check(
                    amounts
                        == string.Join(
                            ' ',
                            attempt.Part!.Legs.Where(leg => !isLegAlone || leg.Transfer?.Id == id)
                                .Select(static leg => leg.Amount)),
                    $"{id} is told the amounts {amounts}");
                foreach (var other in attempt.Others)
                {
                    Check(other == attempt.Others[^1] || attempt.CommittedBy.Contains(other),
                        $"I6: {id} is acknowledged before {other} has booked it");
                }

                MarkTold(attempt);
            }
        }
        else
        {
            var journaled = time != default;
            if (journaled)
            {
                Check(
                    rejected.TryGetValue(key, out var known),
                    $"I5: {id} is told to be rejected ({status}), and no row says so");
                Check(position.IsNone || position == new RowPosition(call.Command.To, rejectedRows[key]),
                    $"{id} is told to be rejected in row {position}, and was in row {rejectedRows[key]}");
                Check(
                    failedLeg < 0 || (known.Leg == failedLeg),
                    $"I4: {id} fails at leg {known.Leg}, and is told {failedLeg}");
                Check(
                    known.Status == status || status == TransferStatus.LinkedEventFailed,
                    $"I4: {id} is rejected as {known.Status}, and told {status}");
                Check(one.Time == default || (one.Status == status && one.Time == time) || one.Committed is null,
                    $"I4: {id} was told {one.Status} at {one.Time} and then {status} at {time}");
            }
            else
            {
                Check(
                    IsAboutAnother(status)
                    || status is TransferStatus.LinkedEventFailed
                    or TransferStatus.IdFromTheFuture,
                    $"I5: {id} is told to be rejected ({status}), and no row says so");
            }

            Check(
                !attempts.Values.Any(
                    other => other.LastAgentCommitted && other.Coordinator == call.Command.To && other.Id == id
                    && other.Asked == asked), $"I5: {id} is told to be rejected ({status}) and is committed");
        }

        if (one.Committed is null)
        {
            Count((committed ? "told: committed" : "told: rejected"));
        }

        one.Committed = committed;
        one.Status = status;
        one.FailedLeg = failedLeg;
        one.Time = time;
        one.Amounts = amounts;
    }

    // What is told is how the account was right after the commit, and never how it was at another time.
    private void CheckAfter(Call call, TransferId id, IReadOnlyList<AccountAfter> accounts)
    {
        if (accounts.Count == 0)
        {
            return;
        }

        var attempt = attempts.Values.Single(
            other => other.LastAgentCommitted && other.Coordinator == call.Command.To && other.Id == id);
        foreach (var after in accounts)
        {
            var isCoordinator = after.Address == attempt.Coordinator && attempt.Others.Count > 0;
            if (!attempt.After.TryGetValue(after.Address, out var booked))
            {
                Check(isCoordinator, $"{id} tells how {after.Address} is after it, which has not booked it");
                continue;
            }

            Check(after.Balances == booked.Balances && after.EntryCount == booked.Entries
                    && (isCoordinator ? after.Version <= booked.Row : after.Version == booked.Row),
                $"{id} is told that {after.Address} was {after} after it, and it was {booked}");
        }

        Count("told: with balances");
    }

    private void MarkTold(Attempt attempt, bool isAgain = false)
    {
        if (attempt.IsTold)
        {
            return;
        }

        attempt.IsTold = true;
        toldAttempts.Add(attempt);
        if (!isAgain)
        {
            world.NoteTold(attempt);
        }

        foreach (var account in attempt.Others.Append(attempt.Coordinator))
        {
            var place = world.PlaceOf(account);
            if (account == attempt.Coordinator && attempt.Others.Count > 0 && !attempt.CommittedBy.Contains(account))
            {
                place.Unbooked.Add(attempt);
            }
            else
            {
                // Where it is booked is somewhere before; that it is before now is enough to know for later reads.
                place.ToldVersion = Math.Max(place.ToldVersion, BookedAt(place, attempt));
            }
        }
    }

    private static int BookedAt(SimulatedAccount place, Attempt attempt)
    {
        _ = attempt;
        return place.Versions.Count;
    }

    private static bool IsAboutAnother(TransferStatus status) =>
        status is TransferStatus.IdAlreadyFailed or TransferStatus.Exists
        || status.ToString().StartsWith("ExistsWithDifferent", StringComparison.Ordinal);

    // I6, I10: a read shows a state that the account had, with all that was told before the read was asked for.
    private void CheckRead(Call call, Account? view, long durableRow)
    {
        var place = call.Place;
        if (view is null)
        {
            Check(
                !place.Versions.Take(call.Before.Version).Any(static one => one.Exists),
                $"I10: {place.Address} is told not to exist");
            return;
        }

        for (var v = place.Versions.Count - 1; v >= 0; v--)
        {
            var one = place.Versions[v];
            if (one.Row < call.Before.Row || v + 1 < call.Before.Version)
            {
                break;
            }

            if (one.Balances == view.Balances && one.Entries == view.EntryCount && one.Closed == view.IsClosed
                && one.Holds == view.HoldCount
                && !call.Before.Unbooked.Any(told => place.Book.Doubts.ContainsKey(told.Key)))
            {
                return;
            }
        }

        // Commits that the coordinator has not written yet may show.
        var lazy = place.Book.Doubts.Where(
            one => attempts[(one.Key, one.Value.Part.Digest)] is { LastAgentCommitted: true } attempt
            && attempt.Coordinator == place.Address).Select(static one => one.Value.Part).ToArray();
        if (place.Rows.Count != durableRow || lazy.Length > 6)
        {
            return;
        }

        for (var set = 1; set < 1 << lazy.Length; set++)
        {
            var book = place.Book.Copy();
            for (var i = 0; i < lazy.Length; i++)
            {
                if ((set & (1 << i)) != 0)
                {
                    book.Settle(lazy[i].Key);
                    book.Do(lazy[i], default);
                }
            }

            if (book.Balances == view.Balances && book.Entries == view.EntryCount
                && call.Before.Unbooked.All(told => !book.Doubts.ContainsKey(told.Key)))
            {
                return;
            }
        }

        throw new ViolationException(
            $"I10: a read of {place.Address} shows {view.Balances}, {view.EntryCount} entries; it has "
            + $"{place.Book.Balances}, {place.Book.Entries} entries, and lacks what was told");
    }

    // R20: what a doubtful read leaves open holds the truth, however the transactions in doubt end.
    private void CheckDoubtfulRead(Call call, Account view, AccountDoubt doubt)
    {
        Count("read: doubtful");
        var place = call.Place;
        Check(doubt.Count > 0 && doubt.Transactions.Length == Math.Min(doubt.Count, AccountDoubt.TransactionsMax),
            $"R20: a read of {place.Address} is doubtful and names nothing");
        Check(doubt.Transactions.All(one => one.Since > doubt.CompleteUpTo),
            $"R20: a read of {place.Address} says to be complete up to {doubt.CompleteUpTo}, and something older is "
                + "in doubt");
        if (place.Rows.Count != view.Version || place.Book.Balances != view.Balances)
        {
            // More has happened since, or is known and not booked.
            return;
        }

        var truth = place.Book.Copy();
        foreach (var (key, one) in place.Book.Doubts)
        {
            truth.Settle(key);
            if (attempts[(one.Part.Key, one.Part.Digest)].LastAgentCommitted)
            {
                truth.Do(one.Part, default);
            }
        }

        var (least, truly, most) = (doubt.Least, truth.Balances, doubt.Greatest);
        Check(
            least.DebitsPending <= truly.DebitsPending && truly.DebitsPending <= most.DebitsPending
            && least.DebitsPosted <= truly.DebitsPosted && truly.DebitsPosted <= most.DebitsPosted
            && least.CreditsPending <= truly.CreditsPending && truly.CreditsPending <= most.CreditsPending
            && least.CreditsPosted <= truly.CreditsPosted && truly.CreditsPosted <= most.CreditsPosted,
            $"R20: a read of {place.Address} says from {least} to {most}, and it is {truly}");
    }

    private void CheckTransferRead(Call call, TransferId id, TransferRecord? record)
    {
        var place = call.Place;
        if (record is null)
        {
            foreach (var attempt in toldAttempts.Take(call.Before.Told))
            {
                Check(!attempt.Part!.Legs.Any(leg => leg.Transfer?.Id == id && leg.Concerns(place.Address)),
                    $"I5: {place.Address} knows nothing of {id}, which was told to be committed");
            }

            return;
        }

        if (record.Status != TransferStatus.Created)
        {
            return;
        }

        var done = place.Book.Done.GetValueOrDefault(id)?.Leg
            ?? attempts.Values.Where(static one => one.LastAgentCommitted).SelectMany(static one => one.Part!.Legs)
                .FirstOrDefault(leg => leg.Transfer?.Id == id && leg.Concerns(place.Address));
        Check(done is not null, $"I5: {place.Address} shows {id}, which is not committed");
        Check(done!.Amount == record.Amount, $"{place.Address} shows {id} with {record.Amount}, not {done.Amount}");
        if (record.Hold is HoldState.Posted or HoldState.Voided or HoldState.Expired)
        {
            Check(
                !place.Book.Ended.TryGetValue(id, out var end) || end == record.Hold,
                $"I7: {place.Address} shows {id} as {record.Hold}, and it is {end}");
            Check(
                !place.Book.Holds.ContainsKey(id) || place.Book.Doubts.Count > 0,
                $"I7: {place.Address} shows {id} as {record.Hold}, and it is live");
        }

        Check(!done.IsHold || record.Hold != HoldState.None, $"{place.Address} shows the hold {id} as none");
    }

    private void CheckTransactionRead(Call call, TransferId id, TransactionRecord? record)
    {
        if (record is null)
        {
            Check(
                !toldAttempts.Take(call.Before.Told).Any(one => one.Id == id && one.Coordinator == call.Place.Address),
                $"I5: {call.Place.Address} knows nothing of {id}, which was told to be committed");
        }
        else if (record.Result.IsCommitted)
        {
            Check(
                attempts.Values.Any(
                    one => one.LastAgentCommitted && one.Id == id && one.Coordinator == call.Place.Address),
                $"I5: {call.Place.Address} shows {id}, which is not committed");
        }
    }

    // ---------------------------------------------------------------- at rest

    public void CheckAtRest()
    {
        var sums = new SortedDictionary<string, (BigInteger Posted, BigInteger Pending)>(StringComparer.Ordinal);
        foreach (var place in world.Places)
        {
            var book = place.Book;
            Check(book.Doubts.Count == 0, $"liveness: {place.Address} is still in doubt");
            Check(book.DebitsReserved == 0 && book.CreditsReserved == 0, $"I1: {place.Address} still reserves money");
            Check(!book.Holds.Values.Any(hold => hold.Transfer.DebitAccount == place.Address
                    && hold.Deadline.UnixMicroseconds < world.Now - 60_000_000),
                    $"R12: a hold of {place.Address} outlives its time");
            var held = book.Holds.Values.Aggregate((Debit: (BigInteger)0, Credit: (BigInteger)0), (sum, hold) =>
                hold.Transfer.DebitAccount == place.Address
                ? (sum.Debit + (BigInteger)hold.Remaining, sum.Credit)
                : (sum.Debit, sum.Credit + (BigInteger)hold.Remaining));
            Check(
                held.Debit == book.DebitsPending && held.Credit == book.CreditsPending,
                $"I7: {place.Address} holds more or less than its holds");
            if (book.Exists)
            {
                var sum = sums.GetValueOrDefault(book.Asset.Text);
                sums[book.Asset.Text] = (
                    sum.Posted + book.DebitsPosted - book.CreditsPosted,
                    sum.Pending + book.DebitsPending - book.CreditsPending);
            }
        }

        foreach (var (asset, sum) in sums)
        {
            Check(sum.Posted == 0, $"I1: {asset}: debits and credits posted differ by {sum.Posted}");
            Check(sum.Pending == 0, $"I1: {asset}: debits and credits pending differ by {sum.Pending}");
        }

        foreach (var (_, attempt) in attempts)
        {
            if (attempt.LastAgentCommitted)
            {
                Check(
                    attempt.CommittedBy.Count == attempt.Others.Count,
                    $"I6: {attempt.Key} is committed, and not on all its accounts");
            }
            else
            {
                Check(attempt.CommittedBy.Count == 0 && attempt.AbortedBy.Count == attempt.PreparedBy.Count,
                    $"I6: {attempt.Key} is not committed, and not released by all its accounts");
            }
        }
    }

    /// <summary>I8: the live state, the fold of all rows, and a snapshot with its tail are the same.</summary>
    public static void CheckReplay(SimulatedAccount place, AccountMachineOptions options, AccountState? live)
    {
        var folded = new AccountMachine(place.Address, options, NoShell.Instance);
        foreach (var row in place.Rows)
        {
            folded.Replay(row);
        }

        var expected = Dump(AccountSnapshot.Of(folded.State, place.Rows.Count));
        if (live is not null)
        {
            var actual = Dump(AccountSnapshot.Of(live, place.Rows.Count));
            Check(
                actual == expected,
                $"I8: {place.Address}: live state is not the fold:\n{actual}\n--- fold\n{expected}");
        }

        var book = place.Book;
        Check(
            folded.State.Balances == book.Balances,
            $"I8: {place.Address}: the fold gives {folded.State.Balances}, the book {book.Balances}");
        Check(
            folded.State.EntryCount == book.Entries && folded.State.Closed == book.Closed
            && folded.State.HoldCount == book.Holds.Count
            && folded.State.InDoubtCount == book.Doubts.Count, $"I8: {place.Address}: the fold is not the book");
        foreach (var snapshot in place.Snapshots.TakeLast(2))
        {
            var restored = new AccountMachine(place.Address, options, NoShell.Instance);
            restored.Restore(snapshot);
            foreach (var row in place.Rows.Skip((int)snapshot.SequenceNr))
            {
                restored.Replay(row);
            }

            var tail = Dump(AccountSnapshot.Of(restored.State, place.Rows.Count));
            Check(
                tail == expected,
                $"I8: {place.Address}: snapshot {snapshot.SequenceNr} and its tail are not the fold:\n{tail}\n--- "
                    + $"fold\n{expected}");
        }
    }

    /// <summary>Everything that a state holds, as text.</summary>
    public static string Dump(AccountSnapshot s) => string.Join('\n', [
        $"{s.SequenceNr} {s.Spec} {s.OpenedWith} {s.OpenTime} {s.Balances} {s.EntryCount} {s.LastTime} "
            + $"{s.PreparedCount}",
        $"{s.Watermark} {s.HasForgottenNonTimeOrdered} {s.ForgottenUpTo} {s.NewestIndexed} {s.Closed} "
            + $"{s.ClosedReason} {s.Freeze}",
        .. s.RememberedEarly.Select(
            static r =>
                $"early {r.Id} {r.At} {r.What.Digest} {r.What.Status} {r.What.Time} {r.What.SequenceNr} "
                    + $"{r.What.Details}"),
        .. s.Remembered.Select(static r =>
            $"{r.Id} {r.At} {r.What.Digest} {r.What.Status} {r.What.Time} {r.What.SequenceNr} {r.What.Details}"),
        .. s.Holds.Select(static h => $"{h}"),
        .. s.InDoubt.Select(
            static d =>
                $"{d.Branch.Key} {d.Branch.Digest} {d.SequenceNr} {d.Number} {d.DebitReserve} {d.CreditReserve}")]);

    private void Count(string outcome)
    {
        if (!isRebuilding)
        {
            Outcomes[outcome] = Outcomes.GetValueOrDefault(outcome) + 1;
        }
    }

    private static void Check(bool holds, string what)
    {
        if (!holds)
        {
            throw new ViolationException(what);
        }
    }

    private static void Check(
        bool holds,
        [System.Runtime.CompilerServices.InterpolatedStringHandlerArgument(nameof(holds))] Interpolated what)
    {
        if (!holds)
        {
            throw new ViolationException(what.ToString());
        }
    }

    // The text of a violation is put together only when there is one.
    [System.Runtime.CompilerServices.InterpolatedStringHandler]
    private readonly ref struct Interpolated
    {
        private readonly System.Text.StringBuilder? text;

        public Interpolated(int literalLength, int formattedCount, bool holds, out bool isNeeded)
        {
            _ = literalLength + formattedCount;
            isNeeded = !holds;
            text = holds ? null : new System.Text.StringBuilder();
        }

        public void AppendLiteral(string literal) => text!.Append(literal);

        public void AppendFormatted<T>(T value) => text!.Append(value);

        public override string ToString() => text?.ToString() ?? "";
    }

    private sealed class NoShell : IAccountHost
    {
        public static readonly NoShell Instance = new();

        public void Reply(ReplyTarget caller, AccountResponse answer)
        {
        }

        public void Send(AccountAddress account, AccountMessage message)
        {
        }

        public void Write(EventBatch batch)
        {
        }

        public void Lookup(IdLookup lookup)
        {
        }

        public void WakeAt(LedgerTime time)
        {
        }
    }
}
