namespace Ledger.Client;

/// <summary>Makes the ids of transfers.</summary>
/// <remarks>An id is made before the first attempt and kept for every retry: it is what makes a retry safe.
/// Implementations must be thread-safe and never give the same id twice.</remarks>
public interface IIdGenerator
{
    /// <summary>Makes an id that was never used.</summary>
    Guid New();
}
