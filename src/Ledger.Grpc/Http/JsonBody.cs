using System.Buffers;
using Ledger.Grpc.Edge;
using Ledger.Grpc.Errors;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Ledger.Grpc.Http;

/// <summary>The whole body of a request, in a buffer that grows with what has really come.</summary>
internal sealed class JsonBody : IDisposable
{
    private const int FirstBytes = 4 * 1024;

    // What is made of it is there beside it.
    private const int Weight = 2;

    private readonly EdgeWall wall;
    private readonly ByteBudget? connection;
    private byte[] buffer = ArrayPool<byte>.Shared.Rent(FirstBytes);
    private long held;

    private JsonBody(EdgeWall wall, ByteBudget? connection)
    {
        this.wall = wall;
        this.connection = connection;
    }

    /// <summary>How many bytes it has.</summary>
    public int Length { get; private set; }

    /// <summary>The bytes, until it is disposed of.</summary>
    public ReadOnlyMemory<byte> Bytes => buffer.AsMemory(0, Length);

    /// <summary>Reads it all.</summary>
    /// <param name="request">The request.</param>
    /// <param name="bytesMax">How many bytes it may have.</param>
    /// <param name="wall">Where room is taken for it, before it is read.</param>
    /// <returns>The body, to be disposed of; null when it has more.</returns>
    /// <exception cref="IOException">It ended before it was whole.</exception>
    /// <exception cref="RequestErrorException">There is no room, or it did not come in time.</exception>
    public static async ValueTask<JsonBody?> ReadAsync(HttpRequest request, int bytesMax, EdgeWall wall)
    {
        if (request.ContentLength > bytesMax)
        {
            return null;
        }

        var leaves = request.HttpContext.RequestAborted;
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(leaves);
        patience.CancelAfter(wall.Options.BodyTimeout);
        JsonBody? body = new(wall, EdgeWall.ConnectionOf(request.HttpContext));
        try
        {
            var hasBody = request.HttpContext.Features.Get<IHttpRequestBodyDetectionFeature>()?.CanHaveBody != false;
            body.Hold(request.ContentLength ?? (hasBody ? body.buffer.Length : 0));
            while (await request.Body.ReadAsync(body.Free(bytesMax), patience.Token) is > 0 and var count)
            {
                body.Length += count;
                if (body.Length > bytesMax)
                {
                    return null;
                }
            }

            var whole = body;
            body = null;
            return whole;
        }
        catch (OperationCanceledException) when (!leaves.IsCancellationRequested)
        {
            throw EdgeFaults.Incomplete(wall.Options.BodyTimeout).Exception();
        }
        finally
        {
            body?.Dispose();
        }
    }

    /// <summary>A stream over the bytes, for as long as they are there.</summary>
    public MemoryStream Open() => new(buffer, 0, Length, writable: false);

    public void Dispose()
    {
        ArrayPool<byte>.Shared.Return(buffer);
        buffer = [];
        Length = 0;
        wall.Return(connection, held);
        held = 0;
    }

    // Room for so many bytes at least.
    private void Hold(long bytes)
    {
        var more = (Weight * bytes) - held;
        if (more <= 0)
        {
            return;
        }

        if (!wall.TryTake(connection, more))
        {
            throw EdgeFaults.NoRoom.Exception();
        }

        held += more;
    }

    /// <summary>Room for what comes next: one byte more than there may be, so that too many are noticed.</summary>
    private Memory<byte> Free(int bytesMax)
    {
        if (Length == buffer.Length)
        {
            var larger = ArrayPool<byte>.Shared.Rent((int)Math.Min(2L * Length, bytesMax + 1L));
            buffer.AsSpan(0, Length).CopyTo(larger);
            ArrayPool<byte>.Shared.Return(buffer);
            buffer = larger;
            Hold(Math.Min(buffer.Length, bytesMax));
        }

        return buffer.AsMemory(Length, (int)Math.Min(buffer.Length - (long)Length, bytesMax + 1L - Length));
    }
}
