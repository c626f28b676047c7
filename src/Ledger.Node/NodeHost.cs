using System.Net;
using System.Runtime.InteropServices;
using Akka.Actor;
using Ledger.Actors;
using Ledger.Grpc.Http;
using Ledger.Node.Auditing;
using Ledger.Node.Edge;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Options;

namespace Ledger.Node;

/// <summary>Puts a node together and runs it.</summary>
internal static class NodeHost
{
    private const string GrpcEndpoint = "Grpc";
    private const string JsonEndpoint = "Json";
    private const int ThreadsMin = 8;
    private static readonly TimeSpan PingDelay = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan PingTimeout = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan ExpiryWarning = TimeSpan.FromDays(14);

    /// <summary>Runs a node until it is told to stop, or its actor system ends.</summary>
    /// <returns>The exit code: 0 when it was told to stop.</returns>
    public static async Task<int> RunAsync(NodeSettings settings)
    {
        PrepareThreads(settings);

        // Whatever is wrong with the settings is found while nothing is open yet: no file, no table, no cluster.
        await ListenCheck.RunAsync(
            settings, kestrel =>
                Listen(kestrel, settings, new Dictionary<string, ListenOptions>(StringComparer.Ordinal)));
        if (settings.Tls is { } tls)
        {
            await tls.WarmUpAsync();
            if (tls.ValidTo - TimeProvider.System.GetUtcNow() < ExpiryWarning)
            {
                Console.WriteLine(
                    $"WARNING: the node's certificate is valid until {tls.ValidTo:u}. After that no node can connect "
                    + "to it anew; a new one is read at the next start.");
            }
        }

        while (true)
        {
            var (failure, isForNewEpoch) = await RunOnceAsync(settings);
            if (!isForNewEpoch)
            {
                if (failure is not null)
                {
                    Console.Error.WriteLine("ledger: " + failure);
                }

                return failure is null ? 0 : 1;
            }

            // Nothing of what was in memory may outlive the loss: calls, caches, messages on their way.
            Console.WriteLine("The node begins anew, in the new epoch.");
        }
    }

    private static async Task<(string? Failure, bool IsForNewEpoch)> RunOnceAsync(NodeSettings settings)
    {
        var listening = new Dictionary<string, ListenOptions>(StringComparer.Ordinal);
        await using var app = Build(settings, listening);
        var watch = app.Services.GetRequiredService<TerminationWatcher>();

        // The terminal that it was started from has closed. By default that ends a process without a word.
        using var hangUp = PosixSignalRegistration.Create(PosixSignal.SIGHUP, context =>
        {
            context.Cancel = true;
            app.Lifetime.StopApplication();
        });
        try
        {
            await app.StartAsync();
        }
        catch
        {
            // What had been started already must let go of its files and ports.
            using var patience = new CancellationTokenSource(settings.Shutdown.Timeout);
            await app.StopAsync(patience.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            throw;
        }

        if (settings.IsFront)
        {
            Console.WriteLine($"gRPC listening on {UrlOf(settings.GrpcEndpoint.Url, listening[GrpcEndpoint])}");
        }

        Console.WriteLine($"JSON listening on {UrlOf(settings.HttpEndpoint.Url, listening[JsonEndpoint])}");
        if (!settings.IsClustered)
        {
            // In a cluster it is said when the node has joined.
            ReadinessGate.LogReady(app.Services.GetRequiredService<ILogger<ReadinessGate>>());
        }

        var log = app.Services.GetRequiredService<ILoggerFactory>().CreateLogger("Ledger.Node");
        app.Lifetime.ApplicationStopping.Register(() => StopLog.Stopping(log));
        await app.WaitForShutdownAsync();
        StopLog.Stopped(log);
        var isForNewEpoch = LedgerExtension.Of(app.Services.GetRequiredService<ActorSystem>()).IsForNewEpoch;
        return (watch.HasFailed ? watch.Told : null, isForNewEpoch);
    }

    // Threads that SQLite blocks must not starve the others while the pool grows by one or two a second, nor may a
    // member of a cluster be taken for dead meanwhile. Elsewhere more threads than processors only take turns, which
    // costs a tenth of a steady load.
    private static void PrepareThreads(NodeSettings settings)
    {
        if (settings.IsClustered || string.IsNullOrEmpty(settings.PostgreSql.ConnectionString))
        {
            ThreadPool.GetMinThreads(out var workers, out var ports);
            ThreadPool.SetMinThreads(Math.Max(workers, ThreadsMin), ports);
        }
    }

    private static WebApplication Build(NodeSettings settings, Dictionary<string, ListenOptions> listening)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Configuration.AddConfiguration(settings.Configuration);
        NodeEdge.AddLogTo(builder.Logging, settings.Configuration.GetSection("Logging"));
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration()
            .ConfigureKestrel(kestrel => Listen(kestrel, settings, listening));
        builder.Host.UseConsoleLifetime();
        builder.Services.AddRoutingCore();
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = settings.Shutdown.Timeout);
        builder.Services.AddSingleton(settings.Shutdown);
        NodeEdge.AddTo(builder.Services, settings);
        builder.Services.AddLedgerGrpc(settings.Apply);
        NodeActors.AddTo(builder.Services, settings);
        NodeTelemetry.AddTo(builder.Services, settings.Telemetry);
        settings.Access.AddTo(builder.Services);
        NodeAudit.AddTo(builder.Services, settings);
        builder.Services.AddSingleton<IPostConfigureOptions<HealthCheckServiceOptions>, SharedHealthChecks>();
        builder.Services.AddHostedService<Drain>();
        if (settings is { IsClustered: true, IsFront: true })
        {
            builder.Services.AddSingleton<ReadinessGate>();
            builder.Services.AddHostedService(static services => services.GetRequiredService<ReadinessGate>());
            builder.Services.AddSingleton<IConnectionListenerFactory, ReadinessGatedListenerFactory>();
        }

