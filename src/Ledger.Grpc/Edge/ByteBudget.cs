namespace Ledger.Grpc.Edge;

/// <summary>A number of bytes that may be held at once. Thread-safe.</summary>
/// <param name="max">How many.</param>
/// <param name="outer">Another budget that each byte is taken from as well; null for none.</param>
/// <param name="shared">A further one, that many of these share; null for none.</param>
/// <param name="sharedMax">How many bytes may be held of it.</param>
internal sealed class ByteBudget(
    long max, ByteBudget? outer = null, ByteBudget? shared = null, long sharedMax = long.MaxValue)
{
    private long taken;
    private long total;

    /// <summary>How many there are.</summary>
    public long Max { get; } = max;

    /// <summary>How many are held.</summary>
    public long Taken => Volatile.Read(ref taken);

    /// <summary>How many have been taken in all.</summary>
    public long Total => Volatile.Read(ref total);

    /// <summary>Takes some, or none where not all of them are free.</summary>
    public bool TryTake(long bytes) => TryTake(bytes, Max);

    /// <summary>Takes some, or none where more than so many would be held.</summary>
    public bool TryTake(long bytes, long heldMax)
    {
        if (outer?.TryTake(bytes) == false)
        {
            return false;
        }

        if (shared?.TryTake(bytes, sharedMax) == false)
        {
            outer?.Return(bytes);
            return false;
        }

        if (Interlocked.Add(ref taken, bytes) <= heldMax)
        {
            Interlocked.Add(ref total, bytes);
            return true;
        }

        Return(bytes);
        return false;
    }

    /// <summary>Gives some back.</summary>
    public void Return(long bytes)
    {
        Interlocked.Add(ref taken, -bytes);
        shared?.Return(bytes);
        outer?.Return(bytes);
    }
}
