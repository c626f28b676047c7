using Ledger.Core;

namespace Ledger.Simulation;

/// <summary>A row that was stored, among those of all accounts in the order of their commits.</summary>
/// <param name="Place">The account.</param>
/// <param name="Row">The row.</param>
/// <param name="At">When.</param>
/// <param name="Order">Its place among the rows of all accounts.</param>
internal sealed record Commit(SimulatedAccount Place, EventBatch Row, long At, long Order);
