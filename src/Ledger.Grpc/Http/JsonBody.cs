using System.Buffers;
using Microsoft.AspNetCore.Http;

namespace Ledger.Grpc.Http;

/// <summary>The whole body of a request, in a buffer that grows with what has really come.</summary>
internal sealed class JsonBody : IDisposable
{
    private const int FirstBytes = 4 * 1024;

    private byte[] buffer = ArrayPool<byte>.Shared.Rent(FirstBytes);

    private JsonBody()
    {
    }

    /// <summary>How many bytes it has.</summary>
    public int Length { get; private set; }

    /// <summary>The bytes, until it is disposed of.</summary>
    public ReadOnlyMemory<byte> Bytes => buffer.AsMemory(0, Length);

    /// <summary>Reads it all.</summary>
    /// <param name="request">The request.</param>
    /// <param name="bytesMax">How many bytes it may have.</param>
    /// <returns>The body, to be disposed of; null when it has more.</returns>
    /// <exception cref="IOException">It ended before it was whole.</exception>
    public static async ValueTask<JsonBody?> ReadAsync(HttpRequest request, int bytesMax)
    {
        if (request.ContentLength > bytesMax)
        {
            return null;
        }

        JsonBody? body = new();
        try
        {
            var leaves = request.HttpContext.RequestAborted;
            while (await request.Body.ReadAsync(body.Free(bytesMax), leaves) is > 0 and var count)
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
        }

        return buffer.AsMemory(Length, (int)Math.Min(buffer.Length - (long)Length, bytesMax + 1L - Length));
    }
}
