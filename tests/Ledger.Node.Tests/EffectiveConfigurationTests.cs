using Akka.Actor;
using Akka.Cluster;
using Akka.Remote.Transport.DotNetty;
using Ledger.Tests.Shared;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Xunit.Abstractions;

namespace Ledger.Node.Tests;

/// <summary>Goal: what docs/reference/configuration.md says of a cluster's node is what runs in it. Method: the actor
/// system of a node is started as a cluster, and each key is read from the configuration that it ended up with, since
/// several layers write there.</summary>
[Collection(PostgresCollection.Name)]
public sealed class EffectiveConfigurationTests(ITestOutputHelper output)
{
    // Key and value, one a line. Times are compared as times.
    private const string Always = """
        akka.actor.serialization-settings.allow-unregistered-types = false
        akka.cluster.downing-provider-class = Akka.Cluster.SBR.SplitBrainResolverProvider, Akka.Cluster
        akka.cluster.split-brain-resolver.active-strategy = keep-majority
        akka.cluster.split-brain-resolver.keep-majority.role = ledger
        akka.cluster.split-brain-resolver.down-all-when-unstable = 10s
        akka.cluster.failure-detector.implementation-class = Ledger.Actors.Remoting.PatientFailureDetector, Ledger.Actors
        akka.cluster.failure-detector.expected-response-after = 10s
        akka.cluster.failure-detector.young-for = 5s
        akka.cluster.failure-detector.young-pause = 3s
        akka.cluster.min-nr-of-members = 2
        akka.cluster.role.ledger.min-nr-of-members = 2
        akka.cluster.allow-weakly-up-members = off
        akka.cluster.gossip-interval = 200ms
        akka.cluster.leader-actions-interval = 200ms
        akka.cluster.unreachable-nodes-reaper-interval = 200ms
        akka.cluster.shutdown-after-unsuccessful-join-seed-nodes = 60s
        akka.cluster.down-removal-margin = 200ms
        akka.cluster.failure-detector.threshold = 8.0
        akka.cluster.failure-detector.min-std-deviation = 100ms
        akka.cluster.singleton.hand-over-retry-interval = 200ms
        akka.cluster.sharding.state-store-mode = ddata
        akka.cluster.sharding.remember-entities = off
        akka.cluster.sharding.distributed-data.durable.keys = []
        akka.cluster.sharding.retry-interval = 250ms
        akka.cluster.sharding.waiting-for-state-timeout = 500ms
        akka.cluster.sharding.updating-state-timeout = 2s
        akka.cluster.sharding.handoff-timeout = 20s
        akka.cluster.sharding.rebalance-interval = 5s
        akka.cluster.sharding.least-shard-allocation-strategy.rebalance-absolute-limit = 20
        akka.cluster.sharding.least-shard-allocation-strategy.rebalance-relative-limit = 0.1
        akka.cluster.sharding.buffer-size = 20000
        akka.remote.retry-gate-closed-for = 1s
        akka.remote.dot-netty.tcp.transport-class = Ledger.Actors.Remoting.HandshakeTolerantTransport, Ledger.Actors
        akka.remote.dot-netty.tcp.connection-timeout = 10s
        akka.remote.dot-netty.tcp.maximum-frame-size = 6291456b
        akka.remote.dot-netty.tcp.send-buffer-size = 12582912b
        akka.remote.dot-netty.tcp.receive-buffer-size = 12582912b
        akka.coordinated-shutdown.exit-clr = off
        akka.coordinated-shutdown.run-by-clr-shutdown-hook = off
        akka.persistence.journal.ledger.class = Ledger.PostgreSql.PostgreSqlJournal, Ledger.PostgreSql
        akka.persistence.journal.ledger.provider-name = PostgreSQL.15
        akka.persistence.journal.ledger.auto-initialize = false
        akka.persistence.journal.ledger.replay-filter.mode = fail
        akka.persistence.journal.ledger.recovery-event-timeout = 10s
        akka.persistence.journal.ledger.followers-wait-max = 1ms
        akka.persistence.journal.ledger.circuit-breaker.max-failures = 500
        akka.persistence.journal.ledger.circuit-breaker.call-timeout = 5s
        akka.persistence.journal.ledger.circuit-breaker.reset-timeout = 2s
        akka.persistence.snapshot-store.ledger.class = Ledger.PostgreSql.PostgreSqlSnapshotStore, Ledger.PostgreSql
        akka.persistence.snapshot-store.ledger.snapshot-is-optional = false
        akka.persistence.max-concurrent-recoveries = 50
        """;

    private const string Fast = """
        akka.cluster.failure-detector.heartbeat-interval = 250ms
        akka.cluster.failure-detector.acceptable-heartbeat-pause = 1s
        akka.cluster.split-brain-resolver.stable-after = 2s
        """;

    private const string Cautious = """
        akka.cluster.failure-detector.heartbeat-interval = 250ms
        akka.cluster.failure-detector.acceptable-heartbeat-pause = 1s
        akka.cluster.split-brain-resolver.stable-after = 5s
        """;

