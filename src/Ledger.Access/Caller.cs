namespace Ledger.Access;

/// <summary>Who calls. Immutable and thread-safe.</summary>
/// <param name="Principal">The name that the policy knows, and that stands in the journal: at most
/// <see cref="Principals.BytesMax"/> bytes.</param>
public sealed record Caller(string Principal)
{
    /// <summary>Until when what the caller has shown is good; null for as long as it is connected.</summary>
    public DateTimeOffset? ExpireTime { get; init; }

    /// <summary>What the caller has shown, as <c>key:ID</c>, <c>token:JTI</c> or <c>certificate:SERIAL</c>; never a
    /// secret. Null where the host does not say.</summary>
    public string? Credential { get; init; }

    /// <summary>Whether what the caller has shown is still taken: it may be withdrawn while a stream is open. Null for
    /// as long as it has not expired.</summary>
    public Func<bool>? IsStillTaken { get; init; }

    /// <summary>Requires that what the caller has shown is still good.</summary>
    /// <exception cref="LedgerException">It is not.</exception>
    internal void RequireValid(TimeProvider clock)
    {
        if ((ExpireTime is { } end && end <= clock.GetUtcNow()) || IsStillTaken?.Invoke() == false)
        {
            throw new LedgerException(
                LedgerErrorReason.Unauthenticated, "What the caller has shown is not valid any more. Show it anew.");
        }
    }
}
