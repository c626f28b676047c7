using System.Collections.Concurrent;
using System.Diagnostics;
using Ledger.Actors.Journal;
using Ledger.Actors.Leasing;
using Ledger.Core;

namespace Ledger.Actors.Accounts;

/// <summary>Keeps accounts whose journal can't be read from being woken by every call: each is tried again after a
/// pause, and where nothing at all can be read, one account at a time asks whether that is still so.
/// Thread-safe.</summary>
internal sealed class RecoveryThrottle(NodeLease lease)
{
    /// <summary>Where so many accounts can't be read, and none can, the fault is not theirs.</summary>
    private const int AccountsOfAll = 3;

    // From a quarter of a second to two: what has come back is used again within that time, and a caller that asks
    // without a pause costs the store no more than four reads a second.
    private const int DoublingsMax = 3;

    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(250);

    // A store that is being restarted is waited for; one that is unavailable for longer is no secret to keep until the
    // deadline.
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(3);

    private static readonly TimeSpan s_purgeEvery = TimeSpan.FromSeconds(10);

    // One that lives here is tried more often than this; one that is not has moved to another node.
    private static readonly TimeSpan s_forgetAfter = TimeSpan.FromMinutes(2);

    private readonly ConcurrentDictionary<AccountAddress, Failing> failing = new();
    private long nextProbe;
    private long failedOfAll;
    private long failedOfAllSince;
    private long nextPurge;

    /// <summary>How recoveries fare.</summary>
    public JournalOutcomes Reads { get; } = new();

    /// <summary>How many accounts could not be recovered when that was last tried.</summary>
    public int Count
    {
        get
        {
            Purge(Stopwatch.GetTimestamp());
            return failing.Count;
        }
    }

    private bool IsAllFailing => Volatile.Read(ref failedOfAll) >= AccountsOfAll && Reads.Cause is not null;

    /// <summary>Whether an account may read its journal now, where nothing else does so first.</summary>
    public bool IsDue(AccountAddress account) => IsDue(account, Stopwatch.GetTimestamp(), out _);

    /// <summary>Lets an account read its journal, or not: where nothing can be read, one of many that ask at
    /// once.</summary>
    public bool TryBegin(AccountAddress account)
    {
        var now = Stopwatch.GetTimestamp();
        if (!IsDue(account, now, out var takesTurn))
        {
            return false;
        }

        var probe = Volatile.Read(ref nextProbe);
        return !takesTurn || Interlocked.CompareExchange(ref nextProbe, now + Ticks(s_pause), probe) == probe;
    }

    /// <summary>What callers of an account that may not be tried are told: to try again, or, after a while, that it is
    /// of no use.</summary>
    public RequestFailure ReasonFor(AccountAddress account)
    {
        var isLong = lease.IsLapsedForLong
            || (IsAllFailing && Stopwatch.GetElapsedTime(Volatile.Read(ref failedOfAllSince)) > s_patience)
            || (failing.TryGetValue(account, out var failed) && Stopwatch.GetElapsedTime(failed.First) > s_patience);
        return isLong ? RequestFailure.JournalUnavailable : RequestFailure.NotBegun;
    }

    /// <summary>Notes that a recovery has failed.</summary>
    /// <param name="account">The account.</param>
    /// <param name="cause">Why.</param>
    /// <param name="isOwn">Whether the fault is this account's alone, and says nothing about others.</param>
    /// <returns>How long to wait before the account is woken though nobody asks for it; null where that is arranged
    /// already.
    /// </returns>
    public TimeSpan? Failed(AccountAddress account, Exception cause, bool isOwn)
    {
        var now = Stopwatch.GetTimestamp();
        Purge(now);
        TimeSpan? wake = null;
        var failed = failing.AddOrUpdate(account, _ => Next(default), (_, old) => Next(old));
        if (!isOwn)
        {
            Reads.Failed(cause);
            if (failed.Count == 1)
            {
                // In this order: whoever sees the count finds since when.
                Interlocked.CompareExchange(ref failedOfAllSince, now, 0);
                Interlocked.Increment(ref failedOfAll);
            }
        }

        return wake;

        Failing Next(Failing old)
        {
            var first = old.Count == 0 ? now : old.First;
            var pause = s_pause * (1 << Math.Min(old.Count, DoublingsMax));
            wake = old.WakeAt > now ? null : TimeSpan.FromSeconds(1 << Math.Min(old.Count, 5));
            return new Failing(
                old.Count + 1, first, now + Ticks(pause), wake is { } after ? now + Ticks(after) : old.WakeAt, isOwn);
        }
    }

    /// <summary>Notes that an account has been told to wake and may not be tried yet.</summary>
    /// <returns>Whether it must be told again later; false where that is arranged already.</returns>
    public bool Postpone(AccountAddress account, TimeSpan pause)
    {
        var now = Stopwatch.GetTimestamp();
        while (failing.TryGetValue(account, out var failed))
        {
            if (failed.WakeAt > now)
            {
                return false;
            }

            if (failing.TryUpdate(account, failed with { WakeAt = now + Ticks(pause) }, failed))
            {
                return true;
            }
        }

        return true;
    }

    /// <summary>Notes that a recovery has succeeded.</summary>
    /// <returns>The accounts to wake, where it is the first for long: those that could not be recovered
    /// before.</returns>
    public IReadOnlyCollection<AccountAddress> Succeeded(AccountAddress account)
    {
        Reads.Succeeded();
        if (failing.IsEmpty)
        {
            return [];
        }

        failing.TryRemove(account, out _);
        var failed = Interlocked.Exchange(ref failedOfAll, 0);
        Volatile.Write(ref failedOfAllSince, 0);
        if (failed < AccountsOfAll)
        {
            return [];
        }

        Purge(Stopwatch.GetTimestamp());
        return [.. failing.Where(static one => !one.Value.IsOwn).Select(static one => one.Key)];
    }

    /// <summary>Notes that an account has gone to another node.</summary>
    public void Forget(AccountAddress account) => failing.TryRemove(account, out _);

    private static long Ticks(TimeSpan time) => (long)(time.TotalSeconds * Stopwatch.Frequency);

    private bool IsDue(AccountAddress account, long now, out bool takesTurn)
    {
        takesTurn = false;
        if (lease.IsLapsedForLong)
        {
            // It could not speak, and where the lease can't be renewed, the journal can hardly be read.
            return false;
        }

        if (failing.IsEmpty)
        {
            return true;
        }

        var isKnown = failing.TryGetValue(account, out var failed);
        if (isKnown && now < failed.RetryAt)
        {
            return false;
        }

        // What is wrong with one account alone tells nothing about the others, and takes no turn from them.
        takesTurn = IsAllFailing && !(isKnown && failed.IsOwn);
        return !takesTurn || now >= Volatile.Read(ref nextProbe);
    }

    private void Purge(long now)
    {
        var next = Volatile.Read(ref nextPurge);
        if (now < next || Interlocked.CompareExchange(ref nextPurge, now + Ticks(s_purgeEvery), next) != next)
        {
            return;
        }

        foreach (var (account, failed) in failing)
        {
            if (now - Math.Max(failed.RetryAt, failed.WakeAt) > Ticks(s_forgetAfter))
            {
                failing.TryRemove(KeyValuePair.Create(account, failed));
            }
        }
    }

    private readonly record struct Failing(int Count, long First, long RetryAt, long WakeAt, bool IsOwn);
}
