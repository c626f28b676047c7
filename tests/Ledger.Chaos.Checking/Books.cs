using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Ledger.Actors.Accounts;
using Ledger.Actors.Journal;
using Ledger.Core;

namespace Ledger.Chaos.Checking;

/// <summary>An attempt at a transaction: what its accounts' rows say of it.</summary>
internal sealed class Attempt(TransferId id, UInt128 key, ReferenceAccount coordinator)
{
    public TransferId Id { get; } = id;

    public UInt128 Key { get; } = key;

    public ReferenceAccount Coordinator { get; } = coordinator;

    /// <summary>All legs, from the coordinator's row; null before that, and once it is settled.</summary>
    public IReadOnlyList<ResolvedLeg>? Legs { get; set; }

    /// <summary>The accounts that take part, the coordinator first and the last agent last, as far as rows have named
    /// them.</summary>
    public List<AttemptSide> Sides { get; } = new(2);

    /// <summary>What each transfer of it did; empty unless it was committed.</summary>
    public List<Effect> Effects { get; } = [];

    public bool IsCommitted { get; set; }

    public bool IsRefused { get; set; }

    public ReferenceAccount? LastAgent { get; set; }

    public long CommitTime { get; set; }

    /// <summary>When the newest of what its accounts had booked was committed, as they prepared it.</summary>
    public long SourceTime { get; set; } = long.MinValue;

    /// <summary>How many of its accounts have not booked the outcome.</summary>
    public int Open { get; set; }

    /// <summary>Whether a call that asks for it has been made, at the moment that is being looked at.</summary>
    public bool IsInvoked { get; set; }

    /// <summary>Whether some call asks for it, rather than the ledger itself.</summary>
    public bool IsAskedFor { get; set; }

    public bool IsExpiry =>
        Effects is [{ Transfer: { } alone }] && alone.Kind == TransferKind.ExpireHold;

    public AttemptSide Side(ReferenceAccount account)
    {
        foreach (var side in Sides)
        {
            if (side.Account == account)
            {
                return side;
            }
        }

        var made = new AttemptSide(account);
        Sides.Add(made);
        return made;
    }
}

/// <summary>One account's side of an attempt: the places of its rows.</summary>
internal sealed class AttemptSide(ReferenceAccount account)
{
    public ReferenceAccount Account { get; } = account;

    /// <summary>Where it is prepared; 0 when it is not.</summary>
    public long Prepared { get; set; }

    /// <summary>Where it is committed: from there on a reader sees it; 0 when it is not.</summary>
    public long Committed { get; set; }

    /// <summary>Where it is aborted; 0 when it is not.</summary>
    public long Aborted { get; set; }

    public long First => Prepared != 0 ? Prepared : Committed;
}

/// <summary>A transfer that happened.</summary>
internal sealed class Effect(Attempt attempt, int index, Transfer transfer, UInt128 amount)
{
    public Attempt Attempt { get; } = attempt;

    public int Index { get; } = index;

    public Transfer Transfer { get; } = transfer;

    public UInt128 Amount { get; } = amount;

    /// <summary>What its debit account has still to post, once it is committed.</summary>
    public Int128 DebitOwed { get; set; }

    /// <summary>What its credit account has still to post, once it is committed.</summary>
    public Int128 CreditOwed { get; set; }

    public bool IsDebited { get; set; }

    public bool IsCredited { get; set; }

    /// <summary>For a hold: what has become of it.</summary>
    public HoldState Hold { get; set; }

    /// <summary>For a hold: what is left of it.</summary>
    public UInt128 Remaining { get; set; }
}

/// <summary>What the journal decided about one request.</summary>
internal sealed class Decision(ReferenceAccount account, long place, IReadOnlyList<Transfer> transfers)
{
    /// <summary>Where it stands: the last agent's for a commit, else the coordinator's.</summary>
    public ReferenceAccount Account { get; } = account;

    public long Place { get; } = place;

    /// <summary>What was asked for.</summary>
    public IReadOnlyList<Transfer> Transfers { get; } = transfers;

    /// <summary>For a commit: the attempt; null for a rejection.</summary>
    public Attempt? Committed { get; init; }

    public TransferStatus Status { get; init; }

    public int FailedLeg { get; init; } = -1;

    public long Time { get; init; }

    public Balances? Seen { get; init; }

    /// <summary>Whether a call that asks for it has been made, at the moment that is being looked at.</summary>
    public bool IsInvoked { get; set; }
}

/// <summary>All that is known of an id.</summary>
internal sealed class IdFacts
{
    /// <summary>The calls that named it as a transfer's or a transaction's id.</summary>
    public List<Call> Calls { get; } = new(1);

    public List<Decision> Decisions { get; } = new(1);

    /// <summary>What the transfer of this id did; null when nothing.</summary>
    public Effect? Effect { get; set; }
}

/// <summary>
/// The journal, folded row by row in the order in which the rows were written, on the reference ledger; and what can be
/// said of it alone: numbers, hash chains, one writer, atomicity, limits, holds, conservation at every prefix.
/// </summary>
internal sealed class Books
{
    /// <summary>A place in a stream: the row's number, and in it the number of events up to and with the one that is
    /// meant.</summary>
    private const int PlaceBits = 20;

    private readonly Findings findings;
    private readonly string[] others;
    private readonly Dictionary<string, Stream> streams = new(StringComparer.Ordinal);
    private readonly Dictionary<(UInt128 Key, int Coordinator), Attempt> attempts = [];
    private readonly Dictionary<string, Int128> unbalanced = new(StringComparer.Ordinal);
    private readonly Dictionary<(string Account, long SequenceNr), AccountSnapshot> snapshots = [];
    private IReadOnlySet<(TransferId Id, string Stream, long SequenceNr)>? indexed;
    private int indexedIds;
    private readonly SubsetSearch subsets = new();

