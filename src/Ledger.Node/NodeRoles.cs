namespace Ledger.Node;

/// <summary>What a node of a cluster may be there for.</summary>
internal static class NodeRoles
{
    /// <summary>Serves gRPC and JSON. Without it a node serves only health.</summary>
    public const string Front = "front";

    /// <summary>Holds accounts, and expires their holds. Without it a node passes on what concerns accounts.</summary>
    public const string Ledger = "ledger";

    /// <summary>Reserved: keeps projections of the journal, of which there are none yet.</summary>
    public const string Projection = "projection";

    public static readonly string[] All = [Front, Ledger, Projection];
}
