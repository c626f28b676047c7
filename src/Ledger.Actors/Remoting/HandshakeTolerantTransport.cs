using System.Reflection;
using System.Runtime.ExceptionServices;
using Akka.Actor;
using Akka.Actor.Setup;
using Akka.Configuration;
using Akka.Event;
using Akka.Remote.Transport;
using Akka.Remote.Transport.DotNetty;

namespace Ledger.Actors.Remoting;

/// <summary>The TCP transport of Akka.Remote, except that no failed TLS handshake ends the node.</summary>
/// <remarks>
/// That transport runs the coordinated shutdown of its actor system when a handshake of a connection that it opened
/// fails, for any cause (akkadotnet/akka.net, pull requests 7839 and 7939): so that a node with a wrong certificate is
/// noticed. A connection that is reset while it greets looks the same, and a cut of the network resets those of all
/// nodes at once; so does whoever answers with a certificate of his own at a node's address. Here the transport is
/// given a small actor system of its own to shut down. The handshake still fails, its association with it, and the
/// error is still logged: a node that the others refuse is unreachable to them and is given up like a dead one.
/// </remarks>
internal sealed class HandshakeTolerantTransport : Transport
{
    private const string Wrapped = "Akka.Remote.Transport.DotNetty.TcpTransport, Akka.Remote";

    private readonly Transport inner;
    private readonly ActorSystem? stand;

    /// <summary>Made by Akka.Remote, as its <c>transport-class</c>.</summary>
    /// <param name="system">The node's actor system.</param>
    /// <param name="config">The transport's section.</param>
    public HandshakeTolerantTransport(ActorSystem system, Config config)
    {
        System = system;
        Config = config;
        stand = config.GetBoolean("enable-ssl") ? StandIn(system) : null;
        try
        {
            inner = (Transport)Activator
                .CreateInstance(Type.GetType(Wrapped, throwOnError: true)!, stand ?? system, config)!;
        }
        catch (TargetInvocationException e) when (e.InnerException is { } cause)
        {
            _ = stand?.Terminate();
            ExceptionDispatchInfo.Throw(cause);
            throw;
        }
    }

    /// <inheritdoc/>
    public override string SchemeIdentifier => inner.SchemeIdentifier;

    /// <inheritdoc/>
    public override long MaximumPayloadBytes => inner.MaximumPayloadBytes;

    /// <inheritdoc/>
    public override async Task<(Address, TaskCompletionSource<IAssociationEventListener>)> Listen()
    {
        try
        {
            return await inner.Listen().ConfigureAwait(false);
        }
        catch
        {
            // Nobody stops a transport that never listened.
            _ = stand?.Terminate();
            throw;
        }
    }

    /// <inheritdoc/>
    public override bool IsResponsibleFor(Address remote) => inner.IsResponsibleFor(remote);

    /// <inheritdoc/>
    public override Task<AssociationHandle> Associate(Address remoteAddress) => inner.Associate(remoteAddress);

    /// <inheritdoc/>
    public override Task<bool> ManagementCommand(object message) => inner.ManagementCommand(message);

    /// <inheritdoc/>
    public override async Task<bool> Shutdown()
    {
        try
        {
            return await inner.Shutdown().ConfigureAwait(false);
        }
        finally
        {
            if (stand is not null)
            {
                await stand.Terminate().ConfigureAwait(false);
            }
        }
    }

    // The transport asks its actor system for its name, its certificates, the time to flush, a log, and its shutdown.
    private static ActorSystem StandIn(ActorSystem system)
    {
        var settings = system.Settings;
        var config = ConfigurationFactory.ParseString($$"""
            akka {
              actor.provider = local
              actor.internal-dispatcher.executor = thread-pool-executor
              extensions = []
              loggers = []
              loglevel = {{settings.LogLevel}}
              stdout-loglevel = OFF
              log-dead-letters = off
              coordinated-shutdown {
                terminate-actor-system = off
                exit-clr = off
                run-by-clr-shutdown-hook = off
                run-by-actor-system-terminate = off
              }
              remote.flush-wait-on-shutdown = {{settings.Config.GetString("akka.remote.flush-wait-on-shutdown", "2s")}}
            }
            """);
        var setup = ActorSystemSetup.Create(BootstrapSetup.Create().WithConfig(config));
        var certificates = settings.Setup.Get<DotNettySslSetup>();
        if (certificates.HasValue)
        {
            setup = setup.And(certificates.Value);
        }

        var stand = ActorSystem.Create(system.Name, setup);
        stand.EventStream.Subscribe(
            stand.ActorOf(Props.Create(() => new LogRelay(system.EventStream)), "log"), typeof(LogEvent));
        return stand;
    }

    /// <summary>Logs what the transport says where the node logs.</summary>
    private sealed class LogRelay : ReceiveActor
    {
        /// <summary>Starts it.</summary>
        /// <param name="log">The node's log.</param>
        public LogRelay(EventStream log)
        {
            // Not that the stand-in shuts down.
            Receive<LogEvent>(static said => said.LogClass.Assembly == typeof(Transport).Assembly, log.Publish);
            ReceiveAny(static _ => { });
        }
    }
}
