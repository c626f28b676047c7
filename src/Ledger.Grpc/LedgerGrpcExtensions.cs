using Grpc.AspNetCore.Server;
using Ledger.Access;
using Ledger.Audit;
using Ledger.Grpc.Access;
using Ledger.Grpc.Http;
using Ledger.Grpc.Edge;
using Ledger.Grpc.Errors;
using Ledger.Grpc.Health;
using Ledger.Grpc.Services;
using Ledger.Grpc;
using Ledger.V1;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Grpc.JsonTranscoding;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;

namespace Ledger;

/// <summary>Serves an <see cref="ILedger"/> as ledger.v1, over gRPC and as JSON over HTTP.</summary>
public static class LedgerGrpcExtensions
{
    /// <summary>The tag of the health check that says whether the ledger answers.</summary>
    public const string ReadyTag = "ready";

    private const string UnknownRoute = "/v1/{**rest}";

    /// <summary>Adds what <see cref="MapLedgerGrpc"/> serves. An <see cref="ILedger"/>, an
    /// <see cref="ILedgerQueries"/> and an <see cref="ILedgerAdmin"/> must be registered too, which
    /// <c>WithLedger(...)</c> does.</summary>
    /// <param name="services">The services. Where an <see cref="IAccessPolicySource"/> is among them, callers must be
    /// authenticated by the host (<c>UseAuthentication()</c>), the name of the user is the principal, and every call is
    /// held to the policy. Without one callers are anonymous and may do everything.</param>
    /// <param name="configure">Changes the options.</param>
    /// <returns>The same services.</returns>
    public static IServiceCollection AddLedgerGrpc(
        this IServiceCollection services, Action<LedgerGrpcOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        services.AddOptions<LedgerGrpcOptions>().ValidateDataAnnotations().ValidateOnStart();
        if (configure is not null)
        {
            services.Configure(configure);
        }

        services.TryAddSingleton(TimeProvider.System);
        services.AddMetrics();
        services.TryAddSingleton<EdgeOptions>();
        services.TryAddSingleton<LogDrops>();
        services.TryAddSingleton<EdgeWall>();
        services.TryAddSingleton<EdgeMetrics>();
        services.TryAddSingleton<CallMetrics>();
        services.TryAddSingleton<CallDeadline>();
        services.TryAddSingleton<IAuditLog, NoAuditLog>();
        services.TryAddSingleton<AccessMetrics>();
        services.TryAddSingleton<AccessAudit>();
        services.TryAddSingleton<AuditInterceptor>();
        services.TryAddSingleton<BlockGate>();
        services.TryAddSingleton<ShareOptions>();
        services.TryAddSingleton<CallerUses>();
        services.TryAddSingleton<CallTurns>();
        services.TryAddSingleton<CallCounts>();
        services.TryAddSingleton<ErrorInterceptor>();
        services.TryAddSingleton<CallRates>();
        services.TryAddSingleton<CallerLedgers>();
        services.TryAddSingleton<TransferStreams>();
        services.TryAddSingleton<CallStreams>();
        services.TryAddSingleton<AccountGrpcService>();
        services.TryAddSingleton<TransferGrpcService>();
        services.TryAddSingleton<TransactionGrpcService>();
        services.TryAddSingleton<QueryGrpcService>();
        services.TryAddSingleton<StreamGrpcService>();
        services.TryAddSingleton<AdminGrpcService>();
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IStartupFilter, GrpcErrorStartupFilter>());