    // The row that is being folded.
    private RowReference row;

    /// <summary>Empty ones.</summary>
    /// <param name="findings">Where to complain.</param>
    /// <param name="others">What the addresses of accounts begin with of which no history tells.</param>
    public Books(Findings findings, IReadOnlyList<string> others)
    {
        this.findings = findings;
        this.others = [.. others.Select(static prefix => AccountActor.PersistenceIdPrefix + prefix)];
    }

    public Dictionary<UInt128, IdFacts> Facts { get; } = [];

    public List<ReferenceAccount> Accounts { get; } = [];

    public IEnumerable<Attempt> Attempts => attempts.Values;

    public long RowCount { get; private set; }

    public long EventCount { get; private set; }

    public long ForeignRows { get; private set; }

    public int SnapshotsCompared { get; private set; }

    public int LazyReads { get; private set; }

    public int UndecidedReads => subsets.Undecided;

    public static long PlaceOf(long sequenceNr, int count) => (sequenceNr << PlaceBits) | (uint)count;

    public static long RowOf(long place) => place >> PlaceBits;

    public static string Text(ReferenceAccount account, long place) => string.Create(
        CultureInfo.InvariantCulture, $"{account.Address} row {RowOf(place)} event {place & ((1 << PlaceBits) - 1)}");

    public static RowReference Reference(ReferenceAccount account, long place) =>
        new(account.Address.Text, RowOf(place));

    public IdFacts FactsOf(UInt128 id) =>
        CollectionsMarshal.GetValueRefOrAddDefault(Facts, id, out _) ??= new IdFacts();

    public ReferenceAccount? Find(string address) =>
        streams.TryGetValue(address, out var stream) ? stream.Account : null;

    /// <summary>The account of that address, with or without a journal.</summary>
    public ReferenceAccount AccountOf(string address) => StreamOf(address).Account;

    public long LastRowOf(ReferenceAccount account) => streams[account.Address.Text].LastRow;

    /// <summary>Lets a read be compared with the account as it was at the row that the read names.</summary>
    public void Expect(Call read)
    {
        var stream = StreamOf(read.Record.Request.Account!);
        read.Account = stream.Account.Number;
        if (read.Record.Result?.Reading is { } reading)
        {
            (stream.Reads ??= []).Add(((long)reading.Version, read));
        }
    }

    public void Expect(SnapshotEntry snapshot)
    {
        if (!IsWatched(snapshot.Stream))
        {
            return;
        }

        var address = snapshot.Stream[AccountActor.PersistenceIdPrefix.Length..];
        try
        {
            var parsed = JournalCodec.ReadSnapshot(
                snapshot.Bytes,
                isPacked: string.Equals(
                    snapshot.Manifest, LedgerSerializer.SnapshotManifest, StringComparison.Ordinal));
            snapshots[(address, snapshot.SequenceNr)] =
                JournalCodec.DecodeSnapshot(parsed, AccountAddress.Parse(address), out var hash);
            StreamOf(address).SnapshotHashes[snapshot.SequenceNr] = hash;
        }
        catch (Exception e) when (e is JournalCorruptException or FormatException or OverflowException)
        {
            findings.Add(Rule.Replay, $"the snapshot {snapshot.SequenceNr} of {address} can't be read: {e.Message}");
        }
    }

    /// <summary>Takes the entries of the index of ids; null where nothing can be said of it.</summary>
    public void Expect(IReadOnlySet<(TransferId Id, string Stream, long SequenceNr)>? entries) => indexed = entries;

    /// <summary>How much of it was looked at, for people.</summary>
    public string IndexedText =>
        indexed is null
        ? "not looked at, since none is as old as the journal"
        : string.Create(CultureInfo.InvariantCulture, $"{indexedIds} entries looked for");

    /// <summary>Orders the reads of each account by the rows that they name; before the first row is folded.</summary>
    public void Begin()
    {
        foreach (var stream in streams.Values)
        {
            stream.Reads?.Sort(static (a, b) => a.Version != b.Version
                ? a.Version.CompareTo(b.Version)
                : a.Read.Record.Invoke.CompareTo(b.Read.Record.Invoke));
        }
    }

    private bool IsWatched(string stream) =>
        stream.StartsWith(AccountActor.PersistenceIdPrefix, StringComparison.Ordinal)
        && !Array.Exists(others, prefix => stream.StartsWith(prefix, StringComparison.Ordinal));

