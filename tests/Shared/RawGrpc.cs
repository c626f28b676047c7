using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using Google.Rpc;

namespace Ledger.Tests.Shared;

/// <summary>Calls of gRPC, byte by byte: what no library of clients would send.</summary>
internal static class RawGrpc
{
    /// <summary>What a call ended with.</summary>
    public sealed record Ended(int Code, string Reason, string Outcome, bool HasRetry, byte[] Body);

    /// <summary>A client on one connection, or on more where one has no room for a call.</summary>
    public static HttpClient Client() => new(new SocketsHttpHandler { EnableMultipleHttp2Connections = true })
    {
        Timeout = System.Threading.Timeout.InfiniteTimeSpan,
    };

    /// <summary>A message in its frame.</summary>
    /// <param name="message">The message.</param>
    /// <param name="flag">The first byte.</param>
    /// <param name="length">The length that is said, where that is another one.</param>
    public static byte[] Frame(ReadOnlySpan<byte> message, byte flag = 0, uint? length = null)
    {
        var frame = new byte[5 + message.Length];
        frame[0] = flag;
        BinaryPrimitives.WriteUInt32BigEndian(frame.AsSpan(1), length ?? (uint)message.Length);
        message.CopyTo(frame.AsSpan(5));
        return frame;
    }

    /// <summary>Sends these bytes and ends the request.</summary>
    public static Task<Ended> CallAsync(
        HttpClient http, Uri address, string method, byte[] bytes, params (string Name, string Value)[] headers) =>
        CallAsync(http, address, method, (stream, _) => stream.WriteAsync(bytes).AsTask(), headers);

    /// <summary>Sends these bytes and then nothing, neither more nor an end.</summary>
    public static Task<Ended> StallAsync(HttpClient http, Uri address, string method, byte[] bytes) =>
        CallAsync(http, address, method, async (stream, over) =>
        {
            await stream.WriteAsync(bytes, over);
            await stream.FlushAsync(over);
            await Task.Delay(System.Threading.Timeout.Infinite, over);
        });

    /// <summary>Sends what is written.</summary>
    public static async Task<Ended> CallAsync(
        HttpClient http, Uri address, string method, Func<Stream, CancellationToken, Task> write,
        params (string Name, string Value)[] headers)
    {
        using var over = new CancellationTokenSource();
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(address, method))
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = new Pushed(write, over.Token),
        };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/grpc");
        request.Headers.TryAddWithoutValidation("te", "trailers");
        foreach (var (name, value) in headers)
        {
            if (name == "content-type")
            {
                request.Content.Headers.ContentType = new MediaTypeHeaderValue(value);
                continue;
            }

            request.Headers.TryAddWithoutValidation(name, value);
        }

        using var response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        var body = await response.Content.ReadAsByteArrayAsync();
        await over.CancelAsync();
        return Read(response, body);
    }

    private static Ended Read(HttpResponseMessage response, byte[] body)
    {
        string? Find(string name) =>
            response.TrailingHeaders.TryGetValues(name, out var late) ? late.Single()
            : response.Headers.TryGetValues(name, out var early) ? early.Single()
            : null;
        var details = Find("grpc-status-details-bin");
        var status = details is null ? null
            : Google.Rpc.Status.Parser.ParseFrom(
                Convert.FromBase64String(details.PadRight((details.Length + 3) / 4 * 4, '=')));
        var info = status?.GetDetail<ErrorInfo>();
        return new Ended(
            int.Parse(Find("grpc-status") ?? "-1", CultureInfo.InvariantCulture), info?.Reason ?? "",
            info is null ? "" : info.Metadata["outcome"], status?.GetDetail<RetryInfo>() is not null, body);
    }

    private sealed class Pushed(Func<Stream, CancellationToken, Task> write, CancellationToken over) : HttpContent
    {
        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context) =>
            await write(stream, over);

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }
    }
}
