using Microsoft.Extensions.Configuration;

namespace Ledger.Node.Tests;

/// <summary>What a node of a cluster is told, and what it refuses to be told.</summary>
public sealed class ClusterSettingsTests
{
    [Fact]
    public void A_node_has_all_roles_and_accounts_live_on_those_with_the_role_for_it()
    {
        var settings = Read(("Ledger:Cluster:Tls:Enabled", "false"));
        settings.Cluster.Roles.ShouldBe(["front", "ledger", "projection"]);
        settings.IsFront.ShouldBeTrue();
        settings.Ledger.Role.ShouldBe("ledger");
        settings.Tls.ShouldBeNull();
    }

    [Fact]
    public void A_node_without_the_role_front_serves_no_calls() =>
        Read(("Ledger:Cluster:Tls:Enabled", "false"), ("Ledger:Cluster:Roles:0", "ledger")).IsFront.ShouldBeFalse();

    [Theory]
    [InlineData(0, 1, 1)]
    [InlineData(1, 1, 1)]
    [InlineData(2, 2, 2)]
    [InlineData(3, 3, 2)]
    [InlineData(5, 5, 3)]
    public void A_cluster_begins_with_a_majority_of_its_seed_nodes(int seeds, int size, int majority)
    {
        var settings = Read(
            [("Ledger:Cluster:Tls:Enabled", "false"), .. Enumerable.Range(0, seeds)
                .Select(static i => ($"Ledger:Cluster:SeedNodes:{i}", $"node-{i}:4053"))]);
        settings.ClusterTimes.Size.ShouldBe(size);
        settings.ClusterTimes.Majority.ShouldBe(majority);
        settings.Cluster.SeedAddresses(tls: true).ShouldAllBe(
            static address => address.StartsWith("akka.ssl.tcp://ledger@node-", StringComparison.Ordinal));
    }

    [Fact]
    public void A_majority_of_the_contact_points_founds_a_cluster() =>
        Read(
            ("Ledger:Cluster:Tls:Enabled", "false"), ("Ledger:Cluster:PublicHostName", "b"),
            ("Ledger:Cluster:ContactPoints:0", "a:5000"), ("Ledger:Cluster:ContactPoints:1", "b:5000"),
            ("Ledger:Cluster:ContactPoints:2", "c:5000")).Cluster.RequiredContactPoints.ShouldBe(2);

    [Theory]
    [InlineData("akka.tcp://ledger@node-1:4053")]
    [InlineData("akka.ssl.tcp://ledger@node-1:4053")]
    [InlineData("node-1:4053")]
    public void A_seed_node_may_be_said_in_Akkas_own_form(string seed) =>
        Read(("Ledger:Cluster:Tls:Enabled", "false"), ("Ledger:Cluster:SeedNodes:0", seed)).Cluster
            .SeedAddresses(tls: false)
            .ShouldBe(["akka.tcp://ledger@node-1:4053"]);

    [Theory]
    [InlineData("Ledger:Cluster:Roles:0", "leger", "front, ledger, projection")]
    [InlineData("Ledger:Cluster:SeedNodes:0", "node-1", "node-1:4053")]
    [InlineData("Ledger:Cluster:SeedNodes:0", ":4053", ":4053")]
    [InlineData("Ledger:Cluster:HostName", "0.0.0.0", "PublicHostName")]
    [InlineData("Ledger:Cluster:PublicPort", "0", "PublicPort")]
    [InlineData("Ledger:Cluster:Profile", "Reckless", "Profile")]
    [InlineData("Ledger:Cluster:Size", "0", "Size")]
    [InlineData("Ledger:Cluster:DownRemovalMargin", "00:00:00", "DownRemovalMargin")]
    [InlineData("Ledger:Cluster:StableAfter", "00:00:00", "StableAfter")]
    [InlineData("Ledger:Cluster:RequiredContactPoints", "1", "RequiredContactPoints")]
    [InlineData("Ledger:Cluster:ContactPoints:0", "elsewhere:5000", "lacks this node")]
    [InlineData("Ledger:Cluster:JoinTimeout", "00:00:01", "JoinTimeout")]
    [InlineData("Ledger:Role", "accounts", "ledger")]
    public void What_can_not_work_is_refused_by_name(string key, string value, string named)
    {
        var line = StartupErrors.Explain(
            Should.Throw<Exception>(() => Read(("Ledger:Cluster:Tls:Enabled", "false"), (key, value))));
        line.ShouldContain(named);
    }