    public void Add(in JournalEntry entry)
    {
        RowCount++;
        if (!IsWatched(entry.Stream))
        {
            ForeignRows++;
            return;
        }

        var address = entry.Stream[AccountActor.PersistenceIdPrefix.Length..];
        if (!AccountAddress.TryParse(address, out _))
        {
            findings.Add(Rule.SingleWriter, $"the stream '{entry.Stream}' is of no account that can be");
            return;
        }

        var stream = StreamOf(address);
        row = new RowReference(address, entry.SequenceNr);
        if (entry.Deleted)
        {
            Complain(Rule.SingleWriter, "is marked as deleted");
        }

        if (entry.SequenceNr != stream.LastRow + 1)
        {
            Complain(Rule.SingleWriter, entry.SequenceNr <= stream.LastRow
                ? $"comes after row {stream.LastRow}: two writers have written, or rows were put in another's place"
                : $"comes after row {stream.LastRow}: rows are missing between");
            if (entry.SequenceNr <= stream.LastRow)
            {
                // Folding it would do everything twice and say it a hundred times.
                return;
            }
        }

        if (entry.Manifest is not (LedgerSerializer.RowManifest or LedgerSerializer.HoldRowManifest))
        {
            Complain(Rule.SingleWriter, $"has the manifest '{entry.Manifest}'");
        }

        CheckWriter(stream, entry.Writer);
        EventBatch batch;
        ReadOnlyMemory<byte> previous;
        try
        {
            batch = JournalCodec.Decode(entry.Bytes, stream.Account.Address, entry.SequenceNr, out previous);
        }
        catch (Exception e) when (e is JournalCorruptException or OverflowException)
        {
            Complain(Rule.SingleWriter, $"can't be read: {e.Message}");
            stream.LastRow = entry.SequenceNr;
            return;
        }

        if (!previous.Span.SequenceEqual(stream.Hash) && !batch.IsBehindUnread)
        {
            Complain(Rule.SingleWriter, "does not name the hash of the row before it: the chain is broken");
        }

        SHA256.HashData(entry.Bytes, stream.Hash);
        stream.LastRow = entry.SequenceNr;
        if (indexed is not null)
        {
            foreach (var (id, at) in IdsIn(batch, stream.Account.Address))
            {
                // Those within two seconds of their own time are found without.
                if (id.IsNil || (id.IsTimeOrdered && Math.Abs(id.UnixMicroseconds - at.UnixMicroseconds) <= 2_000_000))
                {
                    continue;
                }

                indexedIds++;
                if (!indexed.Contains((id, entry.Stream, entry.SequenceNr)))
                {
                    Complain(Rule.IdsIndexed, $"is not in the index of ids under {id}, which it brings up");
                }
            }
        }

        Fold(stream, batch);
    }

    private static IEnumerable<(TransferId Id, LedgerTime At)> IdsIn(EventBatch batch, AccountAddress account)
    {
        foreach (var happened in batch.Events)
        {
            if (happened is AbortRecorded disowned)
            {
                yield return (disowned.Key, happened.At);
            }

            var part = happened switch
            {
                TransactionPrepared one => one.Branch,
                TransactionRejected one => one.Branch,
                LastAgentCommitted one => one.Branch,
                LastAgentRefused one => one.Branch,
                _ => null,
            };
            if (part is not null)
            {
                yield return (part.Id, happened.At);
                yield return (part.Key, happened.At);
            }

            foreach (var leg in part?.Legs ?? [])
            {
                if (leg.Transfer is { } transfer
                    && (transfer.DebitAccount == account || transfer.CreditAccount == account))
                {
                    yield return (transfer.Id, happened.At);
                    if (happened is TransactionPrepared or LastAgentCommitted)
                    {
                        yield return (transfer.HoldId, happened.At);
                        yield return (transfer.Reverses, happened.At);
                    }
                }
            }
        }
    }

    /// <summary>What must hold when nothing is under way any more.</summary>
    public void End(bool isFinished)
    {
        foreach (var stream in streams.Values)
        {
            foreach (var (version, read) in stream.PendingReads())
            {
                findings.Add(
                    Rule.Linearizable,
                    $"a read of {stream.Account.Address} rests on row {version}, and its journal ends with row "
                        + $"{stream.LastRow}", read);
            }
        }

        if (!isFinished)
        {
            return;
        }

        foreach (var stream in streams.Values)
        {
            var account = stream.Account;
            foreach (var doubt in account.Doubts.Values)
            {
                findings.Add(
                    Rule.UnknownsSettle,
                    $"{doubt.Attempt.Id} is still in doubt on {account.Address}"
                    + (doubt.Attempt.IsCommitted ? ", and its last agent has committed it"
                        : doubt.Attempt.IsRefused ? ", and its last agent has refused it" : ""),
                    CallsOf(doubt.Attempt), Reference(account, doubt.Attempt.Side(account).Prepared));
            }

            Int128 debits = 0;
            Int128 credits = 0;
            foreach (var hold in account.Holds)
            {
                debits += hold.Transfer.DebitAccount == account.Address ? hold.Remaining : 0;
                credits += hold.Transfer.DebitAccount == account.Address ? 0 : hold.Remaining;
            }

            if (debits != account.DebitsPending || credits != account.CreditsPending)
            {
                findings.Add(
                    Rule.Holds,
                    $"{account.Address} has {account.DebitsPending} and {account.CreditsPending} pending, its holds "
                        + $"{debits} and {credits}");
            }
        }

        foreach (var attempt in attempts.Values)
        {
            EndAttempt(attempt);
        }

        var sums = new SortedDictionary<string, (Int128 Posted, Int128 Pending)>(StringComparer.Ordinal);
        foreach (var account in Accounts)
        {
            var sum = sums.GetValueOrDefault(account.Asset.Text);
            sums[account.Asset.Text] = (
                sum.Posted + account.DebitsPosted - account.CreditsPosted,
                sum.Pending + account.DebitsPending - account.CreditsPending);
        }

        foreach (var (asset, sum) in sums)
        {
            if (sum.Posted != 0 || sum.Pending != 0)
            {
                findings.Add(
                    Rule.Conservation,
                    $"{asset}: all debits and credits differ by {sum.Posted} posted and {sum.Pending} pending at the "
                        + "end");
            }
        }
    }

    public static Call?[] CallsOf(IdFacts? facts) => facts is null ? [] : [.. facts.Calls.Take(4)];

