using System.Runtime.CompilerServices;
using Ledger.Actors.Journal;
using Ledger.Core;

namespace Ledger.Actors.Storage;

/// <summary>What falls due later, and what is in doubt: found without asking any account, and written by none on the way of a
/// transfer. Everything in it follows from the journal; it may lag behind it, be dropped, and be made again. Thread-safe.
/// </summary>
internal interface IHoldIndex : IAsyncDisposable
{
    /// <summary>Folds in what the journal has got since. When it returns, everything is in that was committed before the call.
    /// </summary>
    Task CatchUpAsync(CancellationToken cancellationToken);

    /// <summary>The accounts of a hold, live or ended; null when the index knows of none.</summary>
    Task<HoldAccounts?> FindHoldAsync(TransferId hold, CancellationToken cancellationToken);

    /// <summary>The debit accounts with holds due by a time, the earliest first. May leave some out; never all of them.</summary>
    /// <param name="upTo">The time.</param>
    /// <param name="limit">How many at most.</param>
    /// <param name="except">Accounts to leave out.</param>
    /// <param name="cancellationToken">Stops the read.</param>
    Task<IReadOnlyList<DueAccount>> DueAsync(
        LedgerTime upTo, int limit, IReadOnlyCollection<AccountAddress> except, CancellationToken cancellationToken);

    /// <summary>Which of the accounts have a hold that is due by the time that stands with it.</summary>
    Task<IReadOnlySet<AccountAddress>> StillDueAsync(
        IReadOnlyList<DueAccount> accounts, CancellationToken cancellationToken);

    /// <summary>The holds that are due later than one time and not later than another, the earliest first. May leave some
    /// out.</summary>
    /// <param name="after">The one time.</param>
    /// <param name="upTo">The other.</param>
    /// <param name="limit">How many at most.</param>
    /// <param name="cancellationToken">Stops the read.</param>
    Task<IReadOnlyList<UpcomingHold>> UpcomingAsync(
        LedgerTime after, LedgerTime upTo, int limit, CancellationToken cancellationToken);

    /// <summary>When the next hold is due; null for none.</summary>
    Task<LedgerTime?> NextDueAsync(CancellationToken cancellationToken);

    /// <summary>An account's holds that are due by a time, the earliest first.</summary>
    Task<IReadOnlyList<DueHold>> DueHoldsAsync(
        AccountAddress account, LedgerTime upTo, int limit, CancellationToken cancellationToken);

    /// <summary>Takes holds off the list that were found not to be live.</summary>
    Task EndedAsync(IReadOnlyCollection<TransferId> holds, CancellationToken cancellationToken);

    /// <summary>Corrects a hold's deadline, unless it has changed since it was read.</summary>
    /// <param name="hold">The hold, as it was read.</param>
    /// <param name="deadline">What its account says.</param>
    /// <param name="cancellationToken">Stops the write.</param>
    Task CorrectAsync(DueHold hold, LedgerTime? deadline, CancellationToken cancellationToken);

    /// <summary>Notes durably that an account has been in doubt for long, so that it is woken by whoever comes after this
    /// process. The newest note of an account stands.</summary>
    /// <param name="account">The account.</param>
    /// <param name="since">Since when the oldest of what it has in doubt has been so.</param>
    /// <param name="cancellationToken">Stops the write.</param>
    /// <returns>The note: its time is later than those of all notes of the account that are still there, so that each is told
    /// from the one before it.</returns>
    Task<UnfinishedAccount> AddUnfinishedAsync(
        AccountAddress account, LedgerTime since, CancellationToken cancellationToken);

    /// <summary>Takes a note back. One that was made since it was seen stays.</summary>
    /// <param name="seen">The note, as it was made or listed.</param>
    /// <param name="cancellationToken">Stops the write.</param>
    Task RemoveUnfinishedAsync(UnfinishedAccount seen, CancellationToken cancellationToken);

    /// <summary>The accounts that are noted as in doubt, in the order of their addresses.</summary>
    Task<IReadOnlyList<UnfinishedAccount>> ListUnfinishedAsync(
        AccountAddress after, int limit, CancellationToken cancellationToken);

    /// <summary>Reads all rows of accounts after a place of the journal, in order, up to where it ends at the time of the call.
    /// </summary>
    IAsyncEnumerable<JournalPageRow> ReadSinceAsync(long ordering, CancellationToken cancellationToken);

    /// <summary>The last place up to which every row has been committed that ever will be.</summary>
    Task<long> SettledAsync(CancellationToken cancellationToken);

