namespace Ledger.Chaos.Attacks;

/// <summary>What a bystander's calls of a time were like.</summary>
/// <param name="Calls">How many there were.</param>
/// <param name="Errors">How many failed.</param>
/// <param name="P50">How long half of them took at most, from when they were due, in ms.</param>
/// <param name="P99">How long all but one in a hundred took at most, in ms.</param>
internal readonly record struct BystanderFigures(int Calls, int Errors, double P50, double P99);
