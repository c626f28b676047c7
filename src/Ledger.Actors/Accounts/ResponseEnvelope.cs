using Ledger.Core;

namespace Ledger.Actors.Accounts;

/// <summary>An answer on its way to the node that asked.</summary>
internal sealed record ResponseEnvelope(long Correlation, AccountResponse Answer);
