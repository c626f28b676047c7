using System.Diagnostics.CodeAnalysis;

namespace Ledger.Core;

/// <summary>Who waits for what is in doubt, and for how long (R10, R20). Not thread-safe.</summary>
/// <remarks>
/// Whoever waits for what was prepared before it came goes on when all of that is decided, in order of arrival. Whoever
/// reads a transfer or transaction that is in hand waits for that alone, as one of those who wait for its operation.
/// Both wait until a time at most.
/// </remarks>
internal sealed class ReadBarrier(PreparedOrder prepared, AccountMachineOptions options, IAccountHost host)
{
    // On a clock that was set back, nobody waits longer than the longest deadline.
    private static readonly TimeSpan s_pauseMax = TimeSpan.FromDays(1);

    private Queue<Reader>? readers;
    private List<IdReader>? idReaders;

    /// <summary>When the first of all of them has waited for long enough; the largest time for none.</summary>
    public LedgerTime NextDue { get; private set; } = LedgerTime.MaxValue;

    /// <summary>Those who wait for what is in doubt, in order of arrival.</summary>
    public IEnumerable<AccountRequest> Readers => readers?.Select(static reader => reader.Call) ?? [];

    /// <summary>Until when a read waits. An answer must be there before the deadline, at a caller that may be on
    /// another node.</summary>
    /// <param name="call">The read.</param>
    /// <param name="now">The time.</param>
    public LedgerTime ReadUntil(AccountRequest call, LedgerTime now) =>
        LedgerTime.Min(now.Add(options.DoubtWait), ShareOf(call, now, 1, 2));

    /// <summary>Until when a command waits: within its deadline, and it fails by name while somebody listens.</summary>
    /// <param name="call">The command.</param>
    /// <param name="now">The time.</param>
    public static LedgerTime CommandUntil(AccountRequest call, LedgerTime now) => ShareOf(call, now, 3, 4);

    /// <summary>Has a call wait for all that is prepared by now.</summary>
    /// <param name="call">The call.</param>
    /// <param name="until">Until when at most.</param>
    public void Wait(AccountRequest call, LedgerTime until)
    {
        (readers ??= []).Enqueue(new Reader(prepared.NewestNumber, call, until));
        WakeFor(until);
    }

    /// <summary>Has a read wait for what has its id in hand. It is one of those who wait for the operation
    /// already.</summary>
    /// <param name="owner">What has the id in hand.</param>
    /// <param name="call">The read.</param>
    /// <param name="now">The time.</param>
    public void WaitForId(Operation owner, AccountRequest call, LedgerTime now)
    {
        var until = ReadUntil(call, now);
        (idReaders ??= []).Add(new IdReader(owner, call, until));
        WakeFor(until);
    }

    /// <summary>Takes the first one off, if all is decided that was prepared before it came.</summary>
    /// <param name="call">The call; null for none.</param>
    /// <param name="until">Until when it may wait.</param>
    public bool TryTake([NotNullWhen(true)] out AccountRequest? call, out LedgerTime until)
    {
        if (readers is not { Count: > 0 } || readers.Peek().Barrier >= prepared.OldestNumber)
        {
            (call, until) = (null, default);
            return false;
        }

        (_, call, until) = readers.Dequeue();
        return true;
    }

    /// <summary>Takes off those who have waited for long enough, one by one.</summary>
    /// <param name="now">The time.</param>
    /// <returns>Each call, and how it fails; null where it is answered by what is decided, and told so.</returns>
    public IEnumerable<(AccountRequest Call, RequestFailure? Failure)> TakeLate(LedgerTime now) =>
        NextDue == LedgerTime.MaxValue || !IsDue(NextDue, now) ? [] : TakeEachLate(now);

    /// <summary>Takes off those who wait for what is in doubt and are no longer to.</summary>
    /// <param name="isDropped">Which.</param>
    /// <returns>Those who were taken off.</returns>
    public IReadOnlyList<AccountRequest> Drop(Func<AccountRequest, bool> isDropped)
    {
        List<AccountRequest>? dropped = null;
        for (var left = readers?.Count ?? 0; left > 0; left--)
        {
            var reader = readers!.Dequeue();
            if (isDropped(reader.Call))
            {
                (dropped ??= []).Add(reader.Call);
            }
            else
            {
                readers.Enqueue(reader);
            }
        }

        return dropped ?? [];
    }

    private static LedgerTime ShareOf(AccountRequest call, LedgerTime now, long share, long of)
    {
        var left = call.Deadline > now ? (Int128)call.Deadline.UnixMicroseconds - now.UnixMicroseconds : 0;
        return new LedgerTime((long)(now.UnixMicroseconds + (left * share / of)));
    }

    private static bool IsDue(LedgerTime until, LedgerTime now) => Backoff.IsDue(until, now, s_pauseMax);

    private void WakeFor(LedgerTime until)
    {
        if (until < NextDue)
        {
            NextDue = until;
            host.WakeAt(until);
        }
    }

    private IEnumerable<(AccountRequest Call, RequestFailure? Failure)> TakeEachLate(LedgerTime now)
    {
        NextDue = LedgerTime.MaxValue;

        // What is looked up in the journal is answered when that is read: only what others must decide is in doubt.
        for (var i = (idReaders?.Count ?? 0) - 1; i >= 0; i--)
        {
            var (owner, call, until) = idReaders![i];
            if (!owner.IsClaimed || !owner.Waiters.Contains(call))
            {
                // What is over has sent those who waited for it on their way.
                idReaders.RemoveAt(i);
            }
            else if (!IsDue(until, now))
            {
                NextDue = LedgerTime.Min(NextDue, until);
            }
            else if (owner.Phase is LookingUp && now < call.Deadline)
            {
                until = now.Add(options.DoubtWait);
                idReaders[i] = new IdReader(owner, call, until);
                NextDue = LedgerTime.Min(NextDue, until);
            }
            else
            {
                idReaders.RemoveAt(i);
                owner.Waiters.Remove(call);
                yield return (
                    call, now < call.Deadline ? RequestFailure.AccountInDoubt : RequestFailure.DeadlineExpired);
            }
        }

        for (var left = readers?.Count ?? 0; left > 0; left--)
        {
            var reader = readers!.Dequeue();
            if (IsDue(reader.Until, now))
            {
                yield return (reader.Call, null);
            }
            else
            {
                readers.Enqueue(reader);
                NextDue = LedgerTime.Min(NextDue, reader.Until);
            }
        }
    }

    private readonly record struct Reader(long Barrier, AccountRequest Call, LedgerTime Until);

    private readonly record struct IdReader(Operation Owner, AccountRequest Call, LedgerTime Until);
}
