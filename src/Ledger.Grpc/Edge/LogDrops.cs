namespace Ledger.Grpc.Edge;

/// <summary>How many records of the log were thrown away. Thread-safe.</summary>
internal sealed class LogDrops
{
    private long count;

    /// <summary>Since the start.</summary>
    public long Count => Volatile.Read(ref count);

    /// <summary>Counts one.</summary>
    public void Add() => Interlocked.Increment(ref count);
}
