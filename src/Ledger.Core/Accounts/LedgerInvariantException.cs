namespace Ledger.Core;

/// <summary>An invariant of the ledger does not hold: the journal was altered, or the code is wrong.</summary>
/// <param name="message">Which one, and where.</param>
internal sealed class LedgerInvariantException(string message) : Exception(message);