    private const string Tolerant = """
        akka.cluster.failure-detector.heartbeat-interval = 500ms
        akka.cluster.failure-detector.acceptable-heartbeat-pause = 2s
        akka.cluster.split-brain-resolver.stable-after = 5s
        """;

    [Theory]
    [InlineData("Fast", Fast)]
    [InlineData("Cautious", Cautious)]
    [InlineData("Tolerant", Tolerant)]
    public async Task What_runs_is_what_the_profile_says(string profile, string ofProfile)
    {
        var certificates = Directory.CreateTempSubdirectory("ledger-certificates-");
        try
        {
            var certificate = new DevCertificates(certificates.FullName, "node-1");
            using var host = Build(
                [$"--Ledger:Cluster:Profile={profile}", "--Ledger:Cluster:Size=3", .. certificate.Settings("node-1")]);
            await host.StartAsync();
            var system = host.Services.GetRequiredService<ActorSystem>();
            var wrong = new List<string>();
            var encrypted = """

                akka.remote.dot-netty.tcp.enable-ssl = true
                akka.remote.dot-netty.tcp.ssl.suppress-validation = false
                akka.remote.dot-netty.tcp.ssl.require-mutual-authentication = true
                """;
            foreach (var line in (Always + "\n" + ofProfile + encrypted).Split('\n'))
            {
                Check(system, line, wrong);
            }

            // These do not come from HOCON: the provider from Akka.Hosting, the certificate and what is asked of others
            // from a setup, which wins as long as HOCON names no certificate.
            ((ExtendedActorSystem)system).Provider.ShouldBeOfType<ClusterActorRefProvider>();
            var tls = system.Settings.Setup.Get<DotNettySslSetup>().Value;
            tls.RequireMutualAuthentication.ShouldBeTrue();
            tls.ValidateCertificateHostname.ShouldBeTrue();
            tls.SuppressValidation.ShouldBeFalse();
            tls.CustomValidator.ShouldNotBeNull();
            Check(system, "akka.remote.dot-netty.tcp.ssl.certificate.path = ", wrong);
            Cluster.Get(system).SelfAddress.Protocol.ShouldBe("akka.ssl.tcp");
            await host.StopAsync();
            wrong.ShouldBeEmpty();
        }
        finally
        {
            certificates.Delete(recursive: true);
        }
    }

    [Fact]
    public async Task What_is_set_wins_over_the_profile_and_the_advertised_address_may_differ()
    {
        using var host = Build(
        [
            "--Ledger:Cluster:Tls:Enabled=false", "--Ledger:Cluster:StableAfter=00:00:03",
            "--Ledger:Cluster:ShardBufferSize=500", "--Ledger:Cluster:RebalanceShardsMax=7",
            "--Ledger:Cluster:Roles:0=ledger",
            "--Ledger:Cluster:PublicHostName=127.0.0.2", "--Ledger:Cluster:PublicPort=47111",
        ]);
        await host.StartAsync();
        var system = host.Services.GetRequiredService<ActorSystem>();
        var wrong = new List<string>();
        Check(system, "akka.cluster.split-brain-resolver.stable-after = 3s", wrong);
        Check(system, "akka.cluster.sharding.buffer-size = 500", wrong);
        Check(system, "akka.cluster.sharding.least-shard-allocation-strategy.rebalance-absolute-limit = 7", wrong);
        Check(system, "akka.cluster.min-nr-of-members = 1", wrong);
        wrong.ShouldBeEmpty();
        var cluster = Cluster.Get(system);
        cluster.SelfAddress.ToString().ShouldBe("akka.tcp://ledger@127.0.0.2:47111");
        cluster.SelfRoles.ShouldBe(["ledger"]);
        cluster.Settings.DowningProviderType.Name.ShouldBe("SplitBrainResolverProvider");
        await host.StopAsync();
    }

    private static IHost Build(string[] settings)
    {
        var node = NodeSettings.Read(NodeConfiguration.Build(
        [
            "--Ledger:Mode=Clustered", $"--ConnectionStrings:Ledger={PostgresServer.Shared.CreateDatabase()}",
            "--Ledger:Cluster:Port=0", .. settings,
        ]));
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Services.AddLogging();
        NodeActors.AddTo(builder.Services, node);
        return builder.Build();
    }

    private void Check(ActorSystem system, string line, List<string> wrong)
    {
        var parts = line.TrimStart().Split(" = ", 2);
        var (key, expected) = (parts[0], parts[1]);
        var config = system.Settings.Config;
        var found = !config.HasPath(key)
            ? "(none)"
            : expected == "[]" ? "[" + string.Join(", ", config.GetStringList(key)) + "]" : config.GetString(key);
        output.WriteLine($"{key} = {found}");
        var same = found == expected
            || (IsTime(expected) && IsTime(found) && config.GetTimeSpan(key) == Akka.Configuration.ConfigurationFactory
                .ParseString($"t = {expected}").GetTimeSpan("t"))
            || (expected is "on" or "off" or "true" or "false"
                && config.GetBoolean(key) == (expected is "on" or "true"));
        if (!same)
        {
            wrong.Add($"{key} is {found} and not {expected}");
        }
    }

    private static bool IsTime(string text) => text.Length > 1 && char.IsDigit(text[0]) && text[^1] == 's';
}
