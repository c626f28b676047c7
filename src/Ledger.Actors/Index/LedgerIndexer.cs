using System.Data.Common;
using Akka.Event;
using Ledger.Actors.Accounts;
using Ledger.Actors.Journal;
using Ledger.Actors.Storage;
using Ledger.Core;

namespace Ledger.Actors.Index;

/// <summary>Keeps the index of transfers and accounts: folds the journal into it up to its settled end, page by
/// page.</summary>
/// <remarks>
/// <para>X1. A row is folded once, in the order of places, and only below the journal's settled end. So what the index
/// is follows from its checkpoint alone, however often it was begun anew.</para>
/// <para>X2. Rows, checkpoint and version are one transaction, which fails when the version is another than that which
/// was read. So two that fold at once do no harm; the claim only keeps them from doing the same work twice.</para>
/// <para>X3. A row that can't be read stops the index: what it decides would be missing without anybody's knowing. It
/// is tried again, health says so, and searches are refused once the index lags too far.</para>
/// <para>One node of all folds: the one that has said so last, and within <see cref="Patience"/>.</para>
/// </remarks>
internal sealed class LedgerIndexer(
    IIndexStore store, JournalReader journal, IAccountStreams streams, TimeProvider clock, ILoggingAdapter log)
{
    /// <summary>For how long a node that folds may say nothing before another one does.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    // So that each transaction of the database ends within its statements' time, however many transfers rows have.
    private const int LegsMax = 4_000;

    private const int AssetsMax = 100_000;
    private const int StreamRows = 64;

    private static readonly TimeSpan s_claimEvery = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_idle = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan s_failureBackoffMax = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan s_logEvery = TimeSpan.FromSeconds(30);

    private readonly Guid process = Guid.CreateVersion7();
    private Dictionary<AccountAddress, Asset> assets = [];
    private volatile IndexStatus status = new(false, TimeSpan.Zero, null, default);
    private int legsMax = LegsMax;
    private long loggedAt;

    /// <summary>How it stands.</summary>
    public IndexStatus Status => status;

    /// <summary>How old what is missing in the index is now.</summary>
    public TimeSpan Lag => status.BehindSince is { } since ? Since(since) : TimeSpan.Zero;

    /// <summary>Tests: called before each page is applied, to throw.</summary>
    internal Action? Applying { get; init; }

    /// <summary>Folds for as long as it may and others do not.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        var failures = 0;
        try
        {
            while (!cancellationToken.IsCancellationRequested)
            {
                var pause = s_claimEvery;
                try
                {
                    var isMine = await store.ClaimAsync(process, Patience, cancellationToken);
                    if (isMine)
                    {
                        await FoldForAsync(s_claimEvery, cancellationToken);
                        pause = TimeSpan.Zero;
                    }

                    await ReportAsync(isMine, null, cancellationToken);
                    failures = 0;
                }
                catch (Exception e) when (e is not OutOfMemoryException && !cancellationToken.IsCancellationRequested)
                {
                    Log(e);
                    status = status with { Failure = e.Message, Lag = Lag };
                    pause = TimeSpan.FromMilliseconds(
                        Math.Min(s_failureBackoffMax.TotalMilliseconds, 100 * Math.Pow(2, failures++)));
                }

                await Task.Delay(pause, cancellationToken);
            }
        }
        catch (OperationCanceledException)
        {
            // The node stops.
        }
        finally
        {
            await ReleaseAsync();
        }
    }

    /// <summary>Folds in all that is settled now.</summary>
    /// <returns>How many rows of the journal that were.</returns>
    public async Task<long> FoldAsync(CancellationToken cancellationToken)
    {
        long folded = 0;
        while (await FoldPageAsync(cancellationToken) is { } rows)
        {
            folded += rows;
        }

        return folded;
    }

    private async Task FoldForAsync(TimeSpan time, CancellationToken cancellationToken)
    {
        var began = TimeProvider.System.GetTimestamp();
        do
        {
            if (await FoldPageAsync(cancellationToken) is null)
            {
                await ReportAsync(true, null, cancellationToken);
                await Task.Delay(s_idle, cancellationToken);
            }
        }
        while (TimeProvider.System.GetElapsedTime(began) < time);
    }

    // Null when there was nothing to fold.
    private async Task<int?> FoldPageAsync(CancellationToken cancellationToken)
    {
        var generation = journal.Generation;
        var from = await store.ReadStateAsync(cancellationToken);
        var head = await journal.HeadAsync(cancellationToken);
        if (from.Checkpoint >= head.Settled)
        {
            return null;
        }

        var (read, upTo) = await journal.ReadPageAsync(
            from.Checkpoint, head.Settled, LedgerSerializer.RowManifest, isPrefix: true, cancellationToken);
        var rows = new List<IndexRow>(read.Count);
        var legs = 0;
        foreach (var row in read)
        {
            if (legs >= legsMax)
            {
                upTo = row.Ordering - 1;
                break;
            }

            rows.Add(Decode(row));
            legs += LegsOf(rows[^1].Batch);
        }

        var page = new IndexPage(rows);
        var changes = await TryChangesOfAsync(page, from, cancellationToken);
        if (changes is null)
        {
            return rows.Count;
        }

        var to = new IndexState(
            upTo, checked(from.Version + 1), page.AsOf > from.AsOf ? page.AsOf : from.AsOf,
            rows.Count == 0 ? from.Last : new RowPosition(rows[^1].Account, rows[^1].Batch.SequenceNr));
        Applying?.Invoke();
        try
        {
            if (journal.Generation != generation || !await store.ApplyAsync(changes, from, to, cancellationToken))
            {
                // Somebody else folds, or has emptied it: what there is now is read anew.
                assets = [];
            }

            legsMax = Math.Min(LegsMax, legsMax * 2);
        }
        catch (DbException)
        {
            // It may have taken too long, and less may do.
            legsMax = Math.Max(1, legsMax / 4);
            throw;
        }

        return rows.Count;
    }

    private static int LegsOf(EventBatch batch)
    {
        var legs = 0;
        foreach (var happened in batch.Events)
        {
            legs += happened switch
            {
                LastAgentCommitted { Branch.LegCount: var count } => count,
                TransactionRejected { Branch.LegCount: var count } => count,
                _ => 1,
            };
        }

        return legs;
    }

    private static IndexRow Decode(in JournalPageRow row)
    {
        var account = AccountAddress.Parse(row.PersistenceId[AccountActor.PersistenceIdPrefix.Length..]);
        return new IndexRow(row.Ordering, account, JournalCodec.Decode(row.Payload, account, row.SequenceNr, out _));
    }

    // Null where somebody else has folded meanwhile: what was looked up may be newer than the rows, and makes no sense
    // with them.
    private async Task<IndexChanges?> TryChangesOfAsync(
        IndexPage page, IndexState from, CancellationToken cancellationToken)
    {
        try
        {
            return await ChangesOfAsync(page, cancellationToken);
        }
        catch (Exception e) when (e is JournalCorruptException or OverflowException)
        {
            var now = await store.ReadStateAsync(cancellationToken);
            if (now.Version == from.Version)
            {
                throw;
            }

            assets = [];
            return null;
        }
    }

    private async Task<IndexChanges> ChangesOfAsync(IndexPage page, CancellationToken cancellationToken)
    {
        var prepared = page.MissingPrepared.Count == 0
            ? new Dictionary<PreparedKey, TransactionBranch>()
            : await store.FindPreparedAsync(page.MissingPrepared, cancellationToken);
        var aborted = new Dictionary<PreparedKey, TransactionBranch>();
        foreach (var one in page.MissingAborted)
        {
            if (!prepared.ContainsKey(one.Attempt) && await PreparedBeforeAsync(one, cancellationToken) is { } branch)
            {
                aborted[one.Attempt] = branch;
            }
        }

        var needs = page.Needs(prepared, aborted);
        if (assets.Count > AssetsMax)
        {
            assets = [];
        }

        var known = new IndexKnown { Assets = assets };
        if (needs.Holds.Count > 0)
        {
            foreach (var hold in await store.FindHoldsAsync(needs.Holds, cancellationToken))
            {
                known.Holds[(hold.Transfer.Id, hold.Transfer.DebitAccount)] = hold;
            }
        }

        var accounts = needs.Accounts.Union(needs.Assets.Where(one => !assets.ContainsKey(one))).ToList();
        if (accounts.Count > 0)
        {
            foreach (var account in await store.FindAccountsAsync(accounts, cancellationToken))
            {
                known.Accounts[account.Spec.Address] = account;
                assets[account.Spec.Address] = account.Spec.Asset;
            }
        }

        return page.Fold(known);
    }

    // An abort does not say in which row its content is: mostly in the one before, and never far, since only what was
    // decided meanwhile lies between.
    private async Task<TransactionBranch?> PreparedBeforeAsync(AbortedKey aborted, CancellationToken cancellationToken)
    {
        var (attempt, below) = aborted;
        var id = AccountActor.PersistenceIdOf(attempt.Coordinator);
        while (below > 1)
        {
            var rows = await streams.ReadAsync(id, 1, below - 1, StreamRows, descending: true, cancellationToken);
            if (rows.Count == 0)
            {
                return null;
            }

            foreach (var row in rows)
            {
                foreach (var happened in AccountStreamReader.Decode(row, attempt.Coordinator, out _).Events)
                {
                    if (happened is TransactionPrepared { Branch: var branch } && branch.Key == attempt.Key)
                    {
                        return branch;
                    }
                }
            }

            below = rows[^1].SequenceNr;
        }

        return null;
    }

    private async Task ReportAsync(bool isFolding, string? failure, CancellationToken cancellationToken)
    {
        var state = await store.ReadStateAsync(cancellationToken);
        var since = await journal.TimeAfterAsync(state.Checkpoint, cancellationToken) is { } micros
            ? new LedgerTime(micros)
            : default(LedgerTime?);
        status = new IndexStatus(isFolding, since is { } behind ? Since(behind) : TimeSpan.Zero, failure, state)
        {
            BehindSince = since,
        };
    }

    private TimeSpan Since(LedgerTime then)
    {
        var micros = LedgerTime.From(clock.GetUtcNow()).UnixMicroseconds - then.UnixMicroseconds;
        return micros > 0 ? TimeSpan.FromMicroseconds(micros) : TimeSpan.Zero;
    }

    private void Log(Exception failure)
    {
        if (loggedAt == 0 || TimeProvider.System.GetElapsedTime(loggedAt) > s_logEvery)
        {
            loggedAt = TimeProvider.System.GetTimestamp();
            log.Error(failure, "The index of transfers and accounts can't be kept now; it is tried again");
        }
    }

    private async Task ReleaseAsync()
    {
        try
        {
            using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(1));
            await store.ReleaseAsync(process, patience.Token);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            log.Debug("The index is not given back: {0}. Another node takes it after {1}.", e.Message, Patience);
        }
    }
}
