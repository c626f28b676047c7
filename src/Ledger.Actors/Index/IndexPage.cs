using Ledger.Actors.Journal;
using Ledger.Core;

namespace Ledger.Actors.Index;

/// <summary>The fold of rows into the index: pure, in three steps, since what the rows say rests on what was folded
/// before. First <see cref="MissingPrepared"/> and <see cref="MissingAborted"/> are looked up, then
/// <see cref="Needs"/>, then <see cref="Fold"/> says what changes. Not thread-safe.</summary>
/// <remarks>
/// <para>One transfer is one row of the index, however many accounts have it in their journals: it is taken from the
/// row that decides it. That is the last agent's commit (R1), which in a transaction of several accounts may have only
/// the last agent's own legs: the others are in the coordinator's preparation, which has a lower place, since it was
/// durable before the last agent was asked. So all legs of a transaction appear together.</para>
/// <para>A rejection is the coordinator's: at once, or as the abort of what it had prepared with a reason. An abort
/// without one is the end of an attempt, and no outcome. What a last agent refuses is not taken: its coordinator says
/// what it comes to.</para>
/// <para>The rows come in the order of their places up to the journal's settled end, each once. A hold, an account or a
/// preparation is therefore there before whatever refers to it.</para>
/// </remarks>
internal sealed class IndexPage
{
    private readonly IReadOnlyList<IndexRow> rows;
    private readonly List<Step> steps = [];
    private readonly Dictionary<PreparedKey, TransactionBranch> open = [];
    private readonly List<PreparedKey> decided = [];

    public IndexPage(IReadOnlyList<IndexRow> rows)
    {
        this.rows = rows;
        FindMissing();
    }

    /// <summary>Transactions of several legs that are decided here and were prepared before.</summary>
    public IReadOnlyCollection<PreparedKey> MissingPrepared { get; private set; } = [];

    /// <summary>Rejections of what was prepared before. Those of several legs are among
    /// <see cref="MissingPrepared"/> as well.</summary>
    public IReadOnlyCollection<AbortedKey> MissingAborted { get; private set; } = [];

    /// <summary>The time of the newest event; the default value for none.</summary>
    public LedgerTime AsOf { get; private set; }

    private void FindMissing()
    {
        var here = new HashSet<PreparedKey>();
        var prepared = new HashSet<PreparedKey>();
        var aborted = new HashSet<AbortedKey>();
        foreach (var (_, account, batch) in rows)
        {
            foreach (var happened in batch.Events)
            {
                AsOf = happened.At > AsOf ? happened.At : AsOf;
                switch (happened)
                {
                    case TransactionPrepared { Branch: var branch } when branch.Coordinator == account:
                        here.Add(new PreparedKey(account, branch.Key));
                        break;
                    case LastAgentCommitted { Branch: { LegCount: > 1 } branch }:
                        Miss(new PreparedKey(branch.Coordinator, branch.Key));
                        break;
                    case TransactionAborted abort:
                        var key = new PreparedKey(account, abort.Key);
                        Miss(key);
                        if (abort.Reason != TransferStatus.None && !here.Contains(key))
                        {
                            aborted.Add(new AbortedKey(key, batch.SequenceNr));
                        }

                        break;
                    default:
                        break;
                }
            }
        }

        MissingPrepared = prepared;
        MissingAborted = aborted;

        void Miss(PreparedKey key)
        {
            if (!here.Contains(key))
            {
                prepared.Add(key);
            }
        }
    }

    /// <summary>Takes what was looked up, and says what else is needed.</summary>
    /// <param name="prepared">What was found of <see cref="MissingPrepared"/> in the index.</param>
    /// <param name="aborted">What was found of <see cref="MissingAborted"/>, in either place.</param>
    /// <exception cref="JournalCorruptException">Something is missing that must be there.</exception>
    public IndexNeeds Needs(
        IReadOnlyDictionary<PreparedKey, TransactionBranch> prepared,
        IReadOnlyDictionary<PreparedKey, TransactionBranch> aborted)
    {
        var here = new Dictionary<PreparedKey, TransactionBranch>();
        foreach (var row in rows)
        {
            foreach (var happened in row.Batch.Events)
            {
                Add(row, happened, here, prepared, aborted);
            }
        }

        var holds = new HashSet<TransferId>();
        var accounts = new HashSet<AccountAddress>();
        var assets = new HashSet<AccountAddress>();
        foreach (var step in steps)
        {
            switch (step)
            {
                case Committed(_, _, _, { } branch, _, _):
                    foreach (var leg in branch.Legs)
                    {
                        NeedsOf(leg, holds, accounts, assets);
                    }

                    break;
                case Changed(_, { } account, _):
                    accounts.Add(account);
                    break;
                case Booked(_, { } account, _, _):
                    accounts.Add(account);
                    break;
                case Extended extended:
                    holds.Add(extended.Hold);
                    break;
                default:
                    break;
            }
        }

        return new IndexNeeds(holds, accounts, assets);
    }

