namespace Ledger.Core;

/// <summary>Kinds of <see cref="RequestProblem"/>.</summary>
internal enum RequestProblemKind
{
    /// <summary>A field has a value that nothing can be done with.</summary>
    InvalidArgument,

    /// <summary>The request holds no items.</summary>
    EmptyBatch,

    /// <summary>The request holds too many items, or its answer would have too many bytes.</summary>
    BatchTooLarge,

    /// <summary>A reference is too long.</summary>
    ReferenceTooLong,

    /// <summary>A reason is too long.</summary>
    ReasonTooLong,

    /// <summary>Metadata breaks one of its limits.</summary>
    MetadataTooLarge,

    /// <summary>A transaction has too many bytes.</summary>
    TransactionTooLarge,

    /// <summary>What the request names was not found, or does not do what the request asks for.</summary>
    NotFound,
}
