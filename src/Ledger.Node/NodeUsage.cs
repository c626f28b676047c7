using System.Reflection;

namespace Ledger.Node;

/// <summary>What --help and --version print.</summary>
internal static class NodeUsage
{
    /// <summary>The version, as that of the packages.</summary>
    public static string Version { get; } = typeof(NodeUsage).Assembly
        .GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "unknown";

    public const string Text = """
        Runs a ledger node: gRPC on http://127.0.0.1:5001, JSON and health on http://127.0.0.1:5000.

        Settings come from appsettings.json (beside the program, then in the current directory), from the
        environment (Ledger__Sqlite__Path=...) and from the command line (--Ledger:Sqlite:Path=...); the later wins.

          Ledger:Sqlite:Path        where the ledger is kept, without PostgreSQL (./data/ledger.db)
          ConnectionStrings:Ledger  keeps it in PostgreSQL instead
          Ledger:Grpc:Url           where gRPC is served (http://127.0.0.1:5001)
          Ledger:Http:Url           where JSON and /health are served (http://127.0.0.1:5000)
          Ledger:Telemetry:Prometheus  true serves /metrics beside /health
          Ledger:Mode               Local, or Clustered: several nodes on one PostgreSQL
          Ledger:Cluster:Port       where other nodes reach this one, encrypted (4053)
          Ledger:Cluster:SeedNodes  the nodes to join: --Ledger:Cluster:SeedNodes:0=node-1:4053, and so on

        After a loss (HALTED in /health and in the log), with the same settings:
          epoch begin --by NAME --reason TEXT   has the ledger go on with what the database holds now
          epoch show                            prints the epoch that runs

        For PostgreSQL, where the nodes' role may create no tables:
          schema [--role NAME]      prints the SQL that makes them, and the rights that the role needs
          schema --sqlite           prints the tables of the SQLite files, which a node makes itself

        Who may call (docs/operating/security.md); where other machines reach the node, it starts with nothing less:
          Ledger:Tls:CertificatePath, KeyPath   what the node shows at https addresses
          Ledger:Security:PolicyPath            who may do what
          key create ID --principal NAME        makes a key; policy check FILE reads a policy as a node does

        For the index of transfers and accounts (Ledger:Index:Enabled), with the same settings:
          index rebuild             empties it, and a node makes it again
          index show                prints how far it has got

        settings prints every setting with the value in effect; a start prints those that were given. LEDGER_DEBUG=1 prints
        stack traces. --version prints the version and starts nothing.
        """;
}
