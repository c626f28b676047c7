using System.Globalization;
using Ledger.Actors.Journal;

namespace Ledger.Actors.Storage;

/// <summary>The fold of the journal's marked rows.</summary>
/// <remarks>
/// <para>W1. The checkpoint never passes a place at which a row may still appear: it stays at the journal's settled
/// end.</para>
/// <para>W2. What has been committed above it is folded in at once all the same, so that a hold is found as soon as it
/// was answered, however long somebody else's transaction stands open. It is read again later; so every change is one
/// that may be made twice.</para>
/// <para>W3. One fold sees a set of rows that holds, with each row, all that it depends on: it reads up to the highest
/// place there was at its beginning. A row below that which commits meanwhile can have no successor among those that
/// are read.</para>
/// <para>W4. Changes and checkpoint are one transaction, and it fails when another node has folded since this fold
/// began: what has been read may be older than what is there.</para>
/// <para>W5. A row that can't be read, as one that a newer version wrote, stops no other account's work: the fold goes
/// on, but the checkpoint stays below that row, so that the next process reads it again. This one tries it again too,
/// now and then: what was damaged may have been fixed.</para>
/// <para>W6. What was read of one history of the database says nothing of another: places are given again after a
/// failover that lost rows, and what this process takes for folded in may be other rows there (R19 b).</para>
/// </remarks>
internal sealed class HoldIndex(
    IHoldIndexStore store, JournalReader journal, HoldFactDecoder decode,
    Action<JournalPageRow, Exception>? unreadable = null, Action<long>? readAgain = null)
    : IHoldIndex
{
    private const int LossesMin = 20;

    // Milliseconds. The other node has the database to itself meanwhile, and is done sooner.
    private const int PauseMax = 20;
    private const int UnreadAtOnce = 64;

    // A checkpoint that moves over rows without facts is worth a transaction only now and then.
    private const long UnsavedRowsMax = 250_000;

    // Each fold that is lost is one that another node has won, so the index as a whole goes on; how often one node
    // loses in a row is chance, and no measure of anything being wrong.
    private static readonly TimeSpan s_losingMax = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan s_unsavedMax = TimeSpan.FromSeconds(10);

    private readonly SingleFlight folding = new();

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
            var began = TimeProvider.System.GetTimestamp();
            for (var losses = 1; !await FoldAsync(cancellationToken); losses++)
            {
                if (losses >= LossesMin && TimeProvider.System.GetElapsedTime(began) >= s_losingMax)
                {
                    throw new TimeoutException(string.Create(
                        CultureInfo.InvariantCulture,
                        $"This node lost {losses} folds of the hold index in {s_losingMax.TotalSeconds} seconds to "
                        + $"other nodes. The next look tries again. If this lasts, the node's way to the database is "
                        + $"slower than that of the others."));
                }

                await Task.Delay(Math.Min(losses, PauseMax), cancellationToken);
            }
        },
        cancellationToken);

    private async Task<bool> FoldAsync(CancellationToken cancellationToken)
    {
        var current = journal.Generation;
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

        var head = await journal.HeadAsync(cancellationToken);
        var from = reached;
        while (from < head.Highest)
        {
            var (rows, to) = await journal.ReadPageAsync(
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
                if (journal.Generation != readIn
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

    // Rows that could not be read, and can be now: those that come after them have been folded in, which is as if they
    // had been committed later (W2). Null where another node has folded meanwhile.
    private async Task<JournalPosition?> FoldUnreadAsync(JournalPosition position, CancellationToken cancellationToken)
    {
        var mended = new List<long>();
        var facts = new List<HoldFact>();
        foreach (var place in unread.Take(UnreadAtOnce).ToArray())
        {
            var (rows, _) = await journal.ReadPageAsync(
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
            if (journal.Generation != readIn
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

    public IAsyncEnumerable<JournalPageRow> ReadSinceAsync(long ordering, CancellationToken cancellationToken) =>
        journal.ReadSinceAsync(ordering, cancellationToken);

    public async Task<long> SettledAsync(CancellationToken cancellationToken) =>
        (await journal.HeadAsync(cancellationToken)).Settled;

    public Task<long> RecoveredUpToAsync(CancellationToken cancellationToken) =>
        store.ReadRecoveredAsync(cancellationToken);

    public Task SaveRecoveredUpToAsync(long ordering, CancellationToken cancellationToken) =>
        store.SaveRecoveredAsync(ordering, cancellationToken);

    public ValueTask DisposeAsync() => store.DisposeAsync();
}