    [Fact]
    public void Seed_nodes_and_contact_points_together_are_refused() =>
        Should.Throw<SettingsException>(() => Read(
                ("Ledger:Cluster:Tls:Enabled", "false"), ("Ledger:Cluster:SeedNodes:0", "a:4053"),
                ("Ledger:Cluster:ContactPoints:0", "a:5000")))
            .Message.ShouldContain("SeedNodes and ContactPoints");

    [Fact]
    public void A_cluster_without_certificates_is_refused_unless_it_is_said() =>
        Should.Throw<SettingsException>(() => Read()).Message.ShouldContain("Ledger:Cluster:Tls:CertificatePath");

    [Theory]
    [InlineData("environment")]
    [InlineData("DOTNET_ENVIRONMENT")]
    [InlineData("ASPNETCORE_ENVIRONMENT")]
    public void In_development_a_cluster_needs_no_certificates(string key) =>
        Read((key, "Development")).Tls.ShouldBeNull();

    [Theory]
    [InlineData("Ledger:Cluster:Tls:Enabled", "false")]
    [InlineData("DOTNET_ENVIRONMENT", "Development")]
    public void Plaintext_off_the_machine_is_refused_unless_it_is_named(string key, string value)
    {
        foreach (var host in (string[])["192.0.2.7", "node-1", "0.0.0.0"])
        {
            (string, string)[] all = [
                (key, value), ("Ledger:Cluster:HostName", host), ("Ledger:Cluster:PublicHostName", "node-1")];
            Should.Throw<SettingsException>(() => Read(all)).Message.ShouldContain("AllowPlaintext");
            Read([.. all, ("Ledger:Cluster:Tls:AllowPlaintext", "true")]).Tls.ShouldBeNull();
        }

        foreach (var host in (string[])["127.0.0.1", "localhost", "::1"])
        {
            Read((key, value), ("Ledger:Cluster:HostName", host)).Tls.ShouldBeNull();
        }
    }

    [Fact]
    public void The_values_of_the_profile_are_printed()
    {
        var text = Read(
            ("Ledger:Cluster:Tls:Enabled", "false"), ("Ledger:Cluster:Profile", "Cautious"),
            ("Ledger:Cluster:GossipInterval", "00:00:00.3")).DescribeAll();
        text.ShouldContain("Ledger:Cluster:StableAfter = 00:00:05");
        text.ShouldContain("Ledger:Cluster:GossipInterval = 00:00:00.3");
        text.ShouldContain("Ledger:Cluster:DownRemovalMargin = 00:00:00.2");
    }

    [Theory]
    [InlineData(LedgerClusterProfile.Fast, 5.35)]
    [InlineData(LedgerClusterProfile.Cautious, 8.35)]
    [InlineData(LedgerClusterProfile.Tolerant, 9.85)]
    public void The_expected_failover_is_the_sum_of_its_parts(LedgerClusterProfile profile, double seconds) =>
        new LedgerClusterOptions { Profile = profile }.ExpectedFailover.TotalSeconds.ShouldBe(seconds, 0.1);

    private static NodeSettings Read(params (string Key, string Value)[] values) => NodeSettings.Read(
        new ConfigurationBuilder()
            .AddInMemoryCollection(values.Select(static v => KeyValuePair.Create(v.Key, (string?)v.Value))
                .Append(KeyValuePair.Create("Ledger:Mode", (string?)"Clustered"))
                .Append(KeyValuePair.Create("ConnectionStrings:Ledger", (string?)"Host=db")))
            .Build());
}