    public Call?[] CallsOf(Attempt attempt) => CallsOf(Facts.GetValueOrDefault(attempt.Id.Value));

    // ---------------------------------------------------------------- one row

    private void Fold(Stream stream, EventBatch batch)
    {
        var account = stream.Account;
        var before = account.Counters;
        if (!batch.IsVerdict && (!before.Agrees(batch.Before) || (ulong)before.Entries != batch.EntriesBefore))
        {
            Complain(
                Rule.Replay,
                $"was written on other books than its replay gives: {batch.Before}, {batch.EntriesBefore} entries; "
                    + $"the replay has {before}");
        }

        if (batch.Events.Count is 0 or >= 1 << PlaceBits)
        {
            Complain(Rule.Replay, $"holds {batch.Events.Count} events");
        }

        var reads = stream.ReadsAt(batch.SequenceNr);
        List<Attempt>? lazy = null;
        if (reads.Length > 0)
        {
            foreach (var doubt in account.Doubts.Values)
            {
                if (doubt.Attempt.Coordinator == account && doubt.Attempt.IsCommitted)
                {
                    (lazy ??= []).Add(doubt.Attempt);
                }
            }
        }

        var lazyDoubts = lazy?.ConvertAll(attempt => (attempt, account.Delta(account.Doubts[attempt.Key])));
        var closedBefore = account.Closed;
        var count = 0;
        foreach (var happened in batch.Events)
        {
            var place = PlaceOf(batch.SequenceNr, ++count);
            EventCount++;
            if (happened.At.UnixMicroseconds < stream.LastTime && !batch.IsVerdict)
            {
                Complain(
                    Rule.SingleWriter, $"goes back in time by {stream.LastTime - happened.At.UnixMicroseconds} us");
            }

            stream.LastTime = Math.Max(stream.LastTime, happened.At.UnixMicroseconds);
            try
            {
                Fold(account, happened, place);
            }
            catch (OverflowException)
            {
                Complain(
                    Rule.Replay,
                    $"holds amounts of 2^127 and more in event {count}, which the reference does not count");
            }

            account.CheckLimits();
            foreach (var (_, read) in reads)
            {
                if (Shows(account, read.Record.Result!.Reading!))
                {
                    (read.Places ??= new List<long>(1)).Add(place);
                }
            }
        }

        foreach (var (_, read) in reads)
        {
            if (read.Places is null)
            {
                MatchLazily(account, batch.SequenceNr, read, before, closedBefore, lazyDoubts ?? []);
            }
        }

        if (snapshots.Remove((account.Address.Text, batch.SequenceNr), out var snapshot))
        {
            Compare(stream, snapshot, batch.SequenceNr);
        }
    }

    private static bool Shows(ReferenceAccount account, AccountReading reading) =>
        account.Exists && account.Counters == Counters.Of(reading) && account.Closed == reading.IsClosed;

    // A coordinator tells of commits before it has written them: their proof is the last agent's row. A crash may lose
    // that row, and the next incarnation writes them again, perhaps together with others. So what a read shows may also
    // be the row before and some of the commits that were still to be written: all those that a client had been told of
    // before the read.
    private void MatchLazily(
        ReferenceAccount account, long number, Call read, in Counters before, bool closed,
        List<(Attempt Attempt, Counters Delta)> lazy)
    {
        var target = Counters.Of(read.Record.Result!.Reading!);
        var sum = before;
        var optional = new List<Counters>();
        foreach (var (attempt, delta) in lazy)
        {
            if (WasTold(attempt, read.Record.Invoke))
            {
                sum += delta;
            }
            else
            {
                optional.Add(delta);
            }
        }

        LazyReads++;
        if (closed == read.Record.Result.Reading!.IsClosed && subsets.CanReach(sum, optional, target) != false)
        {
            read.Places = [PlaceOf(number, 0)];
            read.IsLazy = true;
            return;
        }

        findings.Add(
            Rule.Linearizable,
            $"a read of {account.Address} at version {number} shows {target}; after that row it has "
                + $"{account.Counters}, before it {before}",
            read, new RowReference(account.Address.Text, number), new RowReference(account.Address.Text, number - 1));
    }

    private bool WasTold(Attempt attempt, long before)
    {
        foreach (var call in Facts.GetValueOrDefault(attempt.Id.Value)?.Calls ?? [])
        {
            if (call.IsAcknowledged && call.Record.Complete < before)
            {
                return true;
            }
        }

        return false;
    }

    private void CheckWriter(Stream stream, string writer)
    {
        if (stream.Writers.Count > 0 && stream.Writers[^1] == writer)
        {
            return;
        }

        if (stream.Writers.Contains(writer, StringComparer.Ordinal))
        {
            Complain(
                Rule.SingleWriter,
                $"is written by {writer}, which another writer had replaced: two incarnations write");
        }

        stream.Writers.Add(writer);
    }

    private void Compare(Stream stream, AccountSnapshot snapshot, long number)
    {
        var account = stream.Account;
        SnapshotsCompared++;
        var counters = account.Counters;
        if (!counters.Agrees(snapshot.Balances) || (ulong)counters.Entries != snapshot.EntryCount
            || counters.Holds != snapshot.Holds.Count || account.Doubts.Count != snapshot.InDoubt.Count
            || account.Closed != (snapshot.Closed || snapshot.ClosedByHold))
        {
            Complain(
                Rule.Replay,
                $"has a snapshot that is not its fold: {snapshot.Balances}, {snapshot.EntryCount} entries, "
                + $"{snapshot.Holds.Count} holds, {snapshot.InDoubt.Count} in doubt; the fold has {counters}, "
                + $"{account.Doubts.Count} in doubt");
        }

        if (!stream.SnapshotHashes[number].AsSpan().SequenceEqual(stream.Hash))
        {
            Complain(Rule.Replay, "has a snapshot that names another hash than the row has");
        }
    }

