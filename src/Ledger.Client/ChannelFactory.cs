using Google.Protobuf.Reflection;
using Grpc.Core;
using Grpc.Net.Client;
using Grpc.Net.Client.Balancer;
using Grpc.Net.Client.Configuration;

namespace Ledger.Client;

/// <summary>Makes the channel: where to, how often, how large, and how a dead connection is noticed.</summary>
internal static class ChannelFactory
{
    // The largest batch, 8,190 transfers with references and some metadata, must fit, or it could not be retried.
    private const int CallBufferMax = 32 * 1024 * 1024;

    public static GrpcChannel Create(LedgerClientOptions options)
    {
        Check(options);
        var secure = string.Equals(options.Addresses[0].Scheme, Uri.UriSchemeHttps, StringComparison.Ordinal);
        var channelOptions = new GrpcChannelOptions
        {
            HttpHandler = new ArrivalHandler(options.HttpHandler ?? Handler(options)),
            DisposeHttpClient = options.HttpHandler is null,
            Credentials = secure ? ChannelCredentials.SecureSsl : ChannelCredentials.Insecure,
            ServiceConfig = ServiceConfig(options),
            MaxRetryAttempts = options.MaxAttempts,
            MaxRetryBufferPerCallSize = CallBufferMax,
            MaxRetryBufferSize = 4L * CallBufferMax,
            MaxReceiveMessageSize = CallBufferMax,
            // A node that restarts is back within seconds; the default pause grows to two minutes.
            InitialReconnectBackoff = options.InitialBackoff,
            MaxReconnectBackoff = options.MaxBackoff,
        };
        if (options.Addresses.Count == 1)
        {
            return GrpcChannel.ForAddress(options.Addresses[0], channelOptions);
        }

        channelOptions.ServiceProvider = new StaticAddresses(options.Addresses);
        channelOptions.ServiceConfig!.LoadBalancingConfigs.Add(new RoundRobinConfig());
        return GrpcChannel.ForAddress("static:///ledger", channelOptions);
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
        }

        ArgumentOutOfRangeException.ThrowIfLessThan(options.MaxAttempts, 1, nameof(options));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(options.MaxAttempts, 5, nameof(options));
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(options.WriteTimeout, TimeSpan.Zero, nameof(options));
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(options.ReadTimeout, TimeSpan.Zero, nameof(options));
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(options.InitialBackoff, TimeSpan.Zero, nameof(options));
        ArgumentOutOfRangeException.ThrowIfLessThan(options.MaxBackoff, options.InitialBackoff, nameof(options));
    }

    private static SocketsHttpHandler Handler(LedgerClientOptions options) => new()
    {
        EnableMultipleHttp2Connections = true,
        KeepAlivePingDelay = options.KeepAliveInterval,
        KeepAlivePingTimeout = options.KeepAliveTimeout,
        KeepAlivePingPolicy = HttpKeepAlivePingPolicy.WithActiveRequests,
        PooledConnectionIdleTimeout = Timeout.InfiniteTimeSpan,
        ConnectTimeout = TimeSpan.FromSeconds(5),
    };

    private static ServiceConfig ServiceConfig(LedgerClientOptions options)
    {
        var config = new ServiceConfig();
        if (options.MaxAttempts == 1)
        {
            return config;
        }

        var unary = new MethodConfig
        {
            RetryPolicy = new RetryPolicy
            {
                MaxAttempts = options.MaxAttempts,
                InitialBackoff = options.InitialBackoff,
                MaxBackoff = options.MaxBackoff,
                BackoffMultiplier = 2,
                RetryableStatusCodes = { StatusCode.Unavailable },
            },
        };
        // The stream is not named: it is opened again by its session, which knows what has been answered.
        ServiceDescriptor[] services =
        [
            V1.AccountService.Descriptor, V1.TransferService.Descriptor, V1.TransactionService.Descriptor, V1.AdminService.Descriptor,
        ];
        foreach (var method in services.SelectMany(static service => service.Methods))
        {
            if (!method.IsClientStreaming && !method.IsServerStreaming)
            {
                unary.Names.Add(new MethodName { Service = method.Service.FullName, Method = method.Name });
            }
        }

        config.MethodConfigs.Add(unary);
        return config;
    }

    /// <summary>Gives the channel its fixed list of nodes, without a dependency injection container.</summary>
    private sealed class StaticAddresses(IReadOnlyList<Uri> addresses) : IServiceProvider
    {
        public object? GetService(Type serviceType)
        {
            if (serviceType == typeof(IEnumerable<ResolverFactory>))
            {
                ResolverFactory factory = new StaticResolverFactory(
                    _ => addresses.Select(address => new BalancerAddress(address.Host, address.Port)));
                return new[] { factory };
            }

            return serviceType == typeof(IEnumerable<LoadBalancerFactory>) ? Array.Empty<LoadBalancerFactory>() : null;
        }
    }
}
