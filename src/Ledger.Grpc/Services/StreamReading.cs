using Grpc.Core;
using Ledger.Grpc.Errors;

namespace Ledger.Grpc.Services;

/// <summary>Reads what clients send on streams.</summary>
internal static class StreamReading
{
    /// <summary>Waits for the next message. What fails here fails of what the client sends, and nothing of it is begun
    /// with.</summary>
    /// <typeparam name="T">The messages.</typeparam>
    /// <param name="requests">The stream.</param>
    /// <param name="context">Its call.</param>
    /// <param name="cancellation">Ends the waiting.</param>
    /// <returns>False at the end.</returns>
    /// <exception cref="RequestErrorException">What has come can't be read.</exception>
    public static async ValueTask<bool> MoveNextAsync<T>(
        IAsyncStreamReader<T> requests, ServerCallContext context, CancellationToken cancellation)
    {
        try
        {
            return await requests.MoveNext(cancellation);
        }
        catch (Exception failure) when (!context.CancellationToken.IsCancellationRequested
            && failure is IOException or InvalidDataException or RpcException { StatusCode: StatusCode.Internal })
        {
            throw ErrorMap.Malformed.Exception();
        }
    }
}
