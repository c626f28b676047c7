using System.Collections.Immutable;
using System.Diagnostics;
using Akka.Actor;
using Akka.Cluster;
using Akka.Cluster.Sharding;
using Akka.Event;
using Ledger.Actors.Storage;

namespace Ledger.Actors.Leasing;

/// <summary>Gives a shard a home only when nobody else can still speak for its accounts (R9, L2).</summary>
/// <remarks>
/// <para>The coordinator asks for a home when it knows of none: the shard was handed over, or the region that had it is
/// gone. A region that is among those it may choose from has handed over what it no longer has. So has one on a node
/// that has said that it is leaving, as long as that node is a member: its region ends only after its accounts. Of
/// every other process that has a lease it must be assumed that it does not know of its end: its lease is revoked, and
/// waited for until it is over.
/// </para>
/// <para>Which shard a process has it says itself, by its claim (L4). A coordinator that has lost what it knew would
/// give such a shard to another process, which could not have it: so it is given to the one that claims it, and taken
/// from one that waits for it in vain.</para>
/// <para>A node that was killed has not renewed its lease for longer than it takes to remove it, so there is nothing to
/// wait for. One that was paused, or cut off, is.</para>
/// </remarks>
internal sealed class LeaseAllocation(ILeaseStore store, IShardAllocationStrategy inner)
    : IActorSystemDependentAllocationStrategy
{
    private static readonly TimeSpan s_afterFailure = TimeSpan.FromMilliseconds(200);

    // A region says that a shard has stopped a moment before the claim is given back.
    private static readonly TimeSpan s_handOver = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_lookAgain = TimeSpan.FromMilliseconds(20);

    private readonly SingleFlight ending = new();
    private IReadOnlyList<LeaseRow> rows = [];
    private ImmutableHashSet<string> suspects = [];
    private Cluster? cluster;
    private ILoggingAdapter? log;

    public void Start(ActorSystem system)
    {
        cluster = Cluster.Get(system);
        log = Logging.GetLogger(system, typeof(LeaseAllocation));
        if (inner is IActorSystemDependentAllocationStrategy dependent)
        {
            dependent.Start(system);
        }
        else
        {
            Start();
        }
    }

    public void Start() => (inner as IStartableAllocationStrategy)?.Start();

    public async Task<IActorRef> AllocateShard(
        IActorRef requester, string shardId,
        IImmutableDictionary<IActorRef, IImmutableList<string>> currentShardAllocations)
    {
        var homes = currentShardAllocations.Keys.ToArray();
        await EndOthersAsync(homes);
        return await ClaimantAsync(shardId, homes)
            ?? await inner.AllocateShard(requester, shardId, currentShardAllocations);
    }

    public async Task<IImmutableSet<string>> Rebalance(
        IImmutableDictionary<IActorRef, IImmutableList<string>> currentShardAllocations,
        IImmutableSet<string> rebalanceInProgress)
    {
        var misplaced = await MisplacedAsync(currentShardAllocations, rebalanceInProgress);
        return misplaced.IsEmpty ? await inner.Rebalance(currentShardAllocations, rebalanceInProgress) : misplaced;
    }

    // The region that has the shard without the coordinator's knowing.
    private async Task<IActorRef?> ClaimantAsync(string shard, IActorRef[] homes)
    {
        var started = Stopwatch.GetTimestamp();
        while (ClaimantOf(shard, homes) is { } claimant)
        {
            if (Stopwatch.GetElapsedTime(started) > s_handOver)
            {
                log!.Debug(
                    "Shard {0} has no home by what is known here, and is claimed by {1}, which gets it", shard,
                    claimant);
                return claimant;
            }

            await Task.Delay(s_lookAgain).ConfigureAwait(false);
            await EndOthersAsync(homes);
        }

        return null;
    }

    // Shards that are said to be at one region and are claimed by another one, at two looks one after the other:
    // between these, one that moves has moved.
    private async Task<ImmutableHashSet<string>> MisplacedAsync(
        IImmutableDictionary<IActorRef, IImmutableList<string>> allocations, IImmutableSet<string> moving)
    {
        try
        {
            Volatile.Write(ref rows, await Task.Run(store.List).ConfigureAwait(false));
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            log!.Debug("The claims can't be read: {0}", e.Message);
            return [];
        }

        var homes = allocations.Keys.ToArray();
        var found = allocations
            .SelectMany(entry => entry.Value.Where(shard =>
                !moving.Contains(shard) && ClaimantOf(shard, homes) is { } claimant && !claimant.Equals(entry.Key)))
            .ToImmutableHashSet();
        var misplaced = found.Intersect(Interlocked.Exchange(ref suspects, found));
        foreach (var shard in misplaced)
        {
            log!.Warning(
                "Shard {Shard} is claimed by another region than the one that it was given to; it is taken from this",
                shard);
        }

        return misplaced;
    }

    private IActorRef? ClaimantOf(string shard, IActorRef[] homes)
    {
        var holder = Volatile.Read(ref rows)
            .FirstOrDefault(row => row is { IsLeaving: false, IsRevoked: false } && row.Claims.Contains(shard))?.Holder;
        return holder is null || MemberOf(holder, cluster!) is null
            ? null
            : homes.FirstOrDefault(home => AddressOf(home).ToString() == holder.Address);
    }

    // Many shards lose their home together.
    private async Task EndOthersAsync(IEnumerable<IActorRef> regions)
    {
        var homes = regions.Select(AddressOf).ToHashSet();
        try
        {
            await ending.RunAsync(() => Task.Run(() => EndOthersAsync(homes)), CancellationToken.None)
                .ConfigureAwait(false);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            // The region asks again, often; the store must not be asked so often.
            await Task.Delay(s_afterFailure).ConfigureAwait(false);
            throw new InvalidOperationException($"The leases of other nodes can't be read: {e.Message}", e);
        }
    }

    private async Task EndOthersAsync(HashSet<Address> homes)
    {
        var told = false;
        while (true)
        {
            var all = store.List();
            var others = all.Where(row => !IsSafe(row, homes)).ToArray();
            var revoke = others.Where(static row => !row.IsRevoked).ToArray();
            if (revoke.Length > 0)
            {
                foreach (var row in revoke.Where(static row => row.Left > TimeSpan.Zero))
                {
                    log!.Warning(
                        "The lease of {Node}, which is gone from the cluster, is still good for {Left} ms; it is "
                            + "revoked",
                        row.Holder.Address, (long)row.Left.TotalMilliseconds);
                }

                store.Revoke([.. revoke.Select(static row => row.Holder.Id)]);
                continue;
            }

            var left = others.Select(static row => row.Left).DefaultIfEmpty(TimeSpan.Zero).Max();
            if (left <= TimeSpan.Zero)
            {
                Volatile.Write(ref rows, all);
                if (told)
                {
                    // Its sessions once more: it may have frozen since.
                    store.Revoke([.. others.Select(static row => row.Holder.Id)]);
                    log!.Info("The leases of nodes that are gone are over");
                }

                return;
            }

            told = true;
            await Task.Delay(left + TimeSpan.FromMilliseconds(1)).ConfigureAwait(false);
        }
    }

    private bool IsSafe(LeaseRow row, HashSet<Address> homes)
    {
        var member = MemberOf(row.Holder, cluster!);
        return member is not null && member.Status is not (MemberStatus.Down or MemberStatus.Removed)
            && (row.IsLeaving || homes.Contains(member.Address));
    }

    /// <summary>The member of which a lease is; null when it is of none.</summary>
    public static Member? MemberOf(LeaseHolder holder, Cluster cluster) =>
        cluster.State.Members.FirstOrDefault(member =>
        member.UniqueAddress.Uid == holder.Uid && member.Address.ToString() == holder.Address);

    private Address AddressOf(IActorRef region) =>
        region.Path.Address.HasLocalScope ? cluster!.SelfAddress : region.Path.Address;
}
