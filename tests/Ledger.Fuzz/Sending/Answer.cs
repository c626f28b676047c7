namespace Ledger.Fuzz.Sending;

/// <summary>What came of an input.</summary>
internal sealed record Answer
{
    /// <summary>Why there was none: the connection ended, or nothing came in time. Null where there was one.</summary>
    public string? Failure { get; init; }

    /// <summary>Whether nothing was sent, since the client's own library refused to.</summary>
    public bool IsUnsent { get; init; }

    public int HttpStatus { get; init; }

    /// <summary>Whether the connection ends with it.</summary>
    public bool IsLast { get; init; }

    public string ContentType { get; init; } = "";

    /// <summary>grpc-status; null where there was none.</summary>
    public int? GrpcStatus { get; init; }

    /// <summary>grpc-message.</summary>
    public string GrpcMessage { get; init; } = "";

    /// <summary>grpc-status-details-bin, decoded; null where there was none.</summary>
    public byte[]? GrpcDetails { get; init; }

    public byte[] Body { get; init; } = [];
}
