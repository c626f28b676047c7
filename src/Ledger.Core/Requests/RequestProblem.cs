namespace Ledger.Core;

/// <summary>What is wrong with a request as a whole: nothing of it is done. Immutable.</summary>
/// <param name="Kind">Its kind.</param>
/// <param name="What">What is wrong: a sentence without its full stop.</param>
/// <param name="Field">The field of the request that is at fault, such as <c>transfers[3].metadata</c>; null for
/// none.</param>
internal sealed record RequestProblem(RequestProblemKind Kind, string What, string? Field)
{
    /// <summary>What is allowed, as the sentence goes on; null where it has said so already.</summary>
    public string? Allowed { get; init; }

    /// <summary>For what is too long or too many: the longest or the most; else null.</summary>
    public int? Max { get; init; }

    /// <summary>For what has too many bytes: how many; else null.</summary>
    public long? Size { get; init; }

    /// <summary>For what has too many bytes: the most; else null.</summary>
    public long? SizeMax { get; init; }

    /// <summary>The whole sentence.</summary>
    public string Text => Allowed is null ? $"{What}." : $"{What}; {Allowed}.";
}
