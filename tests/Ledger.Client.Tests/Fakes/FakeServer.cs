using System.Diagnostics;
using System.Net;
using System.Security.Cryptography.X509Certificates;
using Ledger.Client;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.TestHost;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Ledger.Testing;

/// <summary>Serves a <see cref="FakeLedger"/>: in memory, or on a port of this machine where the network
/// matters.</summary>
internal sealed class FakeServer : IAsyncDisposable
{
    private readonly WebApplication app;
    private readonly HttpMessageHandler? handler;

    private FakeServer(WebApplication app, FakeLedger ledger, bool inMemory)
    {
        this.app = app;
        Ledger = ledger;
        handler = inMemory ? new SameVersion(app.GetTestServer().CreateHandler()) : null;
    }

    public FakeLedger Ledger { get; }

    public Uri Address => new(app.Services.GetRequiredService<IServer>()
        .Features.GetRequiredFeature<IServerAddressesFeature>().Addresses.Single());

    public static Task<FakeServer> InMemoryAsync(FakeLedger? ledger = null) =>
        StartAsync(ledger, port: null, HttpProtocols.Http2, certificate: null);

    public static Task<FakeServer> OnPortAsync(
        FakeLedger? ledger = null, int port = 0, HttpProtocols protocols = HttpProtocols.Http2,
        X509Certificate2? certificate = null) => StartAsync(ledger, port, protocols, certificate);

    /// <summary>A client with pauses short enough for tests.</summary>
    public LedgerClient Connect(Func<LedgerClientOptions, LedgerClientOptions>? change = null) =>
        new(Configure(change?.Invoke(Quick()) ?? Quick()));

    /// <summary>A client with pauses short enough for tests, whose small calls share streams, which are open, where the
    /// ledger has any. What was called until then is forgotten.</summary>
    public async Task<LedgerClient> ConnectSharedAsync(Func<LedgerClientOptions, LedgerClientOptions>? change = null)
    {
        var client = Connect(change);
        if (Ledger.HasSharedStreams)
        {
            await ShareAsync(client);
        }

        return client;
    }

    /// <summary>Makes small calls until all of a client's streams are open.</summary>
    public async Task ShareAsync(LedgerClient client, int streams = 2)
    {
        var started = Stopwatch.GetTimestamp();
        while (Ledger.SharedStreamsOpen < streams)
        {
            await client.GetAccountAsync("nobody");
            if (Stopwatch.GetElapsedTime(started) > TimeSpan.FromSeconds(20))
            {
                throw new TimeoutException($"{Ledger.SharedStreamsOpen} streams are open.");
            }
        }

        // Each has said hello; a call on each shows that the client has heard it.
        while (Ledger.SharedStreamsUsed.Count < streams)
        {
            await client.GetAccountAsync("nobody");
            if (Stopwatch.GetElapsedTime(started) > TimeSpan.FromSeconds(20))
            {
                throw new TimeoutException($"{Ledger.SharedStreamsUsed.Count} streams had a call.");
            }
        }

        Ledger.ForgetCalls();
    }

    /// <summary>Turns options for anywhere into options for this server.</summary>
    public LedgerClientOptions Configure(LedgerClientOptions options) => handler is null
        ? options with { Addresses = [Address] }
        : options with { Addresses = [new Uri("http://localhost")], HttpHandler = handler };

    public static LedgerClientOptions Quick() => new()
    {
        InitialBackoff = TimeSpan.FromMilliseconds(5),
        MaxBackoff = TimeSpan.FromMilliseconds(20),
        UseSharedStreams = true,
    };

    public async ValueTask DisposeAsync()
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(1));
        await app.StopAsync(patience.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await app.DisposeAsync();
    }

    private static async Task<FakeServer> StartAsync(
        FakeLedger? ledger, int? port, HttpProtocols protocols, X509Certificate2? certificate)
    {
        ledger ??= new FakeLedger();
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.Services.AddGrpc(options => options.MaxReceiveMessageSize = 32 * 1024 * 1024);
        builder.Services.AddSingleton(ledger);
        if (port is { } number)
        {
            builder.WebHost.UseKestrelHttpsConfiguration().ConfigureKestrel(kestrel => kestrel.Listen(
                IPAddress.Loopback, number, listen =>
                {
                    listen.Protocols = protocols;
                    if (certificate is not null)
                    {
                        listen.UseHttps(certificate);
                    }
                }));
        }
        else
        {
            builder.WebHost.UseTestServer();
        }

        var host = builder.Build();
        host.MapGrpcService<FakeAccountService>();
        host.MapGrpcService<FakeTransferService>();
        host.MapGrpcService<FakeTransactionService>();
        host.MapGrpcService<FakeAdminService>();
        if (ledger.HasSharedStreams)
        {
            host.MapGrpcService<FakeStreamService>();
        }

        await host.StartAsync();
        return new FakeServer(host, ledger, inMemory: port is null);
    }

    // The in-memory server answers with version 1.1, which gRPC refuses.
    private sealed class SameVersion(HttpMessageHandler inner) : DelegatingHandler(inner)
    {
        protected override async Task<HttpResponseMessage> SendAsync(
            HttpRequestMessage request, CancellationToken cancellationToken)
        {
            var response = await base.SendAsync(request, cancellationToken);
            response.Version = request.Version;
            return response;
        }
    }
}