    // ---------------------------------------------------------------- one event

    private void Fold(ReferenceAccount account, AccountEvent happened, long place)
    {
        switch (happened)
        {
            case AccountOpened opened:
                account.Open(opened.Spec, place);
                break;
            case AccountChanged changed:
                account.Change(changed.Change);
                break;
            case HoldExtended extended:
                account.Extend(extended.HoldId.Value, extended.Deadline.UnixMicroseconds);
                break;
            case TransactionPrepared prepared:
                Prepare(account, prepared.Branch, prepared.At.UnixMicroseconds, place);
                break;
            case TransactionCommitted committed:
                Commit(account, committed, place);
                break;
            case TransactionAborted aborted:
                Abort(account, aborted, place);
                break;
            case TransactionRejected rejected:
                Reject(account, rejected, place);
                break;
            case LastAgentCommitted closed:
                Close(account, closed, place);
                break;
            case LastAgentRefused refused:
                Refuse(account, refused, place);
                break;
            case AbortRecorded:
                break;
            default:
                Complain(Rule.Replay, $"holds a {happened.GetType().Name}, which no journal in use may hold");
                break;
        }
    }

    private void Prepare(ReferenceAccount account, TransactionBranch part, long at, long place)
    {
        var attempt = AttemptOf(part);
        var side = attempt.Side(account);
        if (side.First != 0)
        {
            Complain(
                Rule.NothingTwice, $"prepares {part.Id} which it has taken part in at {Text(account, side.First)}",
                attempt);
        }

        side.Prepared = place;
        attempt.SourceTime = Math.Max(attempt.SourceTime, account.NewestCommit);
        attempt.Open++;
        IReadOnlyList<ResolvedLeg> legs;
        if (attempt.Coordinator == account)
        {
            attempt.Legs = part.Legs;
            legs = part.Legs.Length == 1 ? part.Legs : [.. part.Legs.Where(leg => Leg.Concerns(leg, account.Address))];
        }
        else
        {
            legs = part.Legs;
            CheckSlice(account, attempt, part);
        }

        foreach (var leg in legs)
        {
            account.JudgeTime(leg, at);

            // What an earlier leg opens or closes is so for a later one: what stands alone is simple to judge.
            if (part.LegCount == 1)
            {
                account.Judge(leg, at);
            }
        }

        account.Reserve(attempt, attempt.Key, legs);
    }

    // What another account is asked for must be what the coordinator has written down.
    private void CheckSlice(ReferenceAccount account, Attempt attempt, TransactionBranch part)
    {
        if (attempt.Legs is not { } whole)
        {
            Complain(
                Rule.Atomic, $"takes part in {part.Id} before its coordinator {part.Coordinator} has prepared it",
                attempt);
            return;
        }

        var expected = 0;
        foreach (var leg in whole)
        {
            expected += Leg.Concerns(leg, account.Address) ? 1 : 0;
        }

        foreach (var leg in part.Legs)
        {
            if (leg.Index >= whole.Count || leg != whole[leg.Index])
            {
                Complain(
                    Rule.Atomic,
                    $"takes part in {part.Id} with another leg {leg.Index} than its coordinator has prepared", attempt);
                return;
            }

            expected -= Leg.Concerns(leg, account.Address) ? 1 : 0;
        }

        if (expected != 0)
        {
            Complain(Rule.Atomic, $"takes part in {part.Id} without all of its legs", attempt);
        }
    }

    private void Commit(ReferenceAccount account, TransactionCommitted committed, long place)
    {
        if (account.Settle(committed.Key.Value) is not { } doubt)
        {
            Complain(Rule.Atomic, $"commits {committed.Key}, which it has not prepared");
            return;
        }

        var attempt = doubt.Attempt;
        var side = attempt.Side(account);
        if (!attempt.IsCommitted)
        {
            Complain(Rule.Atomic, $"commits {attempt.Id} before its last agent has", attempt);
            Record(attempt, doubt.Legs);
        }
        else if (committed.CommitTime.UnixMicroseconds != attempt.CommitTime)
        {
            Complain(Rule.Replay, $"commits {attempt.Id} for another time than its last agent has", attempt);
        }

        if (RowOf(side.Prepared) != committed.PreparedSequenceNr)
        {
            Complain(
                Rule.Replay,
                $"commits {attempt.Id} by the row {committed.PreparedSequenceNr}, which does not prepare it", attempt);
        }

        side.Committed = place;
        account.NewestCommit = Math.Max(account.NewestCommit, committed.CommitTime.UnixMicroseconds);
        Do(account, attempt, doubt.Legs, place);
        Settled(attempt);
    }

    private void Abort(ReferenceAccount account, TransactionAborted aborted, long place)
    {
        if (account.Settle(aborted.Key.Value) is not { } doubt)
        {
            Complain(Rule.Atomic, $"aborts {aborted.Key}, which it has not prepared");
            return;
        }

        var attempt = doubt.Attempt;
        attempt.Side(account).Aborted = place;
        if (attempt.IsCommitted)
        {
            Complain(Rule.Atomic, $"aborts {attempt.Id}, which its last agent has committed", attempt);
        }

        if (account == attempt.Coordinator)
        {
            if (!attempt.IsRefused && !attempt.IsCommitted && !IsUsedUpAtLastAgent(attempt))
            {
                Complain(Rule.Atomic, $"aborts {attempt.Id} without a refusal in its last agent's journal", attempt);
            }

            if (aborted.Reason != TransferStatus.None)
            {
                FactsOf(attempt.Id.Value).Decisions
                    .Add(new Decision(account, place, TransfersOf(attempt.Legs ?? doubt.Legs))
                {
                    Status = aborted.Reason,
                    FailedLeg = aborted.Leg, Time = aborted.At.UnixMicroseconds,
                    Seen = aborted.Seen,
                });
            }
        }

        Settled(attempt);
    }

