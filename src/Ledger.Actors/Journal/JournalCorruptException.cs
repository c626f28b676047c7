namespace Ledger.Actors.Journal;

/// <summary>The journal does not hold what it must: it was altered, or written by a newer version.</summary>
internal sealed class JournalCorruptException(string message, Exception? inner = null) : Exception(message, inner);
