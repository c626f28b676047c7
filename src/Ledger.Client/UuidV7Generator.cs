namespace Ledger.Client;

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
