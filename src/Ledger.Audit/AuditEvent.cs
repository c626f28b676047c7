namespace Ledger.Audit;

/// <summary>Something that is put on record. Immutable.</summary>
/// <remarks>Callers choose much of the text. What is longer than <see cref="AuditText.BytesMax"/> in a file is cut
/// there, and nothing in it can end a line or steer a terminal. It holds no amounts, references or metadata.</remarks>
/// <param name="Kind">What it is about.</param>
public sealed record AuditEvent(AuditKind Kind)
{
    /// <summary>Who called; null where nobody knows.</summary>
    public string? Principal { get; init; }

    /// <summary>What the caller has shown: <c>key:ID</c>, <c>token:JTI</c> or <c>certificate:SERIAL</c>. Never a
    /// secret.</summary>
    public string? Credential { get; init; }

    /// <summary>The address that the call came from.</summary>
    public string? Address { get; init; }

    /// <summary>The method that was called, as <c>ledger.v1.AccountService/FreezeAccount</c>.</summary>
    public string? Method { get; init; }

    /// <summary>What it was about: an account, a file, who was blocked.</summary>
    public string? Target { get; init; }

    /// <summary>How it ended: <c>OK</c>, a status, or the reason of an error.</summary>
    public string? Outcome { get; init; }

    /// <summary>What else there is to say.</summary>
    public string? Detail { get; init; }

    /// <summary>The id of the trace that the call belongs to.</summary>
    public string? Correlation { get; init; }

    /// <summary>Whether nothing was done: the call failed. Not written.</summary>
    public bool HasFailed { get; init; }

    /// <summary>Whether callers who are refused can cause it as often as they like. Such ones are summed up.</summary>
    internal bool IsRefusal =>
        HasFailed || Kind is AuditKind.AuthenticationFailed or AuditKind.Denied or AuditKind.Blocked
        or AuditKind.KeyLocked;
}
