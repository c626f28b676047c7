namespace Ledger.Client;

/// <summary>Makes the ids of transfers.</summary>
/// <remarks>An id is made before the first attempt and kept for every retry: it is what makes a retry safe. Implementations
/// must be thread-safe and never give the same id twice.</remarks>
public interface IIdGenerator
{
    /// <summary>Makes an id that was never used.</summary>
    Guid New();
}

/// <summary>Makes ids that are UUIDs of version 7, whose order is the order of time. Recommended: the ledger recognises
/// a new one without looking into its journal. Thread-safe.</summary>
public sealed class UuidV7Generator : IIdGenerator
{
    private readonly TimeProvider time;

    /// <summary>Makes a generator.</summary>
    /// <param name="time">The clock; by default that of the system.</param>
    public UuidV7Generator(TimeProvider? time = null) => this.time = time ?? TimeProvider.System;

    /// <inheritdoc/>
    public Guid New() => Guid.CreateVersion7(time.GetUtcNow());
}

/// <summary>Ids of transfers, the short way.</summary>
public static class TransferIds
{
    private static readonly UuidV7Generator Generator = new();

    /// <summary>A new id: a UUID of version 7. Keep it, with the transfer, until the outcome is known.</summary>
    public static Guid New() => Generator.New();
}
