namespace Ledger.Grpc.Edge;

/// <summary>What one connection may hold; a feature of the connection, set where it was accepted.</summary>
/// <param name="Bytes">Bytes of requests.</param>
/// <param name="IsForHealth">Whether it was taken beyond what there is, to ask for health alone.</param>
internal sealed record ConnectionBudget(ByteBudget Bytes, bool IsForHealth);
