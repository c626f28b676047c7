using System.Collections.Frozen;
using System.Runtime.CompilerServices;
using Ledger.Grpc.Errors;

namespace Ledger.Grpc.Edge;

/// <summary>How often requests were refused before anything was known of them, for a line of the log from time to time:
/// a line for each would be the attack. Thread-safe.</summary>
internal sealed class RefusalCounts
{
    private static readonly ErrorReason[] Summed =
    [
        ErrorReasons.MalformedRequest, ErrorReasons.RequestTooLarge, ErrorReasons.RequestIncomplete,
        ErrorReasons.CompressionNotAccepted, ErrorReasons.HostNotAllowed, ErrorReasons.OriginNotAllowed,
        ErrorReasons.Overloaded,
    ];

    private readonly FrozenDictionary<ErrorReason, StrongBox<long>> counts = Summed.ToFrozenDictionary(
        static reason => reason, static _ => new StrongBox<long>());

    /// <summary>Counts one, if it is of these.</summary>
    public void Add(ErrorReason reason)
    {
        if (counts.TryGetValue(reason, out var count))
        {
            Interlocked.Increment(ref count.Value);
        }
    }

    /// <summary>What there has been since the last time, and begins anew.</summary>
    public IEnumerable<(string Reason, long Count)> Take()
    {
        foreach (var (reason, count) in counts)
        {
            if (Interlocked.Exchange(ref count.Value, 0) is > 0 and var some)
            {
                yield return (reason.Name, some);
            }
        }
    }
}
