using System.Collections.Concurrent;
using System.Diagnostics;
using Ledger.Actors.Storage;
using Ledger.Actors.Timing;

namespace Ledger.Actors.Leasing;

/// <summary>Leases whose age does not rest on a step of the database's clock (R21, T3). How old a renewal is by that
/// clock counts as far back as the clock has been seen to run evenly; and by this machine's monotonic clock from the
/// moment at which the renewal was first seen here.</summary>
internal sealed class WatchedLeases(ILeaseStore inner, LedgerClock clock) : ILeaseStore
{
    private readonly ConcurrentDictionary<Guid, (LedgerTime RenewedAt, long Since)> seen = new();

    private static readonly TimeSpan s_lookAgain = TimeSpan.FromMilliseconds(100);

    private long listedAt;

    // Whose leases are revoked and over: they stay so.
    private volatile Guid[] over = [];

    public void Enter(LeaseHolder holder, TimeSpan duration) => inner.Enter(holder, duration);

    public DatabaseState Look(IReadOnlyList<AcknowledgedRow> acknowledged) => inner.Look(acknowledged);

    public LeaseRenewal Renew(
        Guid id, long confirmed, long number, IReadOnlyList<AcknowledgedRow> acknowledged, LedgerTime time) =>
        inner.Renew(id, confirmed, number, acknowledged, time);

    public void RecordLoss(long epoch, string noticedBy, string evidence) =>
        inner.RecordLoss(epoch, noticedBy, evidence);

    public LeaseTimes ReadTimes() => inner.ReadTimes();

    public void Leave(Guid id) => inner.Leave(id);

    public void Release(Guid id) => inner.Release(id);

    public void Revoke(IReadOnlyCollection<Guid> ids) => inner.Revoke(ids);

    public IReadOnlyList<LeaseRow> List()
    {
        var rows = inner.List();
        Volatile.Write(ref listedAt, Stopwatch.GetTimestamp());
        var found = new LeaseRow[rows.Count];
        for (var i = 0; i < found.Length; i++)
        {
            found[i] = rows[i].Duration > TimeSpan.Zero ? Judged(rows[i]) : rows[i];
        }

        foreach (var id in seen.Keys)
        {
            if (!found.Any(row => row.Holder.Id == id))
            {
                seen.TryRemove(id, out _);
            }
        }

        over = [
            .. found.Where(static row => row.IsRevoked && row.Left <= TimeSpan.Zero)
                .Select(static row => row.Holder.Id)];
        return found;
    }

    /// <inheritdoc/>
    public async Task<bool> ClaimAsync(Guid id, string shard, long number, IReadOnlyCollection<Guid> ended)
    {
        var known = over;
        if (await inner.ClaimAsync(id, shard, number, known).ConfigureAwait(false))
        {
            return true;
        }

        // It may be claimed by one whose lease nobody here has looked at yet. Many shards ask at once, and again and
        // again.
        if (Volatile.Read(ref listedAt) is var at && (at == 0 || Stopwatch.GetElapsedTime(at) > s_lookAgain))
        {
            await Task.Run(List).ConfigureAwait(false);
        }

        var now = over;
        return now.Except(known).Any() && await inner.ClaimAsync(id, shard, number, now).ConfigureAwait(false);
    }

    public Task GiveBackAsync(Guid id, IReadOnlyDictionary<string, long> claims) => inner.GiveBackAsync(id, claims);

    public void Dispose() => inner.Dispose();

    private LeaseRow Judged(LeaseRow row)
    {
        var now = Stopwatch.GetTimestamp();
        var mine = seen.AddOrUpdate(
            row.Holder.Id, static (_, arg) => (arg.row.RenewedAt, arg.now),
            static (_, old, arg) =>
                old.RenewedAt == arg.row.RenewedAt ? old : (arg.row.RenewedAt, arg.now), (row, now));
        var byDatabase = row.Duration + NodeLease.Margin - row.Left;
        var steady = clock.SteadyFor;
        byDatabase = byDatabase < steady ? byDatabase : steady;
        var here = Stopwatch.GetElapsedTime(mine.Since, now);
        return row with { Left = row.Duration + NodeLease.Margin - (byDatabase > here ? byDatabase : here) };
    }
}
