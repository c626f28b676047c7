using Grpc.Core;
using GrpcMetadata = Grpc.Core.Metadata;

namespace Ledger.Grpc.Services;

/// <summary>One item of a stream, as the method sees it that would serve it as a call of its own.</summary>
/// <param name="stream">The call of the stream: who calls, and from where.</param>
/// <param name="method">The path of the item's method.</param>
/// <param name="deadline">When its caller gives up; <see cref="DateTime.MaxValue"/> for never.</param>
/// <param name="cancellation">Set when nobody waits for it any more.</param>
internal sealed class ItemCallContext(
    ServerCallContext stream, string method, DateTime deadline, CancellationToken cancellation) : ServerCallContext
{
    // By this key, gRPC's own for contexts of others, GetHttpContext() finds it.
    private const string HttpContextKey = "__HttpContext";

    private GrpcMetadata? trailers;

    /// <summary>Has the items of a stream find the request that the stream is. To be called before the first.</summary>
    /// <param name="stream">The call of the stream.</param>
    public static void Prepare(ServerCallContext stream) => stream.UserState[HttpContextKey] = stream.GetHttpContext();

    protected override string MethodCore => method;

    protected override string HostCore => stream.Host;

    protected override string PeerCore => stream.Peer;

    protected override DateTime DeadlineCore => deadline;

    protected override GrpcMetadata RequestHeadersCore => stream.RequestHeaders;

    protected override CancellationToken CancellationTokenCore => cancellation;

    protected override GrpcMetadata ResponseTrailersCore => trailers ??= [];

    protected override Status StatusCore { get; set; }

    protected override WriteOptions? WriteOptionsCore { get; set; }

    protected override AuthContext AuthContextCore => stream.AuthContext;

    // What the connection and the gate have put there.
    protected override IDictionary<object, object> UserStateCore => stream.UserState;

    protected override ContextPropagationToken CreatePropagationTokenCore(ContextPropagationOptions? options) =>
        throw new NotSupportedException("An item of a stream is not passed on.");

    protected override Task WriteResponseHeadersAsyncCore(GrpcMetadata responseHeaders) =>
        throw new NotSupportedException("An item of a stream has no headers of its own.");
}
