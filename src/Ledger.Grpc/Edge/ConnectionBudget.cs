using System.Diagnostics;

namespace Ledger.Grpc.Edge;

/// <summary>What one connection may hold; a feature of the connection, set where it was accepted.</summary>
/// <param name="Bytes">Bytes of requests.</param>
/// <param name="IsForHealth">Whether it was taken beyond what there is, to ask for health alone.</param>
internal sealed record ConnectionBudget(ByteBudget Bytes, bool IsForHealth)
{
    // Clients break calls off that take too long, and not before they have begun: but for a node that stands still for
    // a moment, when all that a connection may have come to an end together.
    private const int BrokenOffMax = 5_000;
    private static readonly TimeSpan s_forgotten = TimeSpan.FromSeconds(10);

    private long since = Stopwatch.GetTimestamp();
    private int brokenOff;

    /// <summary>Closes the connection; null where that can't be done.</summary>
    public Action? Abort { get; init; }

    /// <summary>Counts a call that was broken off before it was begun with. Whoever makes many of them on purpose is
    /// not served on this connection any more.</summary>
    public void BrokeOff()
    {
        if (Stopwatch.GetElapsedTime(Volatile.Read(ref since)) > s_forgotten)
        {
            Volatile.Write(ref since, Stopwatch.GetTimestamp());
            Volatile.Write(ref brokenOff, 0);
        }

        if (Interlocked.Increment(ref brokenOff) == BrokenOffMax)
        {
            Abort?.Invoke();
        }
    }
}
