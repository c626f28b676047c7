namespace Ledger.Client;

/// <summary>Counts the attempts of one call that may have arrived at a node.</summary>
/// <remarks>gRPC reports a call by its last attempt alone. "Connection refused" then says nothing about an attempt
/// before it that was sent and never answered; only by counting can the client say that nothing was asked.</remarks>
internal sealed class DeliveryTracker
{
    private static readonly AsyncLocal<DeliveryTracker?> Ambient = new();
    private readonly bool counts;
    private int arrivals;

    private DeliveryTracker(bool counts) => this.counts = counts;

    public static DeliveryTracker? Current => Ambient.Value;

    /// <summary>Whether any attempt may have reached a node.</summary>
    public bool MayHaveArrived => !counts || Volatile.Read(ref arrivals) > 0;

    /// <summary>Whether an attempt before the last one may have reached a node.</summary>
    public bool EarlierMayHaveArrived => Volatile.Read(ref arrivals) > 1;

    /// <summary>Begins to count for the calls that the caller's flow starts from now on.</summary>
    /// <param name="counts">False where the channel is not ours and nothing can be counted.</param>
    public static DeliveryTracker Begin(bool counts)
    {
        var trace = new DeliveryTracker(counts);
        Ambient.Value = trace;
        return trace;
    }

    public void Sending() => Interlocked.Increment(ref arrivals);

    public void NeverSent() => Interlocked.Decrement(ref arrivals);
}
