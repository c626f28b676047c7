namespace Ledger.Actors.Calls;

/// <summary>When a call ends that has no answer yet.</summary>
/// <param name="Deadline">Until when it waits.</param>
/// <param name="CancellationToken">Gives up earlier.</param>
internal readonly record struct CallEnd(DateTimeOffset Deadline, CancellationToken CancellationToken);