    // A last agent at which the id was used up before answers from that, and writes nothing.
    private bool IsUsedUpAtLastAgent(Attempt attempt)
    {
        var lastAgent = LastAgentOf(attempt);
        var facts = Facts.GetValueOrDefault(attempt.Key);
        if (facts?.Effect is { } effect
            && (effect.Transfer.DebitAccount == lastAgent || effect.Transfer.CreditAccount == lastAgent))
        {
            return true;
        }

        foreach (var decision in facts?.Decisions ?? [])
        {
            if (decision.Committed is { } other
                ? other != attempt && other.Sides.Exists(side => side.Account.Address == lastAgent)
                : decision.Account.Address == lastAgent)
            {
                return true;
            }
        }

        return false;
    }

    // The last account besides the coordinator, in the order of the legs.
    private static AccountAddress LastAgentOf(Attempt attempt)
    {
        var coordinator = attempt.Coordinator.Address;
        var seen = new HashSet<AccountAddress> { coordinator };
        var last = coordinator;
        foreach (var leg in attempt.Legs ?? [])
        {
            foreach (var account in leg.Transfer is { } transfer
                ? (ReadOnlySpan<AccountAddress>)[transfer.DebitAccount, transfer.CreditAccount]
                : [leg.Opening!.Address])
            {
                last = seen.Add(account) ? account : last;
            }
        }

        return last;
    }

    private void Reject(ReferenceAccount account, TransactionRejected rejected, long place)
    {
        var part = rejected.Branch;
        FactsOf(part.Id.Value).Decisions.Add(new Decision(account, place, TransfersOf(part.Legs))
        {
            Status = rejected.Reason,
            FailedLeg = rejected.Leg, Time = rejected.At.UnixMicroseconds, Seen = rejected.Seen,
        });
        if (part is { LegCount: 1, Legs: [{ Transfer: { } transfer } leg] })
        {
            JudgeRefusal(account, transfer, leg, rejected);
        }
    }

    // Whether the reason was true where it was written. What another account was quoted as can't be told.
    private void JudgeRefusal(
        ReferenceAccount account, Transfer transfer, ResolvedLeg leg, TransactionRejected rejected)
    {
        var owns = transfer.DebitAccount == account.Address || (transfer.ResolvesHold && transfer.DebitAccount.IsNone);
        if (!owns)
        {
            return;
        }

        var at = rejected.At.UnixMicroseconds;
        var hold = account.FindHold(transfer.HoldId.Value);
        var state = Facts.GetValueOrDefault(transfer.HoldId.Value)?.Effect?.Hold ?? HoldState.None;
        var isTrue = rejected.Reason switch
        {
            TransferStatus.ExceedsCredits =>
                transfer.IsBalancing || transfer.Amount == Amount.MaxValue || !transfer.Reverses.IsNil
                || (account.DebitAllowance is not null
                    && (account.DebitRoom < 0 || leg.Amount.Value > (UInt128)account.DebitRoom)),
            TransferStatus.DebitAccountNotFound => !account.Exists,
            TransferStatus.DebitAccountAlreadyClosed => account.Closed,
            TransferStatus.DebitAccountFrozen =>
                account.Freeze is { Debits: true } freeze
                && (freeze.EndTime is not { } until || at < until.UnixMicroseconds),
            TransferStatus.PendingTransferExpired =>
                state == HoldState.Expired || (hold is not null && at >= hold.Deadline),
            TransferStatus.PendingTransferAlreadyPosted => hold is null && state == HoldState.Posted,
            TransferStatus.PendingTransferAlreadyVoided => hold is null && state == HoldState.Voided,
            TransferStatus.PendingTransferNotFound => hold is null,
            TransferStatus.ExceedsPendingTransferAmount =>
                hold is null || transfer.Amount.Value > (UInt128)Int128.Max(0, hold.Remaining),
            _ => true,
        };
        if (!isTrue)
        {
            Complain(
                Rule.Linearizable,
                $"rejects {transfer.Id} as {Names.Of(rejected.Reason)}, which was not so: {account.Counters}, room "
                    + $"for debits {account.DebitRoom}",
                CallsOf(Facts.GetValueOrDefault(transfer.Id.Value)));
        }

        if (rejected.Reason is TransferStatus.ExceedsCredits && rejected.Seen is { } seen
            && !account.Counters.Agrees(seen))
        {
            Complain(
                Rule.Linearizable,
                $"rejects {transfer.Id} for the balances {seen}, which it did not have: {account.Counters}");
        }
    }

