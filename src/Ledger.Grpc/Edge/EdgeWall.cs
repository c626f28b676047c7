using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Options;

namespace Ledger.Grpc.Edge;

/// <summary>What all requests share before they are read: the budget of bytes.</summary>
internal sealed class EdgeWall(EdgeOptions options, IOptions<LedgerGrpcOptions> grpc)
{
    // No single item has more: 8 KB for the largest transfer, 2 MiB for the largest transaction.
    private const int ItemBytesMax = 4 * 1024 * 1024;
    private const int StreamedBytesMax = 64 * 1024;

    // Of a stream whose messages hold several items: what its hello allows, and as much again.
    private const int SharedBytesMax = 512 * 1024;
    private const int OtherBytesMax = 64 * 1024;

    // Whoever needs no more is served while others hold all that there is for large requests.
    private const int SmallBytes = 64 * 1024;

    // What is decoded of one request; the largest batch with all its metadata has a fifth.
    private const long DecodedBytesMax = 64 * 1024 * 1024;

    /// <summary>The settings.</summary>
    public EdgeOptions Options => options;

    /// <summary>The bytes that requests hold.</summary>
    public ByteBudget Bytes { get; } = new(options.NodeBytes);

    /// <summary>How many bytes one request may take in memory.</summary>
    public long RequestBytesMax { get; } = Math.Min(DecodedBytesMax, options.ConnectionBytes);

    /// <summary>How many bytes a message of a method may have.</summary>
    public int MessageBytesMax(GrpcMethod method) => method switch
    {
        { Request: null } => OtherBytesMax,
        { IsStream: true, IsBatch: true } => Math.Min(SharedBytesMax, grpc.Value.MaxReceiveMessageBytes),
        { IsStream: true } => Math.Min(StreamedBytesMax, grpc.Value.MaxReceiveMessageBytes),
        { IsBatch: true } => grpc.Value.MaxReceiveMessageBytes,
        _ => Math.Min(ItemBytesMax, grpc.Value.MaxReceiveMessageBytes),
    };

    /// <summary>The budget of the connection that a request came by; null where the server has none.</summary>
    public static ByteBudget? ConnectionOf(HttpContext context) => context.Features.Get<ConnectionBudget>()?.Bytes;

    /// <summary>Takes bytes of the node's and of the connection's, or none.</summary>
    public bool TryTake(ByteBudget? connection, long bytes)
    {
        if (connection?.TryTake(bytes) == false)
        {
            return false;
        }

        if (Bytes.TryTake(bytes, bytes <= SmallBytes ? Bytes.Max : Bytes.Max / 4 * 3))
        {
            return true;
        }

        connection?.Return(bytes);
        return false;
    }

    /// <summary>Gives them back.</summary>
    public void Return(ByteBudget? connection, long bytes)
    {
        if (bytes != 0)
        {
            connection?.Return(bytes);
            Bytes.Return(bytes);
        }
    }
}
