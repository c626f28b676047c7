namespace Ledger.Actors.Timing;

/// <summary>A ledger can't begin: the clocks contradict each other.</summary>
/// <param name="message">Which, by how much, and what to do.</param>
internal sealed class ClockException(string message) : InvalidOperationException(message);
