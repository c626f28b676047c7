namespace Ledger.Grpc.Edge;

/// <summary>A number of bytes that may be held at once. Thread-safe.</summary>
/// <param name="max">How many.</param>
internal sealed class ByteBudget(long max)
{
    private long taken;

    /// <summary>How many there are.</summary>
    public long Max { get; } = max;

    /// <summary>How many are held.</summary>
    public long Taken => Volatile.Read(ref taken);

    /// <summary>Takes some, or none where not all of them are free.</summary>
    public bool TryTake(long bytes) => TryTake(bytes, Max);

    /// <summary>Takes some, or none where more than so many would be held.</summary>
    public bool TryTake(long bytes, long heldMax)
    {
        if (Interlocked.Add(ref taken, bytes) <= heldMax)
        {
            return true;
        }

        Interlocked.Add(ref taken, -bytes);
        return false;
    }

    /// <summary>Gives some back.</summary>
    public void Return(long bytes) => Interlocked.Add(ref taken, -bytes);
}
