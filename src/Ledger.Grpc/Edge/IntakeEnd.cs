namespace Ledger.Grpc.Edge;

/// <summary>Why the reading of a request was ended from outside.</summary>
internal enum IntakeEnd
{
    /// <summary>It was not.</summary>
    None,

    /// <summary>A message did not become whole in time.</summary>
    Incomplete,

    /// <summary>The stream is too old.</summary>
    TooOld,

    /// <summary>Nothing came on the stream.</summary>
    Idle,

    /// <summary>Its caller has been blocked.</summary>
    Blocked,
}
