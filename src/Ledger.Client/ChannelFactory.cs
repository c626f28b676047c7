using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using Grpc.Core;
using Grpc.Net.Client;
using Grpc.Net.Client.Configuration;

namespace Ledger.Client;

/// <summary>Makes the channel: where to, how often, how large, and how a dead connection is noticed.</summary>
internal static class ChannelFactory
{
    // The largest answer, to 8,190 transfers, must fit.
    private const int AnswerBytesMax = 32 * 1024 * 1024;

    private static readonly TimeSpan ConnectTimeout = TimeSpan.FromSeconds(5);

    public static GrpcChannel Create(LedgerClientOptions options)
    {
        Check(options);
        return Create(options, options.Addresses, options.Token);
    }

    /// <summary>Makes the channel of one stream: a connection to one address, on which the stream itself says who
    /// calls.</summary>
    public static GrpcChannel CreateForStream(LedgerClientOptions options, Uri address) =>
        Create(options, [address], token: null);

    private static GrpcChannel Create(
        LedgerClientOptions options, IReadOnlyList<Uri> addresses, Func<CancellationToken, ValueTask<string>>? token)
    {
        var greetings = new Greetings();
        var random = new Random();
        HttpMessageHandler sending = new DeliveryHandler(options.HttpHandler ?? Handler(options, greetings), greetings);
        if (token is not null)
        {
            sending = new TokenHandler(sending, token);
        }

        var handler = new NodeBalancer(
            sending,
            ownsInner: options.HttpHandler is null,
            addresses,
            attempt => RpcErrorMapper.Pause(failure: null, attempt, options, random),
            options.TimeProvider);
        var first = addresses[0];
        var secure = string.Equals(first.Scheme, Uri.UriSchemeHttps, StringComparison.Ordinal);
        return GrpcChannel.ForAddress(first, new GrpcChannelOptions
        {
            HttpHandler = handler,
            DisposeHttpClient = true,
            Credentials = secure ? ChannelCredentials.SecureSsl : ChannelCredentials.Insecure,
            // What is sent again, and what is not, the client itself decides: gRPC knows of no ids.
            ServiceConfig = new ServiceConfig(),
            MaxReceiveMessageSize = AnswerBytesMax,
        });
    }

    private static void Check(LedgerClientOptions options)
    {
        if (options.Addresses.Count == 0)
        {
            throw new ArgumentException("At least one address is needed.", nameof(options));
        }

        foreach (var address in options.Addresses)
        {
            if (!address.IsAbsoluteUri || address.Scheme is not ("http" or "https"))
            {
                throw new ArgumentException($"'{address}' is not an http or https address.", nameof(options));
            }

            if (!string.Equals(address.Scheme, options.Addresses[0].Scheme, StringComparison.Ordinal))
            {
                throw new ArgumentException("All addresses must have the same scheme.", nameof(options));
            }

            if (address.Scheme is "http" && options.ClientCertificate is not null)
            {
                throw new ArgumentException(
                    $"A certificate is shown over https; '{address}' is http.", nameof(options));
            }

            if (address.Scheme is "http" && options.Token is not null && !address.IsLoopback)
            {
                throw new ArgumentException(
                    $"A token would be read by whoever listens on the way to '{address}'; use https.", nameof(options));
            }
        }

        ArgumentOutOfRangeException.ThrowIfLessThan(options.MaxAttempts, 1, nameof(options));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(options.MaxAttempts, 5, nameof(options));
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(options.WriteTimeout, TimeSpan.Zero, nameof(options));
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(options.ReadTimeout, TimeSpan.Zero, nameof(options));
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(options.InitialBackoff, TimeSpan.Zero, nameof(options));
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(options.IdleTimeout, TimeSpan.Zero, nameof(options));
        ArgumentOutOfRangeException.ThrowIfLessThan(options.MaxBackoff, options.InitialBackoff, nameof(options));
    }

    // A connection that is not used is closed before a router, a firewall or a balancer between has forgotten it
    // without a word. One that was forgotten nevertheless is noticed by the ping that the first call sends ahead.
    private static SocketsHttpHandler Handler(LedgerClientOptions options, Greetings greetings) => new()
    {
        EnableMultipleHttp2Connections = true,
        KeepAlivePingDelay = options.KeepAliveInterval,
        KeepAlivePingTimeout = options.KeepAliveTimeout,
        KeepAlivePingPolicy = HttpKeepAlivePingPolicy.WithActiveRequests,
        PooledConnectionIdleTimeout = options.IdleTimeout,
        ConnectTimeout = ConnectTimeout,

        // A proxy of the machine (http_proxy) speaks HTTP/1.1 with plaintext addresses, which gRPC does not. For https
        // it is asked for a tunnel, as everywhere.
        UseProxy = string.Equals(options.Addresses[0].Scheme, Uri.UriSchemeHttps, StringComparison.Ordinal),
        PlaintextStreamFilter = (context, _) =>
            ValueTask.FromResult<Stream>(new GatedStream(context.PlaintextStream, greetings, ConnectTimeout)),
        SslOptions = new SslClientAuthenticationOptions
        {
            CertificateChainPolicy = ChainPolicy(options.CertificateAuthorities),
            LocalCertificateSelectionCallback = options.ClientCertificate is { } certificate
                ? (_, _, _, _, _) => certificate()
                : null,
        },
    };

    // Authorities that were named are the only ones; otherwise those of the machine are.
    private static X509ChainPolicy? ChainPolicy(X509Certificate2Collection? authorities)
    {
        if (authorities is null)
        {
            return null;
        }

        var policy = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            RevocationMode = X509RevocationMode.NoCheck,
        };
        policy.CustomTrustStore.AddRange(authorities);
        return policy;
    }
}