    private void Close(ReferenceAccount account, LastAgentCommitted closed, long place)
    {
        var part = closed.Branch;
        var attempt = AttemptOf(part);
        if (attempt.IsCommitted)
        {
            Complain(Rule.NothingTwice, $"commits {part.Id} a second time", attempt);
            return;
        }

        if (attempt.IsRefused)
        {
            Complain(Rule.Atomic, $"commits {part.Id}, which was refused", attempt);
        }

        var isAlone = account == attempt.Coordinator;
        if (!isAlone)
        {
            CheckSlice(account, attempt, part);
        }

        attempt.IsCommitted = true;
        attempt.LastAgent = account;
        attempt.CommitTime = closed.CommitTime.UnixMicroseconds;
        if (Math.Max(attempt.SourceTime, account.NewestCommit) > attempt.CommitTime)
        {
            Complain(
                Rule.Cut,
                $"commits {part.Id} before what its accounts had booked: a cut between has the one without the other",
                attempt);
        }

        account.NewestCommit = Math.Max(account.NewestCommit, attempt.CommitTime);
        attempt.Legs ??= part.Legs;
        attempt.Side(account).Committed = place;
        Record(attempt, attempt.Legs);
        FactsOf(attempt.Id.Value).Decisions.Add(new Decision(account, place, TransfersOf(attempt.Legs))
        {
            Committed = attempt, Status = TransferStatus.Created, Time = attempt.CommitTime,
        });

        foreach (var leg in attempt.Legs)
        {
            if (leg.Transfer is { } transfer)
            {
                RequirePrepared(attempt, transfer.DebitAccount, account);
                RequirePrepared(attempt, transfer.CreditAccount, account);
            }
            else
            {
                RequirePrepared(attempt, leg.Opening!.Address, account);
            }
        }

        foreach (var leg in part.Legs)
        {
            account.JudgeTime(leg, attempt.CommitTime);
            if (part.LegCount == 1)
            {
                account.Judge(leg, attempt.CommitTime);
            }
        }

        Owe(attempt);
        Do(account, attempt, part.Legs, place);
        if (attempt.Open == 0)
        {
            attempt.Legs = null;
        }
    }

    private void RequirePrepared(Attempt attempt, AccountAddress other, ReferenceAccount lastAgent)
    {
        if (other == lastAgent.Address)
        {
            return;
        }

        foreach (var side in attempt.Sides)
        {
            if (side.Account.Address == other && side.Prepared != 0)
            {
                return;
            }
        }

        Complain(Rule.Atomic, $"commits {attempt.Id}, which {other} has not prepared", attempt);
    }

    private void Refuse(ReferenceAccount account, LastAgentRefused refused, long place)
    {
        var attempt = AttemptOf(refused.Branch);
        if (attempt.IsCommitted)
        {
            Complain(Rule.Atomic, $"refuses {refused.Branch.Id}, which is committed", attempt);
        }

        attempt.IsRefused = true;
        _ = place;
        if (refused.Seen is { } seen && !account.Counters.Agrees(seen))
        {
            Complain(
                Rule.Linearizable,
                $"refuses {refused.Branch.Id} for the balances {seen}, which it did not have: {account.Counters}",
                attempt);
        }
    }

    // ---------------------------------------------------------------- what it does

    private void Record(Attempt attempt, IReadOnlyList<ResolvedLeg> legs)
    {
        foreach (var leg in legs)
        {
            if (leg.Transfer is not { } transfer)
            {
                continue;
            }

            var effect = new Effect(attempt, leg.Index, transfer, leg.Amount.Value);
            attempt.Effects.Add(effect);
            var facts = FactsOf(transfer.Id.Value);
            if (facts.Effect is { } other)
            {
                // Two transfers under one id that share no account do both happen, and no account can see it.
                var shares = other.Transfer.DebitAccount == transfer.DebitAccount
                    || other.Transfer.DebitAccount == transfer.CreditAccount
                    || other.Transfer.CreditAccount == transfer.DebitAccount
                    || other.Transfer.CreditAccount == transfer.CreditAccount;
                var contents = facts.Calls.SelectMany(static call => call.Transfers)
                    .Where(asked => Ids.Of(asked.Id) == transfer.Id.Value)
                    .DistinctBy(static asked => (asked.Debit, asked.Credit)).Count();
                if (shares || contents < 2)
                {
                    Complain(
                        Rule.NothingTwice,
                        $"commits {transfer.Id} again: {other.Amount} from {other.Transfer.DebitAccount} to "
                        + $"{other.Transfer.CreditAccount}, and {leg.Amount} from {transfer.DebitAccount} to "
                        + $"{transfer.CreditAccount}",
                        CallsOf(facts));
                }
            }

            facts.Effect = effect;
            if (Leg.Holds(leg))
            {
                effect.Hold = HoldState.Live;
                effect.Remaining = leg.Amount.Value;
            }

            if (transfer.ResolvesHold && Facts.GetValueOrDefault(transfer.HoldId.Value)?.Effect is { } hold)
            {
                var released = (UInt128)Leg.Released(leg);
                hold.Remaining = released < hold.Remaining ? hold.Remaining - released : 0;
                if (hold.Hold != HoldState.Live)
                {
                    Complain(
                        Rule.Holds, $"resolves the hold {transfer.HoldId} by {transfer.Id}, which was resolved before",
                        attempt);
                }
                else if (hold.Remaining == 0)
                {
                    hold.Hold = !transfer.ReleasesHold ? HoldState.Posted
                        : transfer.Kind == TransferKind.ExpireHold
                        ? HoldState.Expired
                        : HoldState.Voided;
                }
            }
        }
    }

