using Ledger.Core;

namespace Ledger.Actors.Accounts;

/// <summary>What the journal holds of a last agent that can't be asked.</summary>
/// <param name="Deciding">The rows that decide about what was looked for.</param>
/// <param name="Newest">The number of its last row; 0 for none.</param>
/// <param name="Last">That row; null when there is none, or it can't be read.</param>
/// <param name="Hash">The SHA-256 of its bytes as they are stored; of the stream's beginning when there is
/// none.</param>
internal sealed record LastAgentRows(IReadOnlyList<EventBatch> Deciding, long Newest, EventBatch? Last, byte[] Hash);
