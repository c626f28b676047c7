using System.Collections.Concurrent;
using System.Diagnostics;
using Akka.Event;
using Ledger.Actors.Storage;
using Ledger.Core;

namespace Ledger.Actors.Accounts;

/// <summary>Makes accounts' entries in the index of ids again, where the index is older than the journal: as after it
/// was put back from another copy than the journal's, or with a journal that was written before there was one. Reads
/// all rows of the account.</summary>
/// <remarks>One at a time for each account, whoever asks for it, and few at once; goes on when nobody waits for it any
/// more, since without it the next look-up would begin again. Thread-safe.</remarks>
/// <param name="index">Where the entries are.</param>
/// <param name="read">Reads rows of an account: from, to, at most.</param>
/// <param name="log">Is told.</param>
internal sealed class IdIndexRepairs(
    IIndexedStreams index,
    Func<AccountAddress, long, long, int, CancellationToken, Task<IReadOnlyList<EventBatch>>> read,
    ILoggingAdapter? log)
{
    private const int PageRows = 256;
    private const int AtOnceMax = 2;

    // How long it is told that there was one: whoever put an older copy back should know.
    private static readonly TimeSpan s_memory = TimeSpan.FromMinutes(10);

    private readonly ConcurrentDictionary<AccountAddress, Lazy<Task>> running = new();
    private readonly SemaphoreSlim places = new(AtOnceMax);
    private long accounts;
    private long lastAt;
    private volatile Exception? failure;

    /// <summary>What is wrong, or was until a few minutes ago; null for nothing.</summary>
    public string? Problem
    {
        get
        {
            var count = Interlocked.Read(ref accounts);
            return count == 0 || (running.IsEmpty && Stopwatch.GetElapsedTime(Interlocked.Read(ref lastAt)) > s_memory)
                ? null
                : $"The index of ids lacked entries of {count} accounts, as one that is older than the journal does. "
                    + $"It is made again from their rows; {running.Count} are under way."
                    + (failure is { } cause ? $" The last that failed: {cause.Message.Split('\n')[0].Trim()}" : "");
        }
    }

    /// <summary>Makes the entries of an account again, or waits for who is doing it.</summary>
    /// <param name="account">The account.</param>
    /// <param name="upTo">Its last row.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    public async Task RepairAsync(AccountAddress account, long upTo, CancellationToken cancellationToken)
    {
        var own = new Lazy<Task>(() => Task.Run(() => RunAsync(account, upTo)));
        var one = running.GetOrAdd(account, own);
        if (one == own)
        {
            _ = own.Value.ContinueWith(
                _ => running.TryRemove(new KeyValuePair<AccountAddress, Lazy<Task>>(account, own)),
                CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        }

        await one.Value.WaitAsync(cancellationToken);
    }

    private async Task RunAsync(AccountAddress account, long upTo)
    {
        Interlocked.Increment(ref accounts);
        Interlocked.Exchange(ref lastAt, Stopwatch.GetTimestamp());
        log?.Warning(
            "The index of ids lacks entries of {0}: it is older than the journal. All its {1} rows are read to make it "
            + "again; look-ups of old ids wait until then.", account, upTo);
        await places.WaitAsync();
        try
        {
            var stream = AccountActor.PersistenceIdOf(account);
            var fold = new IdIndex(account);
            for (long from = 1; from <= upTo;)
            {
                var rows = await read(account, from, upTo, PageRows, CancellationToken.None);
                if (rows.Count == 0)
                {
                    throw new Journal.JournalCorruptException($"Row {from} of {account} is missing.");
                }

                List<IndexedId> entries = [];
                foreach (var row in rows)
                {
                    entries.AddRange(fold.Add(row).Select(id => new IndexedId(id, row.SequenceNr)));
                }

                if (entries.Count > 0)
                {
                    await index.AddIdsAsync(stream, entries, CancellationToken.None);
                }

                from = rows[^1].SequenceNr + 1;
            }

            await index.CompleteIdsAsync(stream, upTo, CancellationToken.None);
            log?.Info("The index of ids holds all entries of {0} again", account);
            failure = null;
        }
        catch (Exception e)
        {
            failure = e;
            log?.Error(
                e, "The index of ids could not be made again for {0}; the next look-up of an old id tries again",
                account);
            throw;
        }
        finally
        {
            Interlocked.Exchange(ref lastAt, Stopwatch.GetTimestamp());
            places.Release();
        }
    }
}