        var usesContactPoints = settings.IsClustered && settings.Cluster.ContactPoints.Length > 0;
        if (usesContactPoints)
        {
            builder.Services.AddSingleton(settings);
            builder.Services.AddHostedService<ContactPoint>();
        }

        builder.Services.AddSingleton<TerminationWatcher>();
        builder.Services.AddHostedService(static services => services.GetRequiredService<TerminationWatcher>());

        var app = builder.Build();
        app.Services.GetService<ReadinessGate>()?.Choose(endpoint => listening.TryGetValue(GrpcEndpoint, out var grpc)
            && (ReferenceEquals(endpoint, grpc.EndPoint)
                || (endpoint is IPEndPoint { Port: > 0 } ip
                    && ip.Port == BindingAddress.Parse(settings.GrpcEndpoint.Url).Port)));
        NodeEdge.Use(app);
        NodeTelemetry.Use(app, settings.Telemetry);
        app.UseRouting();
        settings.Access.Use(app);
        if (settings.IsFront)
        {
            app.MapLedgerGrpc();
        }

        app.MapNodeHealth();
        if (usesContactPoints)
        {
            app.MapGet(ContactPoint.Path, static (ActorSystem system) =>
                TypedResults.Text(ContactPoint.Describe(system), "application/json"));
        }

        // In place of an empty 404: whoever opens the address in a browser is told what there is.
        string[] others = [.. HealthEndpoints.Paths, .. NodeTelemetry.Paths(settings.Telemetry)];
        app.MapFallback("{**path}", settings.IsFront
            ? context => JsonRoutes.AnswerAsync(context, others)
            : context => JsonRoutes.AnswerNoneAsync(context, others));
        return app;
    }

    // Kestrel's own loader reads URLs, and takes certificates from its usual section. It takes no limits from there.
    private static void Listen(
        KestrelServerOptions kestrel, NodeSettings settings, Dictionary<string, ListenOptions> listening)
    {
        kestrel.AddServerHeader = false;
        kestrel.Limits.Http2.MaxStreamsPerConnection = settings.Edge.CallsPerConnection;
        NodeEdge.Limit(kestrel.Limits, settings.Edge);

        // A client that is gone without a word leaves its streams open: nobody else would notice.
        kestrel.Limits.Http2.KeepAlivePingDelay = PingDelay;
        kestrel.Limits.Http2.KeepAlivePingTimeout = PingTimeout;
        var urls = new Dictionary<string, string?>(StringComparer.Ordinal)
        {
            [$"Endpoints:{JsonEndpoint}:Url"] = settings.HttpEndpoint.Url,
            [$"Endpoints:{JsonEndpoint}:Protocols"] = nameof(HttpProtocols.Http1),
        };
        if (settings.IsFront)
        {
            // Without TLS nothing tells HTTP/2 from HTTP/1.1, so each has a port of its own.
            urls[$"Endpoints:{GrpcEndpoint}:Url"] = settings.GrpcEndpoint.Url;
            urls[$"Endpoints:{GrpcEndpoint}:Protocols"] = nameof(HttpProtocols.Http2);
        }

        var endpoints = new ConfigurationBuilder()
            .AddConfiguration(settings.Configuration.GetSection("Kestrel"))
            .AddInMemoryCollection(urls)
            .Build();
        var loader = kestrel.Configure(endpoints, reloadOnChange: false);
        string[] served = settings.IsFront ? [GrpcEndpoint, JsonEndpoint] : [JsonEndpoint];
        foreach (var name in served)
        {
            loader.Endpoint(name, endpoint =>
            {
                listening[name] = endpoint.ListenOptions;
                NodeEdge.Guard(endpoint.ListenOptions, servesHealth: name == JsonEndpoint);
                if (endpoint.IsHttps && settings.Access.Certificates is { } certificates)
                {
                    // Those in force when a connection is made: they may change while the node runs.
                    endpoint.ListenOptions.UseHttps(new TlsHandshakeCallbackOptions
                    {
                        OnConnection = context => ValueTask.FromResult(
                            certificates.Handshake(context.Connection.RemoteEndPoint)),
                    });
                }
            });
        }
    }

    // The port that was bound, which is another than was asked for when that was 0.
    private static string UrlOf(string asked, ListenOptions bound) =>
        BindingAddress.Parse(asked) is var address && bound.IPEndPoint is { } endpoint
            ? $"{address.Scheme}://{address.Host}:{endpoint.Port}"
            : asked;
}
