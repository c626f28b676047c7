using System.Diagnostics;

namespace Ledger.Actors.Storage;

/// <summary>The writes that one writer stores together, and the order of which goes first where they rest on each other
/// (R8'). Of one writer; not thread-safe but for what followers tell it.</summary>
internal sealed class WriteGroup
{
    /// <summary>From how many writes on a group is worth a transaction of its own, and waits for nobody.</summary>
    public const int WorthATransaction = 32;

    // Of all writers of the process. A journal that is started again may meet rows that one before it has, and must not
    // take their group for one of its own.
    private static long s_numbers;

    private readonly TimeSpan _followersWaitMax;
    private readonly Action _tell;
    private TaskCompletionSource _told = NewSource();

    /// <summary>Makes a group without writes.</summary>
    /// <param name="followersWaitMax">How long it waits for followers: one may be long in coming, because its account
    /// has much to do, or the machine. The system's timers make two milliseconds of one.</param>
    public WriteGroup(TimeSpan followersWaitMax)
    {
        _followersWaitMax = followersWaitMax;
        _tell = () => Volatile.Read(ref _told).TrySetResult();
    }

    /// <summary>The writes, in the order in which they came.</summary>
    public List<JournalWrite> Writes { get; } = [];

    /// <summary>The number of the group. Each part that is sent by itself has another, see
    /// <see cref="NewNumber"/>.</summary>
    public long Number { get; private set; }

    /// <summary>A number that no other transaction of the database has, as far as this process knows.</summary>
    public static long NewNumber() => Interlocked.Increment(ref s_numbers);

    /// <summary>Begins a new group.</summary>
    public void Begin()
    {
        Writes.Clear();
        Number = NewNumber();
    }

    /// <summary>Takes a write.</summary>
    public void Add(JournalWrite write)
    {
        write.Group = Number;
        Writes.Add(write);
    }

    /// <summary>Waits until the requests have led to rows, or to none, that have left ahead of rows of the group: so
    /// that these rows share its transaction (G10).</summary>
    /// <remarks>It waits for those of the rows that are in the group now, which takes the accounts that are asked one
    /// turn, and not for those of rows that come meanwhile: under load there is no end of these.</remarks>
    public async ValueTask WhenFollowersCameAsync()
    {
        if (Writes.Count >= WorthATransaction || !Listen())
        {
            return;
        }

        var started = Stopwatch.GetTimestamp();
        while (true)
        {
            var told = NewSource();
            Volatile.Write(ref _told, told);

            // Whoever ends the following sees where to tell it, or is seen to have ended it.
            Interlocked.MemoryBarrier();
            if (!HasFollowers() || Stopwatch.GetElapsedTime(started) >= _followersWaitMax)
            {
                return;
            }

            await told.Task.WaitAsync(_followersWaitMax).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private static TaskCompletionSource NewSource() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private bool Listen()
    {
        var any = false;
        foreach (var write in Writes)
        {
            if (write.Ticket is { HasFollowers: true } ticket)
            {
                ticket.AllCame = _tell;
                any = true;
            }
        }

        return any;
    }

    private bool HasFollowers()
    {
        foreach (var write in Writes)
        {
            if (write.Ticket is { HasFollowers: true })
            {
                return true;
            }
        }

        return false;
    }
}
