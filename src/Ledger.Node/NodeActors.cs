using System.Diagnostics.Metrics;
using Akka.Discovery.Config.Hosting;
using Akka.Hosting;
using Akka.Management.Cluster.Bootstrap;
using Akka.Remote.Hosting;
using Ledger.Actors;

namespace Ledger.Node;

/// <summary>The actor system of a node.</summary>
internal static class NodeActors
{
    public const string SystemName = "ledger";

    private const string ContactPointService = "ledger";
    private const string ContactPointPort = "management";

    public static void AddTo(IServiceCollection services, NodeSettings settings)
    {
        services.AddHealthChecks().AddLedgerHoldExpiryCheck().AddLedgerDecisions().AddLedgerIndex().AddLedgerJournal()
            .AddLedgerLease(LedgerGrpcExtensions.ReadyTag).AddLedgerClock(LedgerGrpcExtensions.ReadyTag);
        if (settings.IsClustered)
        {
            services.AddHealthChecks()
                .AddCheck<ClusterReadinessCheck>("cluster", tags: [LedgerGrpcExtensions.ReadyTag]);
        }

        services.AddLedger().AddAkka(SystemName, (akka, provider) =>
        {
            // Nothing falls back to a serializer that nobody chose.
            akka.WithStrictSerialization();
            akka.ConfigureLoggers(static loggers =>
            {
                loggers.ClearLoggers();
                loggers.AddLogger<HostLogger>();
                loggers.LogLevel = Akka.Event.LogLevel.InfoLevel;
            });

            // The host decides when the actors stop: after the calls that need them.
            akka.AddHocon("akka.coordinated-shutdown.run-by-clr-shutdown-hook = off", HoconAddMode.Prepend);
            akka.WithActorSystemLivenessCheck(tags: [HealthEndpoints.LiveTag]);
            if (settings.IsClustered)
            {
                Cluster(akka, settings);
            }

            settings.Ledger.MeterFactory = provider.GetRequiredService<IMeterFactory>();
            akka.WithLedger(settings.Ledger);
        });
    }

    private static void Cluster(AkkaConfigurationBuilder akka, NodeSettings settings)
    {
        var options = settings.Cluster;
        var remote = new RemoteOptions
        {
            HostName = options.HostName,
            PublicHostName = options.PublicHostName ?? options.HostName,
            Port = options.Port,
            PublicPort = options.PublicPort,
            EnableSsl = false,
        };
        settings.Tls?.Apply(remote);
        akka.WithRemoting(remote);
        akka.WithLedgerCluster(
            settings.ClusterTimes,
            new Akka.Cluster.Hosting.ClusterOptions
            {
                Roles = options.Roles,
                SeedNodes = options.SeedNodes.Length == 0 ? null : options.SeedAddresses(settings.Tls is not null),
            },
            NodeRoles.Ledger);
        if (options.ContactPoints.Length > 0)
        {
            Bootstrap(akka, options);
        }
        else if (options.SeedNodes.Length == 0)
        {
            // Only after the port is known, which may have been 0.
            akka.AddStartup(static (system, _) =>
            {
                var cluster = Akka.Cluster.Cluster.Get(system);
                cluster.Join(cluster.SelfAddress);
            });
        }
    }

    private static void Bootstrap(AkkaConfigurationBuilder akka, ClusterOptions options)
    {
        akka.WithConfigDiscovery(new ConfigServiceDiscoveryOptions
        {
            Services = [
                new Akka.Discovery.Config.Hosting.Service
                {
                    Name = ContactPointService, Endpoints = options.ContactPoints
                }],
        });

        // Started by ContactPoint, once the others can ask.
        akka.WithClusterBootstrap(bootstrap =>
        {
            var discovery = bootstrap.ContactPointDiscovery;
            discovery.ServiceName = ContactPointService;

            // Named, or several contact points of one host would count as one.
            discovery.PortName = ContactPointPort;
            discovery.RequiredContactPointsNr = options.RequiredContactPoints;

            // A majority may found the cluster while the others are down.
            discovery.ContactWithAllContactPoints = false;
            discovery.StableMargin = TimeSpan.FromSeconds(2);
            discovery.Interval = TimeSpan.FromSeconds(1);
            bootstrap.ContactPoint.ProbeInterval = TimeSpan.FromSeconds(1);
        }, autoStart: false);
    }
}