    private void Do(ReferenceAccount account, Attempt attempt, IReadOnlyList<ResolvedLeg> legs, long place)
    {
        foreach (var leg in legs)
        {
            if (!Leg.Concerns(leg, account.Address))
            {
                continue;
            }

            var effect = leg.Transfer is null ? null : attempt.Effects.Find(one => one.Index == leg.Index);
            account.Do(leg, effect, place);
            if (effect is null)
            {
                continue;
            }

            var isDebit = leg.Transfer!.DebitAccount == account.Address;
            if (isDebit ? effect.IsDebited : effect.IsCredited)
            {
                Complain(Rule.NothingTwice, $"does {leg.Transfer.Id} a second time", attempt);
            }

            effect.IsDebited |= isDebit;
            effect.IsCredited |= !isDebit;

            // What is done here, and what is still owed by accounts that have not written the commit yet, come to
            // nothing at any prefix.
            Balance(account.Asset, isDebit, Leg.Posted(leg));
            if (isDebit)
            {
                Balance(account.Asset, isDebit, -effect.DebitOwed);
                effect.DebitOwed = 0;
            }
            else
            {
                Balance(account.Asset, isDebit, -effect.CreditOwed);
                effect.CreditOwed = 0;
            }
        }

        account.Committed.Add((place, attempt));
        CheckConservation(account.Asset);
    }

    private void Owe(Attempt attempt)
    {
        foreach (var effect in attempt.Effects)
        {
            var posted = effect.Transfer.Kind is TransferKind.Direct or TransferKind.PostHold
                ? (Int128)effect.Amount
                : 0;
            effect.DebitOwed = posted;
            effect.CreditOwed = posted;
            Balance(AccountOf(effect.Transfer.DebitAccount.Text).Asset, true, posted);
            Balance(AccountOf(effect.Transfer.CreditAccount.Text).Asset, false, posted);
        }
    }

    private void Balance(Asset asset, bool isDebit, Int128 amount)
    {
        ref var sum = ref CollectionsMarshal.GetValueRefOrAddDefault(unbalanced, asset.Text, out _);
        sum += isDebit ? amount : -amount;
    }

    private void CheckConservation(Asset asset)
    {
        ref var sum = ref CollectionsMarshal.GetValueRefOrAddDefault(unbalanced, asset.Text, out _);
        if (sum != 0)
        {
            Complain(
                Rule.Conservation,
                $"leaves {asset} unbalanced by {sum}, commits that are not yet written everywhere included");
            sum = 0;
        }
    }

    private static void Settled(Attempt attempt)
    {
        // What is committed is prepared everywhere, and its legs are in its effects. What is aborted may still be
        // prepared by a message that was late.
        if (--attempt.Open == 0 && attempt.IsCommitted)
        {
            attempt.Legs = null;
        }
    }

    private void EndAttempt(Attempt attempt)
    {
        if (attempt.IsCommitted)
        {
            foreach (var effect in attempt.Effects)
            {
                if (!effect.IsDebited || !effect.IsCredited)
                {
                    findings.Add(
                        Rule.Conservation,
                        $"{effect.Transfer.Id} is committed, and "
                            + $"{(effect.IsDebited ? effect.Transfer.CreditAccount : effect.Transfer.DebitAccount)} "
                            + "has not booked it",
                        CallsOf(attempt),
                        [.. attempt.Sides.Where(static side => side.First != 0)
                            .Select(static side => Reference(side.Account, side.First))]);
                }
            }
        }
    }

    private static Transfer[] TransfersOf(IReadOnlyList<ResolvedLeg> legs) =>
        [.. legs.Where(static leg => leg.Transfer is not null).Select(static leg => leg.Transfer!)];

    private Attempt AttemptOf(TransactionBranch part)
    {
        var coordinator = AccountOf(part.Coordinator.Text);
        var key = part.Key.Value;
        ref var attempt = ref CollectionsMarshal.GetValueRefOrAddDefault(attempts, (key, coordinator.Number), out _);
        return attempt ??= new Attempt(part.Id, key, coordinator);
    }

    private Stream StreamOf(string address)
    {
        ref var stream = ref CollectionsMarshal.GetValueRefOrAddDefault(streams, address, out _);
        if (stream is null)
        {
            var account =
                new ReferenceAccount(AccountAddress.Parse(address), Accounts.Count)
                {
                    Complain = (rule, text) => Complain(rule, text)
                };
            stream = new Stream(account, JournalCodec.GenesisHash(AccountActor.PersistenceIdPrefix + address));
            Accounts.Add(account);
        }

        return stream;
    }

    private void Complain(string rule, string text, Attempt? attempt = null) =>
        Complain(rule, text, attempt is null ? [] : CallsOf(attempt));

    private void Complain(string rule, string text, Call?[] calls) =>
        findings.Add(rule, $"{row.Account} row {row.SequenceNr} {text}", calls, row);

    private sealed class Stream(ReferenceAccount account, byte[] genesis)
    {
        private int nextRead;

        public ReferenceAccount Account { get; } = account;

        public byte[] Hash { get; } = genesis;

        public long LastRow { get; set; }

        public long LastTime { get; set; } = long.MinValue;

        public List<string> Writers { get; } = new(1);

        public List<(long Version, Call Read)>? Reads { get; set; }

        public Dictionary<long, byte[]> SnapshotHashes { get; } = new(0);

        public ReadOnlySpan<(long Version, Call Read)> ReadsAt(long number)
        {
            if (Reads is null)
            {
                return [];
            }

            while (nextRead < Reads.Count && Reads[nextRead].Version < number)
            {
                // A row that was missing, which is said elsewhere.
                nextRead++;
            }

            var from = nextRead;
            while (nextRead < Reads.Count && Reads[nextRead].Version == number)
            {
                nextRead++;
            }

            return CollectionsMarshal.AsSpan(Reads)[from..nextRead];
        }

        public IEnumerable<(long Version, Call Read)> PendingReads() => Reads is null ? [] : Reads.Skip(nextRead);
    }
}
