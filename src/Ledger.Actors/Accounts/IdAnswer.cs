using Ledger.Core;

namespace Ledger.Actors.Accounts;

/// <summary>What a search says to one question.</summary>
/// <param name="Asked">The question.</param>
/// <param name="Found">What was found; null for nothing.</param>
/// <param name="IsProved">Whether that is the answer; else the index is not complete.</param>
internal readonly record struct IdAnswer(IdLookup Asked, IdHistory? Found, bool IsProved);
