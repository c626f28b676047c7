using System.Globalization;
using Akka.Actor;
using Akka.Cluster;
using Akka.Cluster.Hosting;
using Akka.Cluster.Hosting.SBR;
using Akka.Event;
using Akka.Hosting;
using Ledger.Actors.Leasing;
using Ledger.Actors.Remoting;
using Ledger.Actors.Storage;

namespace Ledger;

/// <summary>Sets up the cluster that a ledger in <see cref="LedgerExecutionMode.Clustered"/> lives on.</summary>
public static class LedgerClusterHostingExtensions
{
    /// <summary>Says in the configuration that the settings of sharding are there.</summary>
    internal const string Marker = "ledger.sharding-is-set";

    // How long a machine that is busy with the start of several nodes may take for the first connection between two of
    // them.
    private static readonly TimeSpan FirstAnswerWithin = TimeSpan.FromSeconds(10);

    // For how long a member is new to another, and how long it may be silent meanwhile.
    private static readonly TimeSpan YoungFor = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan YoungPause = TimeSpan.FromSeconds(3);

    private static readonly TimeSpan UnstableFor = TimeSpan.FromSeconds(10);

    /// <summary>Adds clustering as a ledger wants it: a split brain resolver that keeps the majority, failure detection
    /// by the profile, and no work before a majority has met. Remoting, and where the nodes find each other, is the
    /// application's, but for the TCP transport's class: one that no failed TLS handshake can end the node
    /// by.</summary>
    /// <param name="builder">The actor system's configuration. What is prepended to it later wins over what is added
    /// here.</param>
    /// <param name="options">When nodes are given up; null for the defaults.</param>
    /// <param name="cluster">Roles and seed nodes; null for none. The seed nodes are joined when the actor system's
    /// actors have been started, so none of these may wait for membership while it starts. Its split brain resolver and
    /// its minimum of members are not used.</param>
    /// <param name="role">The role whose nodes hold the accounts, as <see cref="LedgerOptions.Role"/>; null for all
    /// nodes.</param>
    /// <returns>The builder.</returns>
    /// <exception cref="System.ComponentModel.DataAnnotations.ValidationException">An option is out of its
    /// range.</exception>
    public static AkkaConfigurationBuilder WithLedgerCluster(
        this AkkaConfigurationBuilder builder,
        LedgerClusterOptions? options = null,
        ClusterOptions? cluster = null,
        string? role = null)
    {
        ArgumentNullException.ThrowIfNull(builder);
        options ??= new LedgerClusterOptions();
        options.Validate();
        var values = options.WithProfile();
        builder.WithClustering(new ClusterOptions
        {
            Roles = cluster?.Roles,
            AppVersion = cluster?.AppVersion,
            LogInfo = cluster?.LogInfo,
            LogInfoVerbose = cluster?.LogInfoVerbose,

            // Without a resolver a node that is cut off would be waited for, and its accounts with it, for ever.
            SplitBrainResolver = new KeepMajorityOption { Role = role },
        });
        builder.AddHocon(ClusterHocon(values, role), HoconAddMode.Prepend);
        builder.AddHocon(ShardingHocon(values), HoconAddMode.Prepend);
        return builder.AddStartup((system, _) =>
        {
            // Not by the configuration, which would have it join before its shard region is there: whatever is decided
            // about shards is told to all members, and would wait for this one.
            if (cluster?.SeedNodes is { Length: > 0 } seeds)
            {
                Cluster.Get(system).JoinSeedNodes(seeds.Select(Address.Parse));
            }

            EndUnlessMember(system, values.JoinTimeout);
        });
    }

    // Akka gives up itself where nobody answers. A first seed node that sees nobody founds a cluster, though, and would
    // wait in it for the others for ever, when they are one without it: two clusters never become one.
    private static void EndUnlessMember(ActorSystem system, TimeSpan within) =>
        system.Scheduler.Advanced.ScheduleOnce(within, () =>
        {
            var cluster = Cluster.Get(system);
            if (!cluster.IsTerminated && cluster.SelfMember.Status is MemberStatus.Joining or MemberStatus.WeaklyUp
                or MemberStatus.Removed)
            {
                system.Log.Error(
                    "This node has not become a member within {JoinTimeout}: {Members} nodes are here. It ends, to be "
                    + "started anew", within, cluster.State.Members.Count);
                _ = CoordinatedShutdown.Get(system).Run(CoordinatedShutdown.ClusterJoinUnsuccessfulReason.Instance);
            }
        });

