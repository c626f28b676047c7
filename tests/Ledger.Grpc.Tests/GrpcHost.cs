using Grpc.Core;
using Grpc.Net.Client;
using Ledger.Actors;
using Ledger.V1;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.TestHost;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Ledger.Grpc.Tests;

/// <summary>A real host around a fake ledger, in process.</summary>
internal sealed class GrpcHost : IAsyncDisposable
{
    private readonly WebApplication app;
    private readonly GrpcChannel channel;

    private GrpcHost(WebApplication app)
    {
        this.app = app;
        Ledger = app.Services.GetRequiredService<FakeLedger>();
        var server = app.GetTestServer();
        channel = GrpcChannel.ForAddress(server.BaseAddress, new GrpcChannelOptions
        {
            HttpHandler = new TimeoutHandler(this, server.CreateHandler()),
            MaxReceiveMessageSize = null,
            MaxSendMessageSize = null,
        });
        Http = server.CreateClient();
    }

    public FakeLedger Ledger { get; }

    public HttpClient Http { get; }

    /// <summary>Sent as the grpc-timeout of each gRPC call when set: a client library refuses to send some of them.</summary>
    public string? RawTimeout { get; set; }

    public ChannelBase Channel => channel;

    public IServiceProvider Services => app.Services;

    public AccountService.AccountServiceClient Accounts => new(channel);

    public TransferService.TransferServiceClient Transfers => new(channel);

    public static async Task<GrpcHost> StartAsync(Action<LedgerGrpcOptions>? configure = null)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseTestServer();
        builder.Services.AddRoutingCore();
        builder.Services.AddLogging();
        builder.Services.AddSingleton<FakeLedger>();
        builder.Services.AddSingleton<ILedger>(static services => services.GetRequiredService<FakeLedger>());
        builder.Services.AddLedgerGrpc(configure);
        var built = builder.Build();
        built.UseRouting();
        built.MapLedgerGrpc();
        await built.StartAsync();
        return new GrpcHost(built);
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
