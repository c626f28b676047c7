namespace Ledger.Grpc.Access;

/// <summary>What a node has that callers share.</summary>
internal sealed class ShareOptions
{
    /// <summary>How many calls the ledger works on at once; of which one caller may have half.</summary>
    public int NodeCallsMax { get; init; } = new LedgerOptions().NodeCallsMax;
}
