using Ledger.Core;
using Ledger.Journal.V1;

namespace Ledger.Actors.Journal;

/// <summary>A snapshot as far as it can be read without knowing whose it is.</summary>
internal sealed class ParsedSnapshot(
    StoredSnapshot stored, IReadOnlyList<(TransferId Id, LedgerTime At, IdempotencyRecord What)> remembered,
    IReadOnlyList<(TransferId Id, LedgerTime At, IdempotencyRecord What)> early)
{
    public IReadOnlyList<(TransferId Id, LedgerTime At, IdempotencyRecord What)> Early => early;

    public StoredSnapshot Stored => stored;

    public IReadOnlyList<(TransferId Id, LedgerTime At, IdempotencyRecord What)> Remembered => remembered;
}
