namespace Ledger.Grpc.Errors;

/// <summary>What is wrong with a request. A value, so that a bad item of a stream costs no exception.</summary>
/// <param name="Reason">The reason.</param>
/// <param name="Message">What is wrong, for people; holds nothing that the client didn't send or may not know.</param>
/// <param name="Field">The field at fault, or null.</param>
/// <param name="Limit">The limit that was passed, or null.</param>
/// <param name="Size">For a limit in bytes: how many there are, or null.</param>
internal readonly record struct RequestError(
    ErrorReason Reason, string Message, string? Field = null, long? Limit = null, long? Size = null)
{
    /// <summary>How long to wait before the same request is sent again, where it is another than its reason
    /// says.</summary>
    public TimeSpan? RetryAfter { get; init; }

    /// <summary>For an index that is behind: by how much; else null.</summary>
    public TimeSpan? Lag { get; init; }

    /// <summary>The same fault, seen from the message that holds the faulty one.</summary>
    public RequestError Within(string parent) => this with { Field = Field is null ? parent : $"{parent}.{Field}" };

    public RequestErrorException Exception() => new(this);
}
