using Ledger.Core;

namespace Ledger.Simulation;

/// <summary>A row that an account has handed to the writer of its node.</summary>
/// <param name="One">The account that decided it.</param>
/// <param name="Row">The row.</param>
internal sealed record QueuedRow(Incarnation One, EventBatch Row);
