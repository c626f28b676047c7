using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Ledger.Fuzz.Inputs;

namespace Ledger.Fuzz.Sending;

/// <summary>Sends inputs, byte by byte, and reads whatever comes. Safe for many threads.</summary>
internal sealed class Sender : IDisposable
{
    /// <summary>Longer than anything that a node lets anybody wait for.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(75);

    // Whoever shows keys of nobody is locked out by address, and with him all that come from there.
    private static readonly IPAddress s_usual = IPAddress.Loopback;
    private static readonly IPAddress s_forgers = IPAddress.Parse("127.0.0.3");

    private readonly Keys? keys;
    private readonly HttpClient usual = Client(s_usual);
    private readonly HttpClient forgers = Client(s_forgers);

    /// <summary>Begins.</summary>
    /// <param name="keys">What callers show; null where nobody is asked.</param>
    public Sender(Keys? keys) => this.keys = keys;

    /// <summary>Sends one.</summary>
    /// <param name="input">What.</param>
    /// <param name="address">To the address where its form is served.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task<Answer> SendAsync(FuzzInput input, Uri address, CancellationToken cancellationToken)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(s_patience);
        try
        {
            using var request = RequestOf(input, address);
            var client = input.Credential == Credential.Forged ? forgers : usual;
            using var response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead,
                patience.Token);
            var body = await response.Content.ReadAsByteArrayAsync(patience.Token);
            return Read(response, body);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return new Answer { Failure = $"nothing came within {s_patience.TotalSeconds} s" };
        }
        catch (HttpRequestException e) when (e.Message.Contains("exceeded the server limit", StringComparison.Ordinal))
        {
            return new Answer { Failure = Explain(e), IsUnsent = true };
        }
        catch (Exception e) when (e is HttpRequestException or IOException)
        {
            return new Answer { Failure = Explain(e) };
        }
        catch (Exception e) when (e is FormatException or ArgumentException or InvalidOperationException
            or NotSupportedException)
        {
            return new Answer { Failure = Explain(e), IsUnsent = true };
        }
    }

    public void Dispose()
    {
        usual.Dispose();
        forgers.Dispose();
    }

    private static HttpClient Client(IPAddress from) => new(new SocketsHttpHandler
    {
        EnableMultipleHttp2Connections = true,
        MaxConnectionsPerServer = 64,
        AllowAutoRedirect = false,
        UseCookies = false,
        AutomaticDecompression = DecompressionMethods.None,
        RequestHeaderEncodingSelector = static (_, _) => Encoding.Latin1,
        ResponseHeaderEncodingSelector = static (_, _) => Encoding.Latin1,
        ConnectCallback = async (context, cancellationToken) =>
        {
            var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            try
            {
                socket.Bind(new IPEndPoint(from, 0));
                await socket.ConnectAsync(context.DnsEndPoint, cancellationToken);
                return new NetworkStream(socket, ownsSocket: true);
            }
            catch
            {
                socket.Dispose();
                throw;
            }
        },
    })
    {
        Timeout = Timeout.InfiniteTimeSpan,
    };

    private HttpRequestMessage RequestOf(FuzzInput input, Uri address)
    {
        var raw = new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true };
        var isGrpc = input.Form == InputForm.Grpc;
        var request = new HttpRequestMessage(
            new HttpMethod(input.Verb), new Uri(address.GetLeftPart(UriPartial.Authority) + input.Path, raw))
        {
            Version = isGrpc ? HttpVersion.Version20 : HttpVersion.Version11,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
        if (isGrpc || input.Body.Length > 0 || input.Verb is "POST" or "PUT" or "PATCH")
        {
            request.Content = new ByteArrayContent(input.Body);
        }

        // One beside another would be sent as one text: a wrong key, which locks out the right one.
        if (keys?.Of(input.Credential) is { } key
            && !input.Headers.Any(static one => one.Key.Equals("authorization", StringComparison.OrdinalIgnoreCase)))
        {
            request.Headers.TryAddWithoutValidation("authorization", $"Bearer {key}");
        }

        foreach (var (name, value) in input.Headers)
        {
            if (name.Equals("host", StringComparison.OrdinalIgnoreCase))
            {
                request.Headers.Host = value;
            }
            else if (!request.Headers.TryAddWithoutValidation(name, value))
            {
                request.Content ??= new ByteArrayContent([]);
                request.Content.Headers.TryAddWithoutValidation(name, value);
            }
        }

        return request;
    }

    private static Answer Read(HttpResponseMessage response, byte[] body)
    {
        // A call that failed before its first message has its trailers in the headers.
        string? Find(string name) =>
            response.TrailingHeaders.TryGetValues(name, out var late) ? string.Join(',', late)
            : response.Headers.TryGetValues(name, out var early) ? string.Join(',', early)
            : null;
        return new Answer
        {
            HttpStatus = (int)response.StatusCode,
            IsLast = response.Headers.ConnectionClose == true,
            ContentType = response.Content.Headers.TryGetValues("content-type", out var types)
            ? string.Join(',', types)
            : "",
            GrpcStatus = int.TryParse(
                Find("grpc-status"), NumberStyles.None, CultureInfo.InvariantCulture, out var status) ? status : null,
            GrpcMessage = Find("grpc-message") ?? "",
            GrpcDetails = Find("grpc-status-details-bin") is { } details
                ? Convert.FromBase64String(details.PadRight((details.Length + 3) / 4 * 4, '=')) : null,
            Body = body,
        };
    }

    private static string Explain(Exception failure)
    {
        var told = new List<string>();
        for (var one = failure; one is not null; one = one.InnerException)
        {
            told.Add($"{one.GetType().Name}: {one.Message}");
        }

        return string.Join(" < ", told);
    }
}