    /// <summary>The place from which on the rows are to be searched for accounts in doubt.</summary>
    Task<long> RecoveredUpToAsync(CancellationToken cancellationToken);

    /// <summary>Moves that place on; never back.</summary>
    Task SaveRecoveredUpToAsync(long ordering, CancellationToken cancellationToken);
}

/// <summary>The accounts of a hold.</summary>
internal readonly record struct HoldAccounts(AccountAddress Debit, AccountAddress Credit);

/// <summary>An account and a time by which a hold of it is due.</summary>
internal readonly record struct DueAccount(AccountAddress Account, LedgerTime Due);

/// <summary>The accounts of a hold that will be due, and when.</summary>
internal readonly record struct UpcomingHold(AccountAddress Debit, AccountAddress Credit, LedgerTime Due);

/// <summary>A hold in the index.</summary>
internal readonly record struct DueHold(TransferId Id, AccountAddress Credit, LedgerTime Due);

/// <summary>A note that an account is in doubt. The time, at the earliest that since when it has been so, tells it from other
/// notes of the account.</summary>
internal readonly record struct UnfinishedAccount(AccountAddress Account, LedgerTime Since);

/// <summary>A row as the index reads it.</summary>
/// <param name="Ordering">Its place in the whole journal.</param>
/// <param name="PersistenceId">Its stream.</param>
/// <param name="SequenceNr">Its number in that.</param>
/// <param name="Payload">The stored bytes.</param>
internal readonly record struct JournalPageRow(long Ordering, string PersistenceId, long SequenceNr, ReadOnlyMemory<byte> Payload);

/// <summary>Rows as the index reads them.</summary>
/// <param name="Rows">The rows, in the order of their places.</param>
/// <param name="HasMore">Whether it was full, so that there may be more between its last row and the end that was asked for.</param>
internal readonly record struct JournalPage(IReadOnlyList<JournalPageRow> Rows, bool HasMore);

/// <summary>The end of the journal.</summary>
/// <param name="Highest">The highest place that a committed row has. Rows below it may still be under way, but none of them
/// depends on a row above it.</param>
/// <param name="Settled">The place below which, inclusive, no more rows will come.</param>
internal readonly record struct JournalHead(long Highest, long Settled);

/// <summary>How far the index has got.</summary>
/// <param name="Checkpoint">All marked rows up to this place are folded in.</param>
/// <param name="Version">Changes with every fold, whoever does it.</param>
internal readonly record struct JournalPosition(long Checkpoint, long Version);

/// <summary>A hold that a fold has come across.</summary>
internal readonly record struct FoldedHold(
    TransferId Id, AccountAddress Debit, AccountAddress Credit, LedgerTime? Deadline, bool IsLive);

/// <summary>What a fold does to the index, in this order: a hold may be in all three lists, since one that is entered may be
/// there already, from an earlier reading of the same row.</summary>
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
                    // The later one counts: a transaction that was fixed may make the hold that a failed one was to make.
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

/// <summary>What the index needs of a database. Thread-safe.</summary>
internal interface IHoldIndexStore : IAsyncDisposable
{
    Task<JournalPosition> ReadPositionAsync(CancellationToken cancellationToken);

    /// <summary>Looks where the journal ends. Not called concurrently.</summary>
    Task<JournalHead> ReadHeadAsync(CancellationToken cancellationToken);

    /// <summary>Reads rows after one place and up to another, in order; those with one manifest, or with any that begins with
    /// it.</summary>
    Task<JournalPage> ReadRowsAsync(
        long after, long upTo, string manifest, bool isPrefix, PageSize size, CancellationToken cancellationToken);

    /// <summary>Whether a failure to read says that the time was up, so that less may do. Not asked about cancellations.</summary>
    bool IsTimeout(Exception exception);

    /// <summary>Applies changes and moves the checkpoint, in one transaction.</summary>
    /// <returns>False when somebody else has folded since the version was read; nothing is applied then.</returns>
    Task<bool> ApplyAsync(HoldIndexChanges changes, JournalPosition from, long checkpoint, CancellationToken cancellationToken);

    Task<HoldAccounts?> FindHoldAsync(TransferId hold, CancellationToken cancellationToken);

    Task<IReadOnlyList<DueAccount>> DueAsync(
        LedgerTime upTo, int limit, IReadOnlyCollection<AccountAddress> except, CancellationToken cancellationToken);

