using System.Data.Common;
using System.Net;
using Akka.Event;
using Ledger.Actors.Storage;

namespace Ledger.Actors;

/// <summary>The list of blocks of a process: read from its table twice a second, and looked up in memory.</summary>
/// <remarks>While the table can't be read, what was in force stays so until its time is over: an attacker who stops the
/// database unblocks nobody.</remarks>
internal sealed class CallerBlocks : ICallerBlocks, IAsyncDisposable
{
    /// <summary>How many blocks of operators there may be, and as many that the ledger has made itself.</summary>
    public const int BlocksMax = 2_000;

    private static readonly TimeSpan s_lookEvery = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan s_readTimeout = TimeSpan.FromSeconds(3);

    private readonly IBlockStore? store;
    private readonly TimeProvider clock;
    private readonly ILoggingAdapter log;
    private readonly CancellationTokenSource ending = new();
    private readonly SemaphoreSlim gate = new(1);
    private readonly Lock listening = new();
    private readonly List<Action> listeners = [];
    private readonly Task looking;
    private readonly TaskCompletionSource begun = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile BlockTable table = new([]);
    private volatile string? failure;

    /// <summary>Begins to read.</summary>
    /// <param name="store">The table; null where the storage has none, so that nobody is blocked.</param>
    /// <param name="clock">By which blocks end.</param>
    /// <param name="log">Where it is told that the table can't be read.</param>
    public CallerBlocks(IBlockStore? store, TimeProvider clock, ILoggingAdapter log)
    {
        this.store = store;
        this.clock = clock;
        this.log = log;
        if (store is null)
        {
            begun.SetResult();
            looking = Task.CompletedTask;
        }
        else
        {
            looking = Task.Run(LookAsync);
        }
    }

    /// <summary>Waits until the list has been read once: who does not know it would serve whoever is blocked.</summary>
    /// <param name="patience">How long to wait.</param>
    /// <exception cref="InvalidOperationException">It could not be read in that time.</exception>
    public async Task ReadOnceAsync(TimeSpan patience)
    {
        try
        {
            await begun.Task.WaitAsync(patience, clock);
        }
        catch (TimeoutException e)
        {
            throw new InvalidOperationException(
                $"The list of blocked callers could not be read for {patience.TotalSeconds} s, and without it the "
                + $"node would serve whoever is blocked: {failure ?? "the database does not answer"}. See that the "
                + "database can be reached and that its tables are there, and start the node again.", e);
        }
    }

    public IReadOnlyList<CallerBlock> InForce
    {
        get
        {
            var now = clock.GetUtcNow();
            return [.. table.All.Where(one => one.ExpireTime > now)];
        }
    }

    public IDisposable OnChange(Action changed)
    {
        lock (listening)
        {
            listeners.Add(changed);
        }

        return new Listening(this, changed);
    }

    public CallerBlock? Find(string? principal, string? keyId, IPAddress? address)
    {
        var now = table;
        return now.All.Count == 0 ? null : now.Find(principal, keyId, address, clock.GetUtcNow());
    }

    public async Task<CallerBlock> BlockAsync(CallerBlock block, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(block);
        var now = clock.GetUtcNow();
        block = block with { Subject = Checked(block.Kind, block.Subject), CreateTime = now };
        Check(block.ExpireTime <= now || block.ExpireTime - now > CallerBlock.LengthMax,
            $"A block ends later than now, and at most {CallerBlock.LengthMax.TotalDays} days later.", "duration");
        Check(block.Reason.Length is 0 or > CallerBlock.ReasonLengthMax || block.Reason.Any(char.IsControl),
            $"The reason has 1 to {CallerBlock.ReasonLengthMax} characters, and no control characters.", "reason");
        Check(
            block.Principal.Length == 0 || Principals.CheckText(block.Principal) is not null,
            "Who blocks is missing, or no name.",
            "principal");
        if (!await TryAsync(token => Store.PutAsync(block, now, BlocksMax, token), cancellationToken))
        {
            throw new LedgerException(
                LedgerErrorReason.Overloaded,
                $"There are {BlocksMax} blocks, which is as many as there may be. End some.");
        }

        await ListAsync(cancellationToken);
        return block;
    }

