using System.Globalization;

namespace Ledger.Chaos.Processes;

/// <summary>What a node is told at its start.</summary>
internal static class NodeSettings
{
    public static IEnumerable<string> Of(
        ChaosOptions options, Network network, Postgres postgres, Certificates? certificates, int node)
    {
        var own = network.Addresses[node];
        yield return "--Ledger:Mode=Clustered";
        yield return "--ConnectionStrings:Ledger=" + postgres.ConnectionThrough(own.Database);
        yield return $"--Ledger:Grpc:Url=http://{own.Grpc}";
        yield return $"--Ledger:Http:Url=http://{own.Http}";
        if (network.Namespaces is not null)
        {
            // Its addresses are no loopback; nobody else is in there.
            yield return "--Ledger:Security:Mode=Anonymous";
            yield return "--Ledger:Security:AllowAnonymous=true";
            yield return "--Ledger:Cluster:Tls:AllowPlaintext=true";
        }

        yield return "--Ledger:ShardCount=" + options.Shards.ToString(CultureInfo.InvariantCulture);
        yield return $"--Ledger:Cluster:HostName={own.Remote.Address}";
        yield return $"--Ledger:Cluster:PublicHostName={own.PublicRemote.Address}";
        yield return "--Ledger:Cluster:Port=" + own.Remote.Port.ToString(CultureInfo.InvariantCulture);
        for (var i = 0; i < network.Seeds; i++)
        {
            var protocol = certificates is null ? "akka.tcp" : "akka.ssl.tcp";
            yield return FormattableString.Invariant(
                $"--Ledger:Cluster:SeedNodes:{i}={protocol}://ledger@{network.Addresses[i].PublicRemote}");
        }

        if (certificates is not null)
        {
            yield return "--Ledger:Cluster:Tls:Enabled=true";
            yield return "--Ledger:Cluster:Tls:CertificatePath=" + certificates.Of(node);
            yield return "--Ledger:Cluster:Tls:KeyPath=" + certificates.KeyOf(node);
            yield return "--Ledger:Cluster:Tls:AuthorityPath=" + certificates.Authority;
        }

        if (options.Key is not null)
        {
            // With a policy there is an audit log, of which each node has one of its own.
            yield return "--Ledger:Audit:Path="
                + Path.Combine(options.Output, FormattableString.Invariant($"audit{node}"));
        }

        if (options.Mode == ChaosMode.Run && options.Seed % 2 == 0)
        {
            // So that accounts forget ids soon, and have to look for them.
            yield return "--Ledger:IdempotencyWindowMax=64";
        }

        foreach (var argument in options.NodeArguments)
        {
            yield return argument;
        }
    }
}
