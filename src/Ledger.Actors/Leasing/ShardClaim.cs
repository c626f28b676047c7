using System.Diagnostics;
using Akka.Actor;
using Akka.Coordination;
using Akka.Event;

namespace Ledger.Actors.Leasing;

/// <summary>A process's claim to a shard, kept beside its lease: no account of the shard starts before it is had, and
/// it is given back when the last one has stopped (L4).</summary>
/// <remarks>
/// <para>One life of a process has a shard at a time, whatever the coordinator of the shards believes: what it knows is
/// told to a majority of the nodes, and is lost when these leave together. <see cref="LeaseAllocation"/> reads the
/// claims and so learns it again.</para>
/// <para>A claim outlives its process only as long as its lease: when that is revoked and over, or given back, anybody
/// can have the shard. One that was left behind by a live process, because it could not be given back, is had again by
/// the same process, to which the shard is given for that reason.</para>
/// <para>The names are Akka's: its shards wait for a lease that they acquire and release.</para>
/// </remarks>
internal sealed class ShardClaim : Lease
{
    private const string Path = "ledger.shard-claim";

    // Who had it before tells the coordinator that it has stopped a moment before it gives it back.
    private static readonly TimeSpan s_firstPause = TimeSpan.FromMilliseconds(5);
    private static readonly TimeSpan s_longestPause = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(5);

    private readonly LedgerExtension ledger;
    private readonly string shard;
    private readonly ExtendedActorSystem system;
    private CancellationTokenSource asking = new();
    private long number;
    private volatile bool isHeld;

    /// <summary>As Akka makes it, once for each shard that begins here.</summary>
    /// <param name="settings">Of which the name says which shard.</param>
    /// <param name="system">The system with the ledger.</param>
    public ShardClaim(LeaseSettings settings, ExtendedActorSystem system)
        : base(settings)
    {
        this.system = system;
        ledger = LedgerExtension.Of(system);
        shard = settings.LeaseName[(settings.LeaseName.LastIndexOf('-') + 1)..];
        ledger.Context.Claims[shard] = this;
    }

    /// <summary>What the configuration needs for <see cref="Usage"/>.</summary>
    public static string Hocon { get; } =
        $"{Path} {{ lease-class = \"{typeof(ShardClaim).FullName}, {typeof(ShardClaim).Assembly.GetName().Name}\" }}";

    /// <summary>Has shards ask for their claims.</summary>
    public static LeaseUsageSettings Usage { get; } = new(Path, s_longestPause);

    private Guid Holder => ledger.Lease.Holder.Id;

    public override Task<bool> Acquire() => Acquire(static _ => { });

    /// <summary>Asks until it has the claim, for some seconds at most.</summary>
    /// <param name="leaseLostCallback">Not called: with the node's lease a process loses all its claims, and
    /// ends.</param>
    public override Task<bool> Acquire(Action<Exception> leaseLostCallback)
    {
        // What is still on its way of an earlier claim, or of its return, must not be taken for this one's.
        var mine = Interlocked.Increment(ref number);
        var stop = Volatile.Read(ref asking).Token;
        return Task.Run(() => AcquireAsync(mine, stop), CancellationToken.None);
    }

    /// <summary>Whether accounts may speak by it. No more as soon as it is being given back: a shard that is restarted
    /// by its supervisor gives it back while its accounts are still ending.</summary>
    public bool IsHeld => isHeld;

    /// <summary>Gives it back, or stops asking for it. The shard that calls it has no accounts, or ends with them; its
    /// thread waits for this, one of few, so that the database is told behind its back.</summary>
    public override async Task<bool> Release()
    {
        isHeld = false;
        await Interlocked.Exchange(ref asking, new CancellationTokenSource()).CancelAsync().ConfigureAwait(false);
        ledger.Returns!.Add(shard, Volatile.Read(ref number));
        return true;
    }

    public override bool CheckLease() => isHeld && ledger.Lease.IsGood;

    private async Task<bool> AcquireAsync(long mine, CancellationToken stop)
    {
        ledger.Lease.Enter();
        var started = Stopwatch.GetTimestamp();
        var pause = s_firstPause;
        var refusal = "another process has it";
        while (!stop.IsCancellationRequested)
        {
            try
            {
                if (await ledger.Leases!.ClaimAsync(Holder, shard, mine, []).ConfigureAwait(false))
                {
                    if (stop.IsCancellationRequested)
                    {
                        // Its return may have been faster.
                        ledger.Returns!.Add(shard, mine);
                        return false;
                    }

                    isHeld = true;
                    return true;
                }
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                refusal = e.Message;
                pause = s_longestPause;
            }

            if (Stopwatch.GetElapsedTime(started) > s_patience)
            {
                system.Log.Warning(
                    "Shard {Shard} can't be had here yet, and its accounts wait: {Reason}", shard, refusal);
                return false;
            }

            await Task.Delay(pause, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            pause = pause * 2 < s_longestPause ? pause * 2 : s_longestPause;
        }

        return false;
    }
}
