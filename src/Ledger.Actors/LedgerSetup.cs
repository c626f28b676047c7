using Akka.Actor.Setup;
using Ledger.Actors.Timing;

namespace Ledger.Actors;

internal sealed class LedgerSetup(LedgerOptions options) : Setup
{
    public LedgerOptions Options { get; } = options;

    /// <summary>The ledger time of this node.</summary>
    public LedgerClock Clock { get; } = new(options.TimeProvider);
}
