using System.ComponentModel.DataAnnotations;

namespace Ledger;

/// <summary>The options of <c>WithLedgerCluster(...)</c>: when the members of a cluster give one of them up, and what
/// they do then. What is null comes from the <see cref="Profile"/>.</summary>
/// <remarks>Neither the truth of the books nor that of an answer depends on these: the journal's unique key and the
/// node's lease see to both. They decide how long accounts can't be reached after a node has died, and how easily a
/// slow node is mistaken for a dead one.</remarks>
public sealed class LedgerClusterOptions
{
    /// <summary>The named set of values.</summary>
    /// <value>The default value is <see cref="LedgerClusterProfile.Fast"/>.</value>
    public LedgerClusterProfile Profile { get; set; } = LedgerClusterProfile.Fast;

    /// <summary>How many nodes with accounts the cluster is meant to have. It begins its work with a majority of them,
    /// so that no two halves ever found a cluster each, and so that the death of a minority, the oldest among them,
    /// stops nobody.</summary>
    /// <value>The default value is null, which means 1: a node alone may found the cluster. From 1 to 1,000.</value>
    [Range(1, 1000)]
    public int? Size { get; set; }

    /// <summary>How long a node tries to become a member before it ends its actor system, so that a supervisor starts
    /// the process anew. It also ends a node that has founded a cluster of its own because it could not see the
    /// others.</summary>
    /// <value>The default value is 1 minute. From 5 seconds to 1 hour.</value>
    public TimeSpan JoinTimeout { get; set; } = TimeSpan.FromMinutes(1);

    /// <summary>How often nodes say that they are alive.</summary>
    /// <value>The default value is 250 milliseconds, with <see cref="LedgerClusterProfile.Tolerant"/> 500. From 50
    /// milliseconds to 10 seconds.</value>
    public TimeSpan? HeartbeatInterval { get; set; }

    /// <summary>How long a node may be silent, beyond its usual interval, before it counts as unreachable: longer than
    /// the pauses of its garbage collector, of its processor and of its network.</summary>
    /// <value>The default value is 1 second, with <see cref="LedgerClusterProfile.Tolerant"/> 2. From 100 milliseconds
    /// to 1 minute.</value>
    public TimeSpan? AcceptableHeartbeatPause { get; set; }

    /// <summary>How long the set of unreachable nodes must stay the same before it is decided who is removed.</summary>
    /// <value>The default value is 2 seconds, with <see cref="LedgerClusterProfile.Cautious"/> and
    /// <see cref="LedgerClusterProfile.Tolerant"/> 5. From 1 second to 5 minutes.</value>
    public TimeSpan? StableAfter { get; set; }

    /// <summary>How long accounts of a removed node wait before they are given a home. It need not be long: a home is
    /// given only when the lease of the removed node is over, which it is already where the node is dead.</summary>
    /// <value>The default value is 200 milliseconds. From 1 millisecond (0 would mean <see cref="StableAfter"/> to
    /// Akka) to 5 minutes.</value>
    public TimeSpan? DownRemovalMargin { get; set; }

    /// <summary>How often nodes tell each other what they know of the membership, and how often its leader
    /// acts.</summary>
    /// <value>The default value is 200 milliseconds. From 50 milliseconds to 10 seconds.</value>
    public TimeSpan? GossipInterval { get; set; }

    /// <summary>How often a node asks again where accounts live that it does not find.</summary>
    /// <value>The default value is 250 milliseconds. From 50 milliseconds to 1 minute.</value>
    public TimeSpan? ShardRetryInterval { get; set; }

    /// <summary>How many messages a node keeps for accounts whose place is not known. What is more is answered as
    /// moving, and sent again by whoever asked.</summary>
    /// <value>The default value is 20,000. From 100 to 10,000,000.</value>
    [Range(100, 10_000_000)]
    public int? ShardBufferSize { get; set; }

    /// <summary>How long the accounts of a shard have to finish what they write when the shard moves.</summary>
    /// <value>The default value is 20 seconds. From 6 seconds to 5 minutes.</value>
    public TimeSpan? HandOffTimeout { get; set; }

    /// <summary>How often it is looked whether shards should move to a node that has fewer.</summary>
    /// <value>The default value is 5 seconds. From 1 second to 1 hour.</value>
    public TimeSpan? RebalanceInterval { get; set; }

    /// <summary>How many shards may move at once because a node has fewer than others.</summary>
    /// <value>The default value is 20. From 1 to 10,000.</value>
    [Range(1, 10_000)]
    public int? RebalanceShardsMax { get; set; }

