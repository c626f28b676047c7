namespace Ledger.Actors.Index;

/// <summary>A rejection whose content was prepared before the page that tells of it.</summary>
/// <param name="Attempt">The attempt.</param>
/// <param name="Row">The coordinator's row that aborts it: the preparation is in an earlier one, mostly the one
/// before.</param>
internal readonly record struct AbortedKey(PreparedKey Attempt, long Row);
