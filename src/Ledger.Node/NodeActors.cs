using Akka.Actor;
using Akka.Cluster.Hosting;
using Akka.Cluster.Hosting.SBR;
using Akka.Event;
using Akka.Hosting;
using Akka.Remote.Hosting;
using Ledger.Actors;
using Ledger.Grpc;

namespace Ledger.Node;

/// <summary>The actor system of a node.</summary>
internal static class NodeActors
{
    public const string SystemName = "ledger";

    public static void AddTo(IServiceCollection services, NodeSettings settings)
    {
        services.AddHealthChecks().AddLedgerSweeper();
        services.AddLedger().AddAkka(SystemName, (akka, _) =>
        {
            // Nothing falls back to a serializer that nobody chose.
            akka.WithStrictSerialization();
            akka.ConfigureLoggers(static loggers =>
            {
                loggers.ClearLoggers();
                loggers.AddLoggerFactory();
                loggers.LogLevel = Akka.Event.LogLevel.InfoLevel;
            });

            // The host decides when the actors stop: after the calls that need them.
            akka.AddHocon("akka.coordinated-shutdown.run-by-clr-shutdown-hook = off", HoconAddMode.Prepend);
            akka.WithActorSystemLivenessCheck(tags: [HealthEndpoints.LiveTag]);
            if (settings.Ledger.Mode == LedgerExecutionMode.Clustered)
            {
                Cluster(akka, settings.Cluster);
            }

            akka.WithLedger(settings.Ledger);
        });
    }

    private static void Cluster(AkkaConfigurationBuilder akka, ClusterOptions options)
    {
        akka.WithRemoting(new RemoteOptions
        {
            HostName = options.HostName,
            PublicHostName = options.PublicHostName ?? options.HostName,
            Port = options.Port,
        });
        akka.WithClustering(new Akka.Cluster.Hosting.ClusterOptions
        {
            Roles = options.Roles,
            SeedNodes = options.SeedNodes.Length == 0 ? null : options.SeedNodes,
            SplitBrainResolver = new KeepMajorityOption(),
        });
        akka.AddHocon(
            FormattableString.Invariant(
                $"akka.cluster.split-brain-resolver.stable-after = {options.StableAfter.TotalMilliseconds}ms"),
            HoconAddMode.Prepend);
        akka.WithAkkaClusterReadinessCheck(tags: [LedgerGrpcExtensions.ReadyTag]);
        if (options.SeedNodes.Length == 0)
        {
            // Only after the port is known, which may have been 0.
            akka.AddStartup(static (system, _) =>
            {
                var cluster = Akka.Cluster.Cluster.Get(system);
                cluster.Join(cluster.SelfAddress);
            });
        }
    }
}