    private static void NeedsOf(
        ResolvedLeg leg, HashSet<TransferId> holds, HashSet<AccountAddress> accounts, HashSet<AccountAddress> assets)
    {
        if (leg.Transfer is not { } transfer)
        {
            accounts.Add(leg.Opening!.Address);
            return;
        }

        if (transfer.Asset.IsNone)
        {
            assets.Add(transfer.DebitAccount);
        }

        if (transfer.ResolvesHold)
        {
            holds.Add(transfer.HoldId);
        }

        // An account that a hold closes is opened again by the hold's end, which names neither: it may be either.
        if ((transfer.ClosingDebit || transfer.ClosingCredit)
            || transfer.ReleasesHold)
        {
            accounts.Add(transfer.DebitAccount);
            accounts.Add(transfer.CreditAccount);
        }
    }

    private void Add(
        IndexRow row, AccountEvent happened, Dictionary<PreparedKey, TransactionBranch> here,
        IReadOnlyDictionary<PreparedKey, TransactionBranch> prepared,
        IReadOnlyDictionary<PreparedKey, TransactionBranch> aborted)
    {
        var (place, account, batch) = row;
        switch (happened)
        {
            case AccountOpened opened:
                steps.Add(new Opened(place, opened.Spec, opened.At));
                break;
            case AccountChanged changed:
                steps.Add(new Changed(place, account, changed.Change));
                break;
            case HoldExtended extended:
                steps.Add(new Extended(place, account, extended.HoldId, extended.Deadline));
                break;
            case TransactionPrepared { Branch: var branch } when branch.Coordinator == account:
                here[new PreparedKey(account, branch.Key)] = branch;
                if (branch.LegCount > 1)
                {
                    open[new PreparedKey(account, branch.Key)] = branch;
                }

                break;
            case TransactionCommitted committed when batch.EntriesBefore == 0:
                // An account that this has opened has no entry before it.
                steps.Add(new Booked(place, account, committed.Key, committed.At));
                break;
            case TransactionAborted abort:
                var key = new PreparedKey(account, abort.Key);
                Decide(key, prepared);
                if (abort.Reason != TransferStatus.None)
                {
                    var whole = here.GetValueOrDefault(key) ?? prepared.GetValueOrDefault(key)
                        ?? aborted.GetValueOrDefault(key)
                        ?? throw new JournalCorruptException(
                            $"Row {batch.SequenceNr} of {account} aborts {abort.Key}, which was never prepared there.");
                    steps.Add(new Rejected(place, whole, abort.Leg, abort.Reason, abort.Seen, abort.At));
                }

                break;
            case TransactionRejected rejected:
                steps.Add(
                    new Rejected(place, rejected.Branch, rejected.Leg, rejected.Reason, rejected.Seen, rejected.At));
                break;
            case LastAgentCommitted committed:
                var part = committed.Branch;
                if (part.LegCount > 1)
                {
                    var attempt = new PreparedKey(part.Coordinator, part.Key);
                    part = here.GetValueOrDefault(attempt) ?? prepared.GetValueOrDefault(attempt)
                        ?? (part.Legs.Length == part.LegCount ? part : throw new JournalCorruptException(
                            $"Row {batch.SequenceNr} of {account} commits {part.Key} of {part.Coordinator}, which has "
                            + "not prepared it before."));
                    Decide(attempt, prepared);
                }

                steps.Add(
                    new Committed(place, account, committed.Branch.Key, part, committed.CommitTime, committed.At));
                break;
            default:
                // What only one side knows of, or what reserves: it is told by the row that decides.
                break;
        }
    }

