using Grpc.Core;
using Ledger.Grpc.Edge;
using Ledger.V1;

namespace Ledger.Grpc.Services;

/// <summary>ledger.v1.StreamService over the services whose calls it carries.</summary>
internal sealed class StreamGrpcService(CallStreams streams) : StreamService.StreamServiceBase
{
    public override Task StreamCalls(
        IAsyncStreamReader<StreamCallsRequest> requestStream, IServerStreamWriter<StreamCallsResponse> responseStream,
        ServerCallContext context)
    {
        ItemCallContext.Prepare(context);
        return streams.RunAsync(
            requestStream, responseStream, context, context.GetHttpContext().Features.Get<MessageIntake>());
    }
}