    public async Task<bool> UnblockAsync(
        CallerBlockKind kind, string subject, CancellationToken cancellationToken = default)
    {
        subject = Checked(kind, subject);
        var wasBlocked = await TryAsync(token => Store.RemoveAsync(kind, subject, token), cancellationToken);
        await ListAsync(cancellationToken);
        return wasBlocked;
    }

    public Task<IReadOnlyList<CallerBlock>> ListAsync(CancellationToken cancellationToken = default) =>
        store is null ? Task.FromResult(table.All) : TryAsync(ReadAsync, cancellationToken);

    public async ValueTask DisposeAsync()
    {
        await ending.CancelAsync();
        await looking.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        begun.TrySetCanceled();
        if (store is not null)
        {
            await store.DisposeAsync();
        }
    }

    private IBlockStore Store => store
        ?? throw new LedgerException(LedgerErrorReason.NotFound, "The ledger's storage keeps no list of blocks.");

    private static string Checked(CallerBlockKind kind, string subject) => CallerBlock.Canonical(kind, subject)
        ?? throw new LedgerException(
            LedgerErrorReason.InvalidArgument,
            kind switch
            {
                CallerBlockKind.Principal => "The subject is no name of a principal.",
                CallerBlockKind.Key => "The subject is no id of a key, which has 1 to 32 ASCII letters and digits.",
                CallerBlockKind.Address =>
                    "The subject is no address as 10.0.0.7 or 2001:db8::7, nor a network as 10.1.0.0/16.",
                _ => "The kind is missing: a principal, a key or an address.",
            },
            kind is CallerBlockKind.Principal or CallerBlockKind.Key or CallerBlockKind.Address ? "subject" : "kind");

    private static void Check(bool isWrong, string message, string field)
    {
        if (isWrong)
        {
            throw new LedgerException(LedgerErrorReason.InvalidArgument, message, field);
        }
    }

    private static bool IsOfStore(Exception e) => e is DbException or IOException or TimeoutException;

    private static async Task<T> TryAsync<T>(
        Func<CancellationToken, Task<T>> action, CancellationToken cancellationToken)
    {
        try
        {
            return await action(cancellationToken);
        }
        catch (Exception e) when (IsOfStore(e))
        {
            throw new LedgerException(
                LedgerErrorReason.JournalUnavailable,
                "The list of blocks can't be read or written now. The same again, later.");
        }
    }

    private async Task LookAsync()
    {
        using var timer = new PeriodicTimer(s_lookEvery, clock);
        do
        {
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(ending.Token);
            limit.CancelAfter(s_readTimeout);
            try
            {
                await ReadAsync(limit.Token);
                begun.TrySetResult();
                if (failure is not null)
                {
                    failure = null;
                    log.Info("The list of blocked callers can be read again");
                }
            }
            catch (Exception e) when (!ending.IsCancellationRequested && e is not OutOfMemoryException)
            {
                // Whatever it is: where nobody looked any more, a block would never come into force.
                var isNew = failure is null;
                failure = e.Message;
                if (isNew)
                {
                    log.Warning(
                        "The list of blocked callers can't be read, and what was in force stays so: {0}", e.Message);
                }
            }
        }
        while (await timer.WaitForNextTickAsync(ending.Token));
    }

    // One at a time, so that an older reading never comes after a newer one.
    private async Task<IReadOnlyList<CallerBlock>> ReadAsync(CancellationToken cancellationToken)
    {
        await gate.WaitAsync(cancellationToken);
        try
        {
            var found = await Store.ReadAsync(clock.GetUtcNow(), cancellationToken);
            var isSame = found.SequenceEqual(table.All);
            if (!isSame)
            {
                table = new BlockTable(found);
            }

            // Also where nothing has changed: a stream that could not be ended before is ended now.
            if (!isSame || found.Count > 0)
            {
                Tell();
            }

            return found;
        }
        finally
        {
            gate.Release();
        }
    }

    private void Tell()
    {
        Action[] all;
        lock (listening)
        {
            all = [.. listeners];
        }

        Array.ForEach(all, static one => one());
    }

    private sealed class Listening(CallerBlocks blocks, Action changed) : IDisposable
    {
        public void Dispose()
        {
            lock (blocks.listening)
            {
                blocks.listeners.Remove(changed);
            }
        }
    }
}