    private void Decide(PreparedKey attempt, IReadOnlyDictionary<PreparedKey, TransactionBranch> prepared)
    {
        if (!open.Remove(attempt) && prepared.ContainsKey(attempt))
        {
            decided.Add(attempt);
        }
    }

    /// <summary>Says what changes.</summary>
    /// <param name="known">What was found of <see cref="Needs"/>.</param>
    /// <exception cref="JournalCorruptException">Something is missing that must be there.</exception>
    public IndexChanges Fold(IndexKnown known)
    {
        var fold = new Folding(known);
        foreach (var step in steps)
        {
            fold.Apply(step);
        }

        return new IndexChanges(
            fold.Transfers, fold.ChangedHolds, fold.Accounts, [.. open.Select(static one => (one.Key, one.Value))],
            [.. decided.Distinct()]);
    }

    private abstract record Step(long Place);

    private sealed record Opened(long Place, AccountSpec Spec, LedgerTime At) : Step(Place);

    private sealed record Changed(long Place, AccountAddress Account, AccountChange Change) : Step(Place);

    private sealed record Extended(long Place, AccountAddress Account, TransferId Hold, LedgerTime Deadline)
        : Step(Place);

    private sealed record Booked(long Place, AccountAddress Account, TransferId Key, LedgerTime At) : Step(Place);

    private sealed record Committed(
        long Place, AccountAddress LastAgent, TransferId Key, TransactionBranch Branch, LedgerTime Time,
        LedgerTime At) : Step(Place);

    private sealed record Rejected(
        long Place, TransactionBranch Branch, int Leg, TransferStatus Reason, Balances? Seen, LedgerTime At) : Step(
            Place);

    private sealed class Folding(IndexKnown known)
    {
        private readonly List<IndexedTransfer> transfers = [];

        // Where in the list the holds are that this page makes; the others are those that were there.
        private readonly Dictionary<(TransferId Id, AccountAddress Debit), int> made = [];
        private readonly HashSet<(TransferId Id, AccountAddress Debit)> changed = [];
        private readonly HashSet<AccountAddress> touched = [];
        private long place;
        private int item;

        public IReadOnlyList<IndexedTransfer> Transfers => transfers;

        public IReadOnlyList<IndexedTransfer> ChangedHolds =>
            [.. changed.Select(key => known.Holds[key]).OrderBy(static one => one.Key.Place)
                .ThenBy(static one => one.Key.Item)];

        public IReadOnlyList<IndexedAccount> Accounts =>
            [.. touched.Order().Select(account => known.Accounts[account])];

        public void Apply(Step step)
        {
            if (step.Place != place)
            {
                place = step.Place;
                item = 0;
            }

            switch (step)
            {
                case Opened opened:
                    Set(new IndexedAccount(opened.Spec, opened.At) { ClosedByChange = opened.Spec.IsClosed });
                    break;
                case Changed changing:
                    Set(Account(changing.Account).With(changing.Change));
                    break;
                case Booked booked:
                    if (known.Accounts.TryGetValue(booked.Account, out var account) && !account.OpenedBy.IsNil
                        && account.OpenedBy == booked.Key)
                    {
                        Set(account with { OpenTime = booked.At, OpenedBy = default });
                    }

                    break;
                case Extended extended:
                    SetHold(Hold(extended.Hold, extended.Account) with { HoldDeadline = extended.Deadline });
                    break;
                case Committed committed:
                    foreach (var leg in committed.Branch.Legs)
                    {
                        Commit(committed, leg);
                    }

                    break;
                case Rejected rejected:
                    foreach (var leg in rejected.Branch.Legs)
                    {
                        Reject(rejected, leg);
                    }

                    break;
                default:
                    throw new ArgumentException($"The index does not know a {step.GetType().Name}.", nameof(step));
            }
        }

