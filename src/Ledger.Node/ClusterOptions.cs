using System.ComponentModel.DataAnnotations;
using Akka.Actor;

namespace Ledger.Node;

/// <summary>Section <c>Ledger:Cluster</c>, for the clustered mode, beside <see cref="LedgerClusterOptions"/>: where
/// this node is, and where it finds the others.</summary>
internal sealed class ClusterOptions
{
    /// <summary>The address that Akka.Remote listens on.</summary>
    [Required]
    public string HostName { get; set; } = "127.0.0.1";

    /// <summary>The port that Akka.Remote listens on. Port 0 takes a free one.</summary>
    [Range(0, 65535)]
    public int Port { get; set; } = 4053;

    /// <summary>The name by which other nodes reach this one; null means <see cref="HostName"/>.</summary>
    public string? PublicHostName { get; set; }

    /// <summary>The port by which other nodes reach this one, where it is another than <see cref="Port"/>, as behind a
    /// proxy or in a container; null means the same.</summary>
    [Range(1, 65535)]
    public int? PublicPort { get; set; }

    /// <summary>The nodes to join, as <c>node-1:4053</c>, the same list on every node. The first of them may found the
    /// cluster. Without any, and without contact points, this node founds one.</summary>
    public string[] SeedNodes { get; set; } = [];

    /// <summary>The nodes' addresses of JSON and health, as <c>node-1:5000</c>, the same list on every node. There they
    /// ask each other for a cluster; whoever are there first agree who founds it, so that none is different from the
    /// others. Not together with seed nodes.</summary>
    public string[] ContactPoints { get; set; } = [];

    /// <summary>How many contact points must be found before a cluster is founded; null means a majority of
    /// them.</summary>
    [Range(1, 1000)]
    public int? RequiredContactPoints { get; set; }

    /// <summary>What this node is there for; none means everything.</summary>
    public string[] Roles { get; set; } = [];

    /// <summary>Whether this node has a role.</summary>
    public bool Has(string role) => Roles.Contains(role, StringComparer.Ordinal);

    /// <summary>This node's own entry among the contact points.</summary>
    /// <param name="httpUrl">Where it serves JSON and health.</param>
    public string OwnContactPoint(string httpUrl) =>
        $"{PublicHostName ?? HostName}:{BindingAddress.Parse(httpUrl).Port}";

    /// <summary>Fills in what follows from the rest, and refuses what does not go together.</summary>
    /// <exception cref="SettingsException">It does not go together.</exception>
    public void Complete(LedgerClusterOptions cluster, string httpUrl)
    {
        if (Roles.Length == 0)
        {
            Roles = NodeRoles.All;
        }

        if (Array.Find(Roles, static role => !NodeRoles.All.Contains(role, StringComparer.Ordinal)) is { } unknown)
        {
            throw new SettingsException(
                $"Ledger:Cluster:Roles holds '{unknown}'; the roles are {string.Join(", ", NodeRoles.All)}.");
        }

        if (SeedNodes.Length > 0 && ContactPoints.Length > 0)
        {
            throw new SettingsException(
                "Ledger:Cluster has both SeedNodes and ContactPoints. Two ways into a cluster may lead into two "
                + "clusters: keep one of them.");
        }

        if (RequiredContactPoints is { } required
            && (required <= ContactPoints.Length / 2 || required > ContactPoints.Length))
        {
            throw new SettingsException(
                $"Ledger:Cluster:RequiredContactPoints is {required} of {ContactPoints.Length}; it must be more than "
                + "half of them, or two clusters may be founded, and not more than there are.");
        }

        foreach (var contact in ContactPoints)
        {
            Split("ContactPoints", contact);
        }

        // It could never found a cluster otherwise, and only the last of them to be missing would show it.
        if (ContactPoints.Length > 0
            && !ContactPoints.Contains(OwnContactPoint(httpUrl), StringComparer.OrdinalIgnoreCase))
        {
            throw new SettingsException(
                $"Ledger:Cluster:ContactPoints lacks this node, which is {OwnContactPoint(httpUrl)} by "
                + "Ledger:Cluster:PublicHostName and Ledger:Http:Url.");
        }

        foreach (var seed in SeedNodes)
        {
            Split("SeedNodes", seed);
        }

        foreach (var (setting, host) in ((string, string)[])
            [(nameof(HostName), HostName), (nameof(PublicHostName), PublicHostName ?? HostName)])
        {
            if (Uri.CheckHostName(host) == UriHostNameType.Unknown)
            {
                throw new SettingsException(
                    $"Ledger:Cluster:{setting} is '{host}', which is no name or address of a host.");
            }
        }

        if (PublicHostName is null && System.Net.IPAddress.TryParse(HostName, out var address)
            && (address.Equals(System.Net.IPAddress.Any) || address.Equals(System.Net.IPAddress.IPv6Any)))
        {
            throw new SettingsException(
                $"Ledger:Cluster:HostName is {HostName}, which is every address of this machine; others can't be told "
                + "to reach it there. Set Ledger:Cluster:PublicHostName.");
        }

        cluster.Size ??= Math.Max(1, Math.Max(SeedNodes.Length, ContactPoints.Length));
        if (RequiredContactPoints is null && ContactPoints.Length > 0)
        {
            RequiredContactPoints = (ContactPoints.Length / 2) + 1;
        }
    }

    /// <summary>The seed nodes as Akka knows them.</summary>
    public string[] SeedAddresses(bool tls) =>
    [
        .. SeedNodes.Select(seed =>
        {
            var (host, port) = Split("SeedNodes", seed);
            return new Address(tls ? "akka.ssl.tcp" : "akka.tcp", NodeActors.SystemName, host, port).ToString();
        }),
    ];

    // Akka's own form is understood too; whether it is encrypted is said elsewhere, and differs in the scheme.
    private static (string Host, int Port) Split(string setting, string text)
    {
        var endpoint = text[(text.LastIndexOf('@') + 1)..];
        if (Uri.TryCreate("tcp://" + endpoint, UriKind.Absolute, out var uri) && uri.Port > 0 && uri.Host.Length > 0
            && uri.AbsolutePath is "" or "/")
        {
            return (uri.Host, uri.Port);
        }

        throw new SettingsException(
            $"Ledger:Cluster:{setting} holds '{text}'; a host and a port are needed: node-1:4053.");
    }
}