    /// <summary>The smallest number of nodes that are more than half of <see cref="Size"/>.</summary>
    public int Majority => ((Size ?? 1) / 2) + 1;

    /// <summary>How long accounts are expected to be unreachable after their node has died without a word.</summary>
    /// <remarks>Until it is missed, until membership counts as stable, the resolver's tick of a second, the gossip, the
    /// margin, and the next question where the accounts are.</remarks>
    public TimeSpan ExpectedFailover
    {
        get
        {
            var values = WithProfile();
            return values.AcceptableHeartbeatPause!.Value + (2 * values.HeartbeatInterval!.Value) + values.StableAfter!
                .Value
                + TimeSpan.FromSeconds(1) + (2 * values.GossipInterval!.Value) + values.DownRemovalMargin!.Value
                + values.ShardRetryInterval!.Value;
        }
    }

    /// <summary>The same options with every value that was null filled in from the profile.</summary>
    public LedgerClusterOptions WithProfile()
    {
        var (heartbeat, pause, stable) = Profile switch
        {
            LedgerClusterProfile.Fast => (250, 1000, 2000),
            LedgerClusterProfile.Cautious => (250, 1000, 5000),
            LedgerClusterProfile.Tolerant => (500, 2000, 5000),
            _ => throw new ValidationException($"Profile is {Profile}; there is no such profile."),
        };
        return new LedgerClusterOptions
        {
            Profile = Profile,
            Size = Size ?? 1,
            JoinTimeout = JoinTimeout,
            HeartbeatInterval = HeartbeatInterval ?? TimeSpan.FromMilliseconds(heartbeat),
            AcceptableHeartbeatPause = AcceptableHeartbeatPause ?? TimeSpan.FromMilliseconds(pause),
            StableAfter = StableAfter ?? TimeSpan.FromMilliseconds(stable),
            DownRemovalMargin = DownRemovalMargin ?? TimeSpan.FromMilliseconds(200),
            GossipInterval = GossipInterval ?? TimeSpan.FromMilliseconds(200),
            ShardRetryInterval = ShardRetryInterval ?? TimeSpan.FromMilliseconds(250),
            ShardBufferSize = ShardBufferSize ?? 20_000,
            HandOffTimeout = HandOffTimeout ?? TimeSpan.FromSeconds(20),
            RebalanceInterval = RebalanceInterval ?? TimeSpan.FromSeconds(5),
            RebalanceShardsMax = RebalanceShardsMax ?? 20,
        };
    }

    /// <summary>Checks every option.</summary>
    /// <exception cref="ValidationException">An option is out of its range; the message names it.</exception>
    public void Validate()
    {
        Validator.ValidateObject(this, new ValidationContext(this), validateAllProperties: true);
        var values = WithProfile();
        Range(nameof(JoinTimeout), JoinTimeout, TimeSpan.FromSeconds(5), TimeSpan.FromHours(1));
        Range(nameof(HeartbeatInterval), values.HeartbeatInterval, Milliseconds(50), TimeSpan.FromSeconds(10));
        Range(
            nameof(AcceptableHeartbeatPause), values.AcceptableHeartbeatPause, Milliseconds(100),
            TimeSpan.FromMinutes(1));
        Range(nameof(StableAfter), values.StableAfter, TimeSpan.FromSeconds(1), TimeSpan.FromMinutes(5));
        Range(nameof(GossipInterval), values.GossipInterval, Milliseconds(50), TimeSpan.FromSeconds(10));
        Range(nameof(ShardRetryInterval), values.ShardRetryInterval, Milliseconds(50), TimeSpan.FromMinutes(1));
        Range(nameof(HandOffTimeout), values.HandOffTimeout, TimeSpan.FromSeconds(6), TimeSpan.FromMinutes(5));
        Range(nameof(RebalanceInterval), values.RebalanceInterval, TimeSpan.FromSeconds(1), TimeSpan.FromHours(1));
        Range(nameof(DownRemovalMargin), values.DownRemovalMargin, Milliseconds(1), TimeSpan.FromMinutes(5));

        static TimeSpan Milliseconds(int count) => TimeSpan.FromMilliseconds(count);

        static void Range(string name, TimeSpan? value, TimeSpan min, TimeSpan max)
        {
            if (value < min || value > max)
            {
                throw new ValidationException($"{name} is {value}; it must lie between {min} and {max}.");
            }
        }
    }
}
