namespace Ledger.Grpc.Edge;

/// <summary>What the edge knows of a method.</summary>
/// <param name="Request">Its request; null for methods of others.</param>
/// <param name="IsStream">Whether its client sends several messages.</param>
/// <param name="IsBatch">Whether its request holds several items.</param>
/// <param name="IsPage">Whether it answers a page of a statement or of accounts, which the ledger reads few of at
/// once.</param>
internal sealed record GrpcMethod(WireShape? Request, bool IsStream, bool IsBatch, bool IsPage);