        var grpc = services.AddGrpc().AddJsonTranscoding(ConfigureJson);
        ConfigureService<AccountGrpcService>(grpc, AccountService.Descriptor);
        ConfigureService<TransferGrpcService>(grpc, TransferService.Descriptor);
        ConfigureService<TransactionGrpcService>(grpc, TransactionService.Descriptor);
        ConfigureService<QueryGrpcService>(grpc, QueryService.Descriptor);
        ConfigureService<StreamGrpcService>(grpc, StreamService.Descriptor);
        ConfigureService<AdminGrpcService>(grpc, AdminService.Descriptor);
        services.AddOptions<GrpcServiceOptions>().PostConfigure<EdgeOptions>(RatioLimitedGzip.Apply);
        services.AddGrpcReflection();
        services.AddGrpcHealthChecks(health =>
        {
            health.Services.Map("", static context => context.Tags.Contains(ReadyTag));
            health.Services.Map(AccountService.Descriptor.FullName, static context => context.Tags.Contains(ReadyTag));
            health.Services.Map(TransferService.Descriptor.FullName, static context => context.Tags.Contains(ReadyTag));
            health.Services.Map(
                TransactionService.Descriptor.FullName, static context => context.Tags.Contains(ReadyTag));
            health.Services.Map(QueryService.Descriptor.FullName, static context => context.Tags.Contains(ReadyTag));
            health.Services.Map(StreamService.Descriptor.FullName, static context => context.Tags.Contains(ReadyTag));
        }).AddCheck<LedgerReadinessCheck>("ledger", tags: [ReadyTag]);
        return services;
    }

    /// <summary>Maps AccountService, TransferService, TransactionService, QueryService, StreamService and AdminService,
    /// their JSON form under <c>/v1</c>, gRPC health for each of them and, where the options ask for it,
    /// reflection.</summary>
    /// <param name="endpoints">The endpoints.</param>
    /// <returns>The endpoints of all services, in both forms, for conventions such as authorization.</returns>
    public static IEndpointConventionBuilder MapLedgerGrpc(this IEndpointRouteBuilder endpoints)
    {
        ArgumentNullException.ThrowIfNull(endpoints);
        var options = endpoints.ServiceProvider.GetRequiredService<IOptions<LedgerGrpcOptions>>().Value;
        var services = new EndpointConventions(
            endpoints.MapGrpcService<AccountGrpcService>(), endpoints.MapGrpcService<TransferGrpcService>(),
            endpoints.MapGrpcService<TransactionGrpcService>(), endpoints.MapGrpcService<QueryGrpcService>(),
            endpoints.MapGrpcService<StreamGrpcService>(), endpoints.MapGrpcService<AdminGrpcService>());

        var metrics = endpoints.ServiceProvider.GetRequiredService<CallMetrics>();
        var policies = endpoints.ServiceProvider.GetService<IAccessPolicySource>();
        var uses = endpoints.ServiceProvider.GetRequiredService<CallerUses>();
        var counts = endpoints.ServiceProvider.GetRequiredService<CallCounts>();
        var gate = policies is not null
            ? new AccessGate(policies, metrics, endpoints.ServiceProvider.GetRequiredService<AccessAudit>())
            : null;
        var wall = endpoints.ServiceProvider.GetRequiredService<EdgeWall>();
        var blocks = endpoints.ServiceProvider.GetRequiredService<BlockGate>();

        // JSON repeats the names of all fields.
        var bodyBytesMax = 2 * options.MaxReceiveMessageBytes;
        services.Add(endpoint =>
        {
            var json = endpoint.Metadata.OfType<GrpcJsonTranscodingMetadata>().SingleOrDefault();
            if (endpoint.RequestDelegate is { } next && json is not null)
            {
                endpoint.RequestDelegate = options.EnableJson
                    ? JsonEdge.Wrap(
                        next, new JsonRequest(json.MethodDescriptor, json.HttpRule), bodyBytesMax, metrics, wall)
                    : JsonRoutes.AnswerOffAsync;
            }

            // Before all else: nothing is read of whoever may not call. A method that has no right is found when the
            // host starts, whether or not a policy is in force.
            if (endpoint.RequestDelegate is { } open
                && endpoint.Metadata.OfType<GrpcMethodMetadata>().SingleOrDefault() is { Method: var method })
            {
                var rights = RpcRights.Of($"{method.ServiceName}.{method.Name}");
                var (path, isJson) = ($"/{method.ServiceName}/{method.Name}", json is not null);
                open = counts.Wrap(open, path, isJson);
                if (policies is not null)
                {
                    open = uses.Wrap(open, path, policies, isJson);
                }

                open = blocks.WrapCaller(open, path, isJson);
                open = gate?.Wrap(open, path, rights, isJson) ?? open;
                endpoint.RequestDelegate = blocks.WrapAddress(open, path, isJson);
            }
        });
        endpoints.Map(UnknownRoute, static context => JsonRoutes.AnswerAsync(context)).WithOrder(int.MaxValue - 1);
        endpoints.MapGrpcHealthChecksService().Add(Count);
        if (options.EnableReflection)
        {
            endpoints.MapGrpcReflectionService().Add(Count);
        }

        return services;

        void Count(EndpointBuilder endpoint)
        {
            if (endpoint.RequestDelegate is { } next
                && endpoint.Metadata.OfType<GrpcMethodMetadata>().SingleOrDefault() is { Method: var method })
            {
                endpoint.RequestDelegate = counts.Wrap(next, method.FullName, isJson: false);
            }
        }
    }

    private static void ConfigureService<TService>(
        IGrpcServerBuilder grpc, Google.Protobuf.Reflection.ServiceDescriptor contract)
        where TService : class
    {
        var isAudited = AuditInterceptor.IsOf(contract);
        grpc.AddServiceOptions<TService>(service =>
        {
            service.EnableDetailedErrors = false;
            service.Interceptors.Add<ErrorInterceptor>();
            if (isAudited)
            {
                service.Interceptors.Add<AuditInterceptor>();
            }
        });
        grpc.Services.AddOptions<GrpcServiceOptions<TService>>().Configure<IOptions<LedgerGrpcOptions>>(
            static (service, ledger) =>
            {
                service.MaxReceiveMessageSize = ledger.Value.MaxReceiveMessageBytes;
                service.MaxSendMessageSize = ledger.Value.MaxSendMessageBytes;
            });
    }

    private static void ConfigureJson(GrpcJsonTranscodingOptions json)
    {
        // As protobuf's own JSON: a number of 64 bits doesn't fit into what JavaScript calls a number.
        json.JsonSettings.WriteInt64sAsStrings = true;
        json.TypeRegistry = JsonEdge.ErrorTypes;
    }

    private sealed class EndpointConventions(params IEndpointConventionBuilder[] builders) : IEndpointConventionBuilder
    {
        public void Add(Action<EndpointBuilder> convention)
        {
            foreach (var builder in builders)
            {
                builder.Add(convention);
            }
        }
    }
}
