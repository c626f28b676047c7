using System.Net;
using System.Net.Sockets;
using Ledger.Chaos.Proxy;

namespace Ledger.Chaos.Tests;

/// <summary>A server that sends back what it is sent, behind a proxy.</summary>
internal sealed class Loopback : IAsyncDisposable
{
    private readonly TcpListener _server = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _ended = new();
    private readonly List<Socket> _accepted = [];
    private readonly Task _serving;

    public Loopback(Func<Socket, Link?>? linkOf = null)
    {
        _server.Start();
        _serving = ServeAsync();
        Proxy = new ProxyListener(
            new IPEndPoint(IPAddress.Loopback, 0), (IPEndPoint)_server.LocalEndpoint, linkOf ?? (_ => Link));
    }

    public Link Link { get; } = Link.Between("test", seed: 1);

    public ProxyListener Proxy { get; }

    public async Task<Socket> ConnectAsync()
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(Proxy.EndPoint);
        return socket;
    }

    public async ValueTask DisposeAsync()
    {
        await _ended.CancelAsync();
        await Proxy.DisposeAsync();
        _server.Stop();
        await _serving;
        _accepted.ForEach(static socket => socket.Dispose());
        _ended.Dispose();
    }

    private async Task ServeAsync()
    {
        try
        {
            while (true)
            {
                var socket = await _server.AcceptSocketAsync(_ended.Token);
                _accepted.Add(socket);
                _ = EchoAsync(socket);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or InvalidOperationException)
        {
            // The test is over, and has stopped the listener under the call or before it.
        }
    }

    private async Task EchoAsync(Socket socket)
    {
        var buffer = new byte[4096];
        try
        {
            while (await socket.ReceiveAsync(buffer, _ended.Token) is > 0 and var count)
            {
                await socket.SendAsync(buffer.AsMemory(0, count), _ended.Token);
            }

            socket.Shutdown(SocketShutdown.Send);
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // The connection was broken off, as some tests want it.
        }
    }
}
