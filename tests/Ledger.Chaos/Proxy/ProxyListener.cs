using System.Net;
using System.Net.Sockets;

namespace Ledger.Chaos.Proxy;

/// <summary>Listens in front of one target and proxies every connection over the link that it belongs to.</summary>
internal sealed class ProxyListener : IAsyncDisposable
{
    private static readonly TimeSpan ConnectPatience = TimeSpan.FromSeconds(10);

    private readonly Lock _gate = new();
    private readonly CancellationTokenSource _ended = new();
    private readonly Func<Socket, Link?> _linkOf;
    private Socket? _listener;
    private Task _accepting = Task.CompletedTask;

    /// <summary>Makes a listener and starts it.</summary>
    /// <param name="endpoint">Where to listen; port 0 takes a free one.</param>
    /// <param name="target">Where to connect to.</param>
    /// <param name="linkOf">Which link an accepted connection belongs to; null refuses it.</param>
    public ProxyListener(IPEndPoint endpoint, IPEndPoint target, Func<Socket, Link?> linkOf)
    {
        (Target, _linkOf) = (target, linkOf);
        EndPoint = endpoint;
        Resume();
    }

    public ProxyListener(IPEndPoint endpoint, IPEndPoint target, Link link)
        : this(endpoint, target, _ => link)
    {
    }

    /// <summary>Where it listens.</summary>
    public IPEndPoint EndPoint { get; private set; }

    /// <summary>Where new connections go.</summary>
    public IPEndPoint Target { get; set; }

    /// <summary>Stops to listen, as when the target is gone: connecting is then refused by the kernel, which is another
    /// thing to a client than a connection that is made and then reset.</summary>
    public void Suspend()
    {
        lock (_gate)
        {
            _listener?.Dispose();
            _listener = null;
        }
    }

    /// <summary>Listens again, at the same place.</summary>
    public void Resume()
    {
        lock (_gate)
        {
            if (_listener is not null || _ended.IsCancellationRequested)
            {
                return;
            }

            var listener = new Socket(EndPoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            try
            {
                listener.Bind(EndPoint);
                listener.Listen(512);
            }
            catch
            {
                listener.Dispose();
                throw;
            }

            EndPoint = (IPEndPoint)listener.LocalEndPoint!;
            _listener = listener;
            _accepting = AcceptAsync(listener);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _ended.CancelAsync();
        Suspend();
        await _accepting;
    }

    private async Task AcceptAsync(Socket listener)
    {
        while (true)
        {
            try
            {
                var client = await listener.AcceptAsync(_ended.Token);
                _ = ServeAsync(client);
            }
            catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException)
            {
                return;
            }
            catch (SocketException e) when (e.SocketErrorCode is SocketError.OperationAborted
                or SocketError.InvalidArgument)
            {
                // The listener was closed under the call.
                return;
            }
            catch (SocketException)
            {
                // A connection that ended before it was accepted.
            }
        }
    }

    private async Task ServeAsync(Socket client)
    {
        // Off the accepting loop, since to find the link may take a look at other processes.
        await Task.Yield();
        Socket? server = null;
        try
        {
            client.NoDelay = true;
            var link = _linkOf(client);
            if (link is null || link.Admission == Admission.Refuse)
            {
                ProxyConnection.ResetSocket(client);
                return;
            }

            // A handshake takes both directions.
            await link.Forward.PassAsync(_ended.Token);
            await link.Backward.PassAsync(_ended.Token);
            if (link.Admission == Admission.Refuse)
            {
                ProxyConnection.ResetSocket(client);
                return;
            }

            server = new Socket(Target.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            using (var patience = CancellationTokenSource.CreateLinkedTokenSource(_ended.Token))
            {
                patience.CancelAfter(ConnectPatience);
                await server.ConnectAsync(Target, patience.Token);
            }

            using var connection = new ProxyConnection(client, server, link);
            await connection.RunAsync(_ended.Token);
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            ProxyConnection.ResetSocket(client);
            if (server is not null)
            {
                ProxyConnection.ResetSocket(server);
            }
        }
    }
}