    Task<IReadOnlySet<AccountAddress>> StillDueAsync(
        IReadOnlyList<DueAccount> accounts, CancellationToken cancellationToken);

    Task<IReadOnlyList<UpcomingHold>> UpcomingAsync(
        LedgerTime after, LedgerTime upTo, int limit, CancellationToken cancellationToken);

    Task<LedgerTime?> NextDueAsync(CancellationToken cancellationToken);

    Task<IReadOnlyList<DueHold>> DueHoldsAsync(
        AccountAddress account, LedgerTime upTo, int limit, CancellationToken cancellationToken);

    Task EndAsync(IReadOnlyCollection<TransferId> holds, CancellationToken cancellationToken);

    Task CorrectAsync(DueHold hold, LedgerTime? deadline, CancellationToken cancellationToken);

    Task<UnfinishedAccount> AddUnfinishedAsync(UnfinishedAccount account, CancellationToken cancellationToken);

    Task RemoveUnfinishedAsync(UnfinishedAccount seen, CancellationToken cancellationToken);

    Task<IReadOnlyList<UnfinishedAccount>> ListUnfinishedAsync(
        AccountAddress after, int limit, CancellationToken cancellationToken);

    Task<long> ReadRecoveredAsync(CancellationToken cancellationToken);

    Task SaveRecoveredAsync(long ordering, CancellationToken cancellationToken);
}