    private static string ClusterHocon(LedgerClusterOptions values, string? role)
    {
        // min-nr-of-members: a majority and not all. When the oldest node dies, the coordinator of the shards moves,
        // and the new one waits for that many nodes before it says where any shard is: with all of them it would wait
        // for the dead. It counts the nodes of the role, where there is one.
        // down-removal-margin: "off" and 0 silently mean stable-after.
        // down-all-when-unstable: where no decision is reached in time all go down, and are started again by their
        // supervisors; staying up would mean two owners of an account. The time is counted from the first suspicion on,
        // and every node that joins puts the decision off by stable-after: by default, four seconds, all would end
        // where one dies while two start. allow-weakly-up-members: a node that not everybody sees yet is to be given no
        // accounts. expected-response-after: until a member has answered once, it is not judged. Its connection is
        // being made, which on a busy machine takes seconds; a wrong suspicion costs the member and whoever suspects
        // it. transport-class: the default ends the node when a TLS handshake breaks off.
        // connection-timeout: of the whole handshake. A process that is dead refuses a connection at once.
        var ofRole = role is null
            ? string.Empty
            : string.Create(
                CultureInfo.InvariantCulture,
                $"role.{StorageHocon.Quote(role)}.min-nr-of-members = {values.Majority}");
        return string.Create(CultureInfo.InvariantCulture, $$"""
            akka {
              cluster {
                downing-provider-class = "Akka.Cluster.SBR.SplitBrainResolverProvider, Akka.Cluster"
                min-nr-of-members = {{values.Majority}}
                {{ofRole}}
                gossip-interval = {{Ms(values.GossipInterval)}}
                leader-actions-interval = {{Ms(values.GossipInterval)}}
                unreachable-nodes-reaper-interval = {{Ms(values.GossipInterval)}}
                down-removal-margin = {{Ms(values.DownRemovalMargin)}}
                shutdown-after-unsuccessful-join-seed-nodes = {{Ms(values.JoinTimeout)}}
                allow-weakly-up-members = off
                failure-detector {
                  implementation-class = "{{typeof(PatientFailureDetector).FullName}}, {{typeof(PatientFailureDetector).Assembly.GetName().Name}}"
                  heartbeat-interval = {{Ms(values.HeartbeatInterval)}}
                  acceptable-heartbeat-pause = {{Ms(values.AcceptableHeartbeatPause)}}
                  threshold = 8.0
                  min-std-deviation = 100ms
                  expected-response-after = {{Ms(FirstAnswerWithin)}}
                  young-for = {{Ms(YoungFor)}}
                  young-pause = {{Ms(Max(YoungPause, values.AcceptableHeartbeatPause!.Value))}}
                }
                split-brain-resolver {
                  active-strategy = keep-majority
                  stable-after = {{Ms(values.StableAfter)}}
                  down-all-when-unstable = {{Ms(Max(UnstableFor, values.StableAfter!.Value))}}
                  keep-majority.role = {{StorageHocon.Quote(role ?? string.Empty)}}
                }
                singleton.hand-over-retry-interval = 200ms
              }
              remote {
                retry-gate-closed-for = 1s
                dot-netty.tcp {
                  transport-class = "{{typeof(HandshakeTolerantTransport).FullName}}, {{typeof(HandshakeTolerantTransport).Assembly.GetName().Name}}"
                  connection-timeout = {{Ms(FirstAnswerWithin)}}
                }
              }
              coordinated-shutdown.exit-clr = off
            }
            """);
    }

    /// <summary>What the sharding of accounts needs. The keys are those of the actor system's other shard types
    /// too.</summary>
    internal static string ShardingHocon(LedgerClusterOptions values) =>
        // distributed-data.durable: where a shard is follows from who is there; a file that remembers it is one more
        // thing to be wrong.
        // state-store-mode: the default keeps it in the journal, whose replay is known to contradict itself.
        // coordinator-state, majority-min-cap: a majority is told of a decision about a shard and not, as by the
        // defaults, up to five nodes, one of which is often just starting or ending and answers late. Where nodes leave
        // together that knew more than the others, who has which shard is learnt again from the claims in the database.
        // waiting-for-state-timeout: a new coordinator asks all nodes for the state, one that has died and is not
        // removed yet too. It must not wait long for that one: once it is gone from the cluster, the next question does
        // without it.
        string.Create(CultureInfo.InvariantCulture, $$"""
            {{Marker}} = on
            {{ShardClaim.Hocon}}
            akka.cluster.sharding {
              state-store-mode = ddata
              remember-entities = off
              distributed-data.durable.keys = []
              distributed-data.majority-min-cap = 0
              coordinator-state.write-majority-plus = 0
              retry-interval = {{Ms(values.ShardRetryInterval)}}
              waiting-for-state-timeout = 500ms
              updating-state-timeout = 2s
              handoff-timeout = {{Ms(values.HandOffTimeout)}}
              rebalance-interval = {{Ms(values.RebalanceInterval)}}
              least-shard-allocation-strategy {
                rebalance-absolute-limit = {{values.RebalanceShardsMax}}
                rebalance-relative-limit = 0.1
              }
              buffer-size = {{values.ShardBufferSize}}
            }
            """);

    private static TimeSpan Max(TimeSpan one, TimeSpan other) => one > other ? one : other;

    private static string Ms(TimeSpan? value) =>
        string.Create(CultureInfo.InvariantCulture, $"{value!.Value.TotalMilliseconds}ms");
}
