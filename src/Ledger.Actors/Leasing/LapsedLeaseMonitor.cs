using Akka.Actor;
using Akka.Cluster;
using Akka.Event;

namespace Ledger.Actors.Leasing;

/// <summary>Gives up members that the others can reach but that can't renew their lease: cut off from the database, or
/// too slow for it. They hold accounts and can't speak for them, and nothing else would ever move those.</summary>
/// <remarks>Only a node whose own lease is good does that, so when the database is unavailable for all nobody is given
/// up. A node that is has lost nothing: it could not answer, and joins again when it can reach the database.</remarks>
internal sealed class LapsedLeaseMonitor
{
    private readonly ILeaseStore store;
    private readonly NodeLease lease;
    private readonly Cluster cluster;
    private readonly ILoggingAdapter log;
    private readonly TimeSpan every;
    private readonly TimeSpan silentMax;
    private readonly SilenceRecord record = new();

    public LapsedLeaseMonitor(ILeaseStore store, NodeLease lease, ActorSystem system, TimeSpan leaseTime)
    {
        this.store = store;
        this.lease = lease;
        cluster = Cluster.Get(system);
        log = Logging.GetLogger(system, typeof(LapsedLeaseMonitor));
        every = leaseTime;
        silentMax = leaseTime * 4;
    }

    /// <summary>Looks at the leases until it is cancelled.</summary>
    public async Task WatchAsync(CancellationToken cancellationToken)
    {
        using var timer = new PeriodicTimer(every);
        try
        {
            while (await timer.WaitForNextTickAsync(cancellationToken).ConfigureAwait(false))
            {
                if (lease.IsGood)
                {
                    await Task.Run(Look, cancellationToken).ConfigureAwait(false);
                }
                else
                {
                    // The others may be cut off from the database just as this node is, and come back after it.
                    record.Forget();
                }
            }
        }
        catch (OperationCanceledException)
        {
            // The actor system ends.
        }
    }

    private void Look()
    {
        try
        {
            Look(store.List());
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            record.Forget();
            log.Debug("The leases can't be looked at: {0}", e.Message);
        }
    }

    private void Look(IReadOnlyList<LeaseRow> rows)
    {
        var dead = new List<Guid>();
        LeaseRow[] old = [.. rows.Where(row => !row.IsRevoked && row.Left < -silentMax)];
        var silentTwice = record.Look(old.Select(static row => row.Holder.Id));
        foreach (var row in old.Where(row => silentTwice.Contains(row.Holder.Id)))
        {
            var silent = LeaseAllocation.MemberOf(row.Holder, cluster);
            if (silent is null)
            {
                dead.Add(row.Holder.Id);
            }
            else if (!row.IsLeaving && silent.Status is MemberStatus.Up or MemberStatus.WeaklyUp && lease.IsGood
                && !silent.UniqueAddress.Equals(cluster.SelfUniqueAddress))
            {
                log.Warning(
                    "{Node} has not renewed its lease for {Seconds} s and so can't answer for its accounts; it is "
                        + "given up, and they move",
                    row.Holder.Address, (long)-row.Left.TotalSeconds);
                cluster.Down(silent.Address);
            }
        }

        // What it claimed is free then. Mostly whoever gave its shards a home has seen to that; not where it died when
        // it had handed them over and not yet given them back.
        if (dead.Count > 0 && lease.IsGood)
        {
            store.Revoke(dead);
        }
    }
}