        private void Commit(Committed committed, ResolvedLeg leg)
        {
            if (leg.Opening is { } opening)
            {
                if (!known.Accounts.ContainsKey(opening.Address))
                {
                    // When it was opened is what the account itself books; until that is there, it is the commit's
                    // time.
                    var isBooked = opening.Address == committed.LastAgent;
                    Set(new IndexedAccount(opening, isBooked ? committed.At : committed.Time)
                    {
                        ClosedByChange = opening.IsClosed, OpenedBy = isBooked ? default : committed.Key,
                    });
                }

                return;
            }

            var transfer = leg.Transfer!;
            var hold = transfer.ResolvesHold ? Hold(transfer.HoldId, transfer.DebitAccount) : null;
            if (hold is not null)
            {
                transfer = transfer.WithTextOf(hold.Transfer.Reference, hold.Transfer.Metadata);
            }

            var asset = !transfer.Asset.IsNone ? transfer.Asset : hold?.Asset ?? AssetOf(transfer.DebitAccount);
            var entry = new IndexedTransfer(
                new IndexKey(committed.Time, place, item++), leg with { Transfer = transfer, HoldRow = 0 },
                TransferStatus.Created)
            {
                Debit = transfer.DebitAccount,
                TransactionId = committed.Branch.Id,
                Asset = asset,
                Principal = committed.Branch.Principal,
            };
            if (leg.IsHold)
            {
                entry = entry with
                {
                    Hold = HoldState.Live,
                    HoldRemaining = leg.Amount,
                    HoldDeadline = leg.Deadline < LedgerTime.MaxValue ? leg.Deadline : null,
                };
                made[(transfer.Id, transfer.DebitAccount)] = transfers.Count;
                Close(transfer, isClosed: true);
            }

            transfers.Add(entry);
            if (hold is not null)
            {
                SetHold(hold with { Hold = leg.HoldAfter, HoldRemaining = hold.HoldRemaining - leg.Released });
                if (leg.HoldAfter is HoldState.Voided or HoldState.Expired)
                {
                    Close(hold.Transfer, isClosed: false);
                }
            }
        }

        private void Reject(Rejected rejected, ResolvedLeg leg)
        {
            if (leg.Transfer is not { } transfer)
            {
                return;
            }

            // The reason of an opening is of another kind; and what else was asked for failed with the one that did.
            var isTheOne = leg.Index == rejected.Leg;
            transfers.Add(new IndexedTransfer(
                new IndexKey(rejected.At, place, item++), leg with { HoldRow = 0 },
                isTheOne ? rejected.Reason : TransferStatus.LinkedEventFailed)
            {
                Debit = transfer.DebitAccount.IsNone && leg.Index == 0
                    ? rejected.Branch.Coordinator
                    : transfer.DebitAccount,
                TransactionId = rejected.Branch.Id,
                Asset = transfer.Asset,
                Principal = rejected.Branch.Principal,
                Seen = isTheOne ? rejected.Seen : null,
            });
        }

        private void Close(Transfer hold, bool isClosed)
        {
            if (hold.ClosingDebit)
            {
                Set(Account(hold.DebitAccount) with { ClosedByHold = isClosed });
            }

            if (hold.ClosingCredit)
            {
                Set(Account(hold.CreditAccount) with { ClosedByHold = isClosed });
            }
        }

        private void Set(IndexedAccount account)
        {
            known.Accounts[account.Spec.Address] = account;
            known.Assets[account.Spec.Address] = account.Spec.Asset;
            touched.Add(account.Spec.Address);
        }

        private void SetHold(IndexedTransfer hold)
        {
            var key = (hold.Transfer.Id, hold.Transfer.DebitAccount);
            if (made.TryGetValue(key, out var at))
            {
                transfers[at] = hold;
            }
            else
            {
                known.Holds[key] = hold;
                changed.Add(key);
            }
        }

        private IndexedTransfer Hold(TransferId id, AccountAddress debit) =>
            made.TryGetValue((id, debit), out var at) ? transfers[at]
            : known.Holds.TryGetValue((id, debit), out var hold) ? hold
            : throw new JournalCorruptException(
                $"Place {place} of the journal is about the hold {id} of {debit}, which was never made.");

        private IndexedAccount Account(AccountAddress address) => known.Accounts.TryGetValue(address, out var account)
            ? account
            : throw new JournalCorruptException(
                $"Place {place} of the journal is about {address}, which was never opened.");

        private Asset AssetOf(AccountAddress address) => known.Assets.TryGetValue(address, out var asset)
            ? asset
            : throw new JournalCorruptException(
                $"Place {place} of the journal is about {address}, which was never opened.");
    }
}
