using Ledger.Grpc.Errors;

namespace Ledger.Grpc.Edge;

/// <summary>What the edge refuses, in the words of the contract.</summary>
internal static class EdgeFaults
{
    /// <summary>There is no room for the request's bytes.</summary>
    public static RequestError NoRoom => new(
        ErrorReasons.Overloaded,
        "The node holds as many bytes of requests as it takes; nothing was read of this one. Send it again later.");

    /// <summary>It did not come in time.</summary>
    public static RequestError Incomplete(TimeSpan within) => new(
        ErrorReasons.RequestIncomplete,
        $"The request was not whole {within.TotalSeconds:0.#} s after it had begun; nothing was done.");

    /// <summary>The message's frame is none of gRPC.</summary>
    public static RequestError BadFrame => new(
        ErrorReasons.MalformedRequest,
        "The message begins with neither 0 nor 1, so it is not framed as gRPC wants it.");

    /// <summary>The stream ended in the middle of a message.</summary>
    public static RequestError CutOff => new(
        ErrorReasons.MalformedRequest, "The request ended in the middle of a message.");

    /// <summary>The message is compressed.</summary>
    public static RequestError Compressed => new(
        ErrorReasons.CompressionNotAccepted, "The message is compressed; this node takes messages as they are.");

    /// <summary>The stream has had its time.</summary>
    public static RequestError StreamTooOld => new(
        ErrorReasons.StreamEnded,
        "The stream is as old as streams become. What was read of it has been answered; open another one and go on.");

    /// <summary>The caller of the stream has been blocked.</summary>
    public static RequestError StreamBlocked => new(
        ErrorReasons.CallerBlocked,
        "The caller is blocked. What was read of the stream has been answered. Whoever runs the ledger knows why, and "
        + "until when.");

    /// <summary>Nothing came on the stream.</summary>
    public static RequestError StreamIdle => new(
        ErrorReasons.StreamEnded,
        "Nothing came on the stream for as long as a node waits. Open another one when there is something to send.");
}