/// <summary>The fold of the journal's marked rows.</summary>
/// <remarks>
/// <para>W1. The checkpoint never passes a place at which a row may still appear: it stays at the journal's settled end.</para>
/// <para>W2. What has been committed above it is folded in at once all the same, so that a hold is found as soon as it was
/// answered, however long somebody else's transaction stands open. It is read again later; so every change is one that may be
/// made twice.</para>
/// <para>W3. One fold sees a set of rows that holds, with each row, all that it depends on: it reads up to the highest place
/// there was at its beginning. A row below that which commits meanwhile can have no successor among those that are read.</para>
/// <para>W4. Changes and checkpoint are one transaction, and it fails when another node has folded since this fold began: what
/// has been read may be older than what is there.</para>
/// <para>W5. A row that can't be read, as one that a newer version wrote, stops no other account's work: the fold goes on, but
/// the checkpoint stays below that row, so that the next process reads it again. This one tries it again too, now and then: what
/// was damaged may have been fixed.</para>
/// <para>W6. What was read of one history of the database says nothing of another: places are given again after a
/// failover that lost rows, and what this process takes for folded in may be other rows there (R19 b).</para>
/// </remarks>
internal sealed class HoldIndex(
    IHoldIndexStore store, HoldFactDecoder decode, Action<JournalPageRow, Exception>? unreadable = null,
    Func<int>? generation = null, Action<long>? readAgain = null)
    : IHoldIndex
{
    /// <summary>How many rows of the journal one statement looks at: it must end before statements time out.</summary>
    internal const long WindowRows = 20_000;

    private const int PageRows = 1_000;
    private const int AttemptsMax = 20;
    private const int UnreadAtOnce = 64;

    // A checkpoint that moves over rows without facts is worth a transaction only now and then.
    private const long UnsavedRowsMax = 250_000;

    private static readonly TimeSpan s_unsavedMax = TimeSpan.FromSeconds(10);

    private readonly SingleFlight folding = new();
    private readonly PageReads pages = new(new PageSize(PageRows, LedgerSizes.PageMax), store.IsTimeout);

    // Places above the checkpoint that are folded in, with which they need not be read again.
    private readonly SortedSet<long> folded = [];

    // Places of rows that could not be read, and when they were last tried.
    private readonly SortedSet<long> unread = [];
    private long unreadAt;
    private long reached;
    private int readIn;
    private long savedAt = TimeProvider.System.GetTimestamp();

    /// <summary>How long rows that can't be read are left alone.</summary>
    internal TimeSpan UnreadPause { get; init; } = TimeSpan.FromSeconds(10);

    // Up to where all rows could be read.
    private long ReadableUpTo => unread.Count > 0 ? unread.Min - 1 : long.MaxValue;

    /// <summary>How many rows were read and folded, for tests.</summary>
    internal long FoldedRows { get; private set; }

    public Task CatchUpAsync(CancellationToken cancellationToken) => folding.RunAsync(
        async () =>
        {
            for (var attempt = 1; !await FoldAsync(cancellationToken); attempt++)
            {
                if (attempt == AttemptsMax)
                {
                    throw new TimeoutException("Other nodes fold the hold index all the time.");
                }
            }
        },
        cancellationToken);

    private async Task<bool> FoldAsync(CancellationToken cancellationToken)
    {
        var current = generation?.Invoke() ?? 0;
        if (current != readIn)
        {
            readIn = current;
            reached = 0;
            folded.Clear();
            unread.Clear();
        }

        var position = await store.ReadPositionAsync(cancellationToken);
        if (position.Checkpoint > reached)
        {
            // Another node is ahead.
            Reach(position.Checkpoint);
        }

        // The checkpoint passes a row only once somebody has read it.
        ReadAgain([.. unread.TakeWhile(place => place <= position.Checkpoint)]);
        if (unread.Count > 0 && TimeProvider.System.GetElapsedTime(unreadAt) >= UnreadPause)
        {
            unreadAt = TimeProvider.System.GetTimestamp();
            if (await FoldUnreadAsync(position, cancellationToken) is not { } next)
            {
                return false;
            }

            position = next;
        }

        var head = await store.ReadHeadAsync(cancellationToken);
        var from = reached;
        while (from < head.Highest)
        {
            var (rows, to) = await ReadPageAsync(
                from, head.Highest, HoldFactReader.MarkedManifest, isPrefix: false, cancellationToken);
            var fresh = new List<long>();
            var facts = new List<HoldFact>();
            foreach (var row in rows)
            {
                if (!folded.Contains(row.Ordering))
                {
                    AddFacts(row, facts);
                    fresh.Add(row.Ordering);
                }
            }

            var checkpoint = Math.Max(reached, Math.Min(to, head.Settled));
            var changes = HoldIndexChanges.Of(facts);
            var saved = Math.Max(position.Checkpoint, Math.Min(checkpoint, ReadableUpTo));
            if (!changes.IsEmpty || ShouldSave(position, saved))
            {
                if ((generation?.Invoke() ?? 0) != readIn
                    || !await store.ApplyAsync(changes, position, saved, cancellationToken))
                {
                    return false;
                }

                position = new JournalPosition(saved, checked(position.Version + 1));
                savedAt = TimeProvider.System.GetTimestamp();
            }

            FoldedRows += fresh.Count;
            folded.UnionWith(fresh);
            Reach(checkpoint);
            from = to;
        }

        return true;
    }

    private void AddFacts(in JournalPageRow row, List<HoldFact> facts)
    {
        try
        {
            facts.AddRange(decode(row.Payload, row.PersistenceId, row.SequenceNr));
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            if (unread.Count == 0)
            {
                unreadAt = TimeProvider.System.GetTimestamp();
            }

            if (unread.Add(row.Ordering))
            {
                unreadable?.Invoke(row, e);
            }
        }
    }

    // Rows that could not be read, and can be now: those that come after them have been folded in, which is as if they had
    // been committed later (W2). Null where another node has folded meanwhile.
    private async Task<JournalPosition?> FoldUnreadAsync(JournalPosition position, CancellationToken cancellationToken)
    {
        var mended = new List<long>();
        var facts = new List<HoldFact>();
        foreach (var place in unread.Take(UnreadAtOnce).ToArray())
        {
            var (rows, _) = await ReadPageAsync(
                place - 1, place, HoldFactReader.MarkedManifest, isPrefix: false, cancellationToken);
            foreach (var row in rows)
            {
                try
                {
                    facts.AddRange([.. decode(row.Payload, row.PersistenceId, row.SequenceNr)]);
                    mended.Add(place);
                }
                catch (Exception e) when (e is not OutOfMemoryException)
                {
                    // Said when it was met for the first time.
                }
            }
        }

        var changes = HoldIndexChanges.Of(facts);
        if (!changes.IsEmpty)
        {
            if ((generation?.Invoke() ?? 0) != readIn
                || !await store.ApplyAsync(changes, position, position.Checkpoint, cancellationToken))
            {
                // Tried again at once.
                unreadAt -= (long)(UnreadPause.TotalSeconds * TimeProvider.System.TimestampFrequency);
                return null;
            }

            position = new JournalPosition(position.Checkpoint, checked(position.Version + 1));
        }

        ReadAgain(mended);
        return position;
    }

    private void ReadAgain(IReadOnlyList<long> places)
    {
        foreach (var place in places)
        {
            unread.Remove(place);
            readAgain?.Invoke(place);
        }
    }

    private bool ShouldSave(JournalPosition position, long checkpoint) =>
        checkpoint - position.Checkpoint > UnsavedRowsMax
        || (checkpoint > position.Checkpoint && TimeProvider.System.GetElapsedTime(savedAt) > s_unsavedMax);

    private void Reach(long checkpoint)
    {
        reached = checkpoint;
        folded.RemoveWhere(ordering => ordering <= checkpoint);
    }

    public Task<HoldAccounts?> FindHoldAsync(TransferId hold, CancellationToken cancellationToken) =>
        store.FindHoldAsync(hold, cancellationToken);

    public Task<IReadOnlyList<DueAccount>> DueAsync(
        LedgerTime upTo, int limit, IReadOnlyCollection<AccountAddress> except, CancellationToken cancellationToken) =>
        store.DueAsync(upTo, limit, except, cancellationToken);

    public Task<IReadOnlySet<AccountAddress>> StillDueAsync(
        IReadOnlyList<DueAccount> accounts, CancellationToken cancellationToken) =>
        store.StillDueAsync(accounts, cancellationToken);

    public Task<IReadOnlyList<UpcomingHold>> UpcomingAsync(
        LedgerTime after, LedgerTime upTo, int limit, CancellationToken cancellationToken) =>
        store.UpcomingAsync(after, upTo, limit, cancellationToken);

    public Task<LedgerTime?> NextDueAsync(CancellationToken cancellationToken) => store.NextDueAsync(cancellationToken);

    public Task<IReadOnlyList<DueHold>> DueHoldsAsync(
        AccountAddress account, LedgerTime upTo, int limit, CancellationToken cancellationToken) =>
        store.DueHoldsAsync(account, upTo, limit, cancellationToken);

    public Task EndedAsync(IReadOnlyCollection<TransferId> holds, CancellationToken cancellationToken) =>
        store.EndAsync(holds, cancellationToken);

    public Task CorrectAsync(DueHold hold, LedgerTime? deadline, CancellationToken cancellationToken) =>
        store.CorrectAsync(hold, deadline, cancellationToken);

    public Task<UnfinishedAccount> AddUnfinishedAsync(
        AccountAddress account, LedgerTime since, CancellationToken cancellationToken) =>
        store.AddUnfinishedAsync(new UnfinishedAccount(account, since), cancellationToken);

    public Task RemoveUnfinishedAsync(UnfinishedAccount seen, CancellationToken cancellationToken) =>
        store.RemoveUnfinishedAsync(seen, cancellationToken);

    public Task<IReadOnlyList<UnfinishedAccount>> ListUnfinishedAsync(
        AccountAddress after, int limit, CancellationToken cancellationToken) =>
        store.ListUnfinishedAsync(after, limit, cancellationToken);

    public async IAsyncEnumerable<JournalPageRow> ReadSinceAsync(
        long ordering, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var head = await HeadAsync(cancellationToken);
        var from = ordering;
        while (from < head.Highest)
        {
            var (rows, to) = await ReadPageAsync(
                from, head.Highest, LedgerSerializer.RowManifest, isPrefix: true, cancellationToken);
            foreach (var row in rows)
            {
                yield return row;
            }

            from = to;
        }
    }

    // Rows, and the place up to which these are all that there are.
    private Task<(IReadOnlyList<JournalPageRow> Rows, long To)> ReadPageAsync(
        long from, long highest, string manifest, bool isPrefix, CancellationToken cancellationToken) => pages.ReadAsync(
        manifest,
        PageRows,
        async (size, token) =>
        {
            // A statement that took too long may have had too many rows to look at as well as too long ones to bring.
            var to = Math.Min(highest, from + Math.Max(1, WindowRows * size.Rows / PageRows));
            var page = await store.ReadRowsAsync(from, to, manifest, isPrefix, size, token);
            return (page.Rows, page.HasMore ? page.Rows[^1].Ordering : to);
        },
        cancellationToken);

    public async Task<long> SettledAsync(CancellationToken cancellationToken) =>
        (await HeadAsync(cancellationToken)).Settled;

    public Task<long> RecoveredUpToAsync(CancellationToken cancellationToken) => store.ReadRecoveredAsync(cancellationToken);

    public Task SaveRecoveredUpToAsync(long ordering, CancellationToken cancellationToken) =>
        store.SaveRecoveredAsync(ordering, cancellationToken);

    public ValueTask DisposeAsync() => store.DisposeAsync();

    private Task<JournalHead> HeadAsync(CancellationToken cancellationToken) =>
        folding.RunExclusiveAsync(() => store.ReadHeadAsync(cancellationToken), cancellationToken);
}
