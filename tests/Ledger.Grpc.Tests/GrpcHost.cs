using System.Diagnostics.Metrics;
using System.Net;
using Grpc.Core;
using Grpc.Net.Client;
using Ledger.Grpc.Edge;
using Ledger.Tests.Shared;
using Ledger.V1;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.TestHost;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Ledger.Grpc.Tests;

/// <summary>A real host around a fake ledger.</summary>
internal sealed class GrpcHost : IAsyncDisposable
{
    /// <summary>A method of a service that is not the ledger's.</summary>
    public const string OtherMethod = "/other.v1.OtherService/Do";

    private readonly WebApplication app;
    private readonly GrpcChannel channel;

    private GrpcHost(WebApplication app, Uri address, Func<HttpMessageHandler> handler)
    {
        this.app = app;
        Ledger = app.Services.GetRequiredService<FakeLedger>();
        channel = GrpcChannel.ForAddress(address, new GrpcChannelOptions
        {
            HttpHandler = new TimeoutHandler(this, handler()),
            MaxReceiveMessageSize = null,
            MaxSendMessageSize = null,
        });
        Http = new HttpClient(handler()) { BaseAddress = address };
    }

    public FakeLedger Ledger { get; }

    public HttpClient Http { get; }

    /// <summary>Sent as the grpc-timeout of each gRPC call when set: a client library refuses to send some of
    /// them.</summary>
    public string? RawTimeout { get; set; }

    public ChannelBase Channel => channel;

    public IServiceProvider Services => app.Services;

    /// <summary>Where it listens, on Kestrel.</summary>
    public Uri Address => new(app.Urls.Single());

    public AccountService.AccountServiceClient Accounts => new(channel);

    public AdminService.AdminServiceClient Admin => new(channel);

    public QueryService.QueryServiceClient Queries => new(channel);

    public TransferService.TransferServiceClient Transfers => new(channel);

    public StreamService.StreamServiceClient Streams => new(channel);

    public TransactionService.TransactionServiceClient Transactions => new(channel);

    /// <summary>Starts a host without a network.</summary>
    public static async Task<GrpcHost> StartAsync(
        Action<LedgerGrpcOptions>? configure = null, MeterRecorder? meter = null, KnownCallers? callers = null)
    {
        var started = await StartAsync(static web => web.UseTestServer(), configure, meter, callers: callers);
        var server = started.GetTestServer();
        return new GrpcHost(started, server.BaseAddress, server.CreateHandler);
    }

    /// <summary>Starts a host on Kestrel, HTTP/2 only, whose ways of ending a call are not all those of the test
    /// server.</summary>
    public static async Task<GrpcHost> StartOnKestrelAsync(
        Action<LedgerGrpcOptions>? configure = null, EdgeOptions? edge = null, MeterRecorder? meter = null,
        HttpProtocols protocols = HttpProtocols.Http2)
    {
        var started = await StartAsync(
            web => web.UseKestrelCore().ConfigureKestrel(
                kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen => listen.Protocols = protocols)),
            configure, meter, edge);
        return new GrpcHost(started, new Uri(started.Urls.Single()), static () => new SocketsHttpHandler());
    }

    private static async Task<WebApplication> StartAsync(
        Action<IWebHostBuilder> web, Action<LedgerGrpcOptions>? configure, MeterRecorder? meter = null,
        EdgeOptions? edge = null, KnownCallers? callers = null)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        web(builder.WebHost);
        builder.Services.AddRoutingCore();
        builder.Services.AddLogging();
        builder.Services.AddSingleton<FakeLedger>();
        builder.Services.AddSingleton<ILedger>(static services => services.GetRequiredService<FakeLedger>());
        builder.Services.AddSingleton<ILedgerAdmin>(static services => services.GetRequiredService<FakeLedger>());
        builder.Services.AddSingleton<ILedgerQueries>(static services => services.GetRequiredService<FakeLedger>());
        if (meter is not null)
        {
            builder.Services.AddSingleton<IMeterFactory>(meter);
        }

        if (edge is not null)
        {
            builder.Services.AddSingleton(edge);
        }

        callers?.AddTo(builder.Services);
        builder.Services.AddLedgerGrpc(configure);

        // Otherwise readiness asks the ledger after five seconds, beside a test that takes as long.
        builder.Services.Configure<HealthCheckPublisherOptions>(static health => health.Delay = TimeSpan.FromHours(1));
        var built = builder.Build();
        callers?.UseOn(built);
        built.UseRouting();
        built.MapLedgerGrpc();

        // A service of the application's own, which fails by itself.
        built.MapPost(OtherMethod, static context =>
        {
            context.Response.ContentType = "application/grpc";
            context.Response.Headers["grpc-status"] = "2";
            context.Response.Headers["grpc-message"] = "It failed by itself";
            return Task.CompletedTask;
        });
        await built.StartAsync();
        return built;
    }

    public void Stop() => app.Lifetime.StopApplication();

    public async ValueTask DisposeAsync()
    {
        channel.Dispose();
        Http.Dispose();
        await app.DisposeAsync();
    }

    private sealed class TimeoutHandler(GrpcHost host, HttpMessageHandler inner) : DelegatingHandler(inner)
    {
        protected override Task<HttpResponseMessage> SendAsync(
            HttpRequestMessage request, CancellationToken cancellationToken)
        {
            if (host.RawTimeout is { } timeout)
            {
                request.Headers.TryAddWithoutValidation("grpc-timeout", timeout);
            }

            return base.SendAsync(request, cancellationToken);
        }
    }
}
