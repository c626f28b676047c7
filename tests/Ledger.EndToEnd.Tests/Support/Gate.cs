using System.Net;
using System.Net.Sockets;

namespace Ledger.EndToEnd.Tests.Support;

/// <summary>Stands between a client and a node and lets only so many bytes of each connection through to the node,
/// until it is opened: so that what the client does is in its middle when the node is killed, whatever the machine's
/// speed.</summary>
internal sealed class Gate : IAsyncDisposable
{
    private readonly TcpListener listener = new(IPAddress.Loopback, 0);
    private readonly Uri node;
    private readonly long bytesPerConnection;
    private readonly CancellationTokenSource stop = new();
    private readonly TaskCompletionSource opened = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Task accepting;

    public Gate(string node, long bytesPerConnection)
    {
        this.node = new Uri(node);
        this.bytesPerConnection = bytesPerConnection;
        listener.Start();
        accepting = AcceptAsync();
    }

    public string Address => $"http://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}";

    public void Open() => opened.TrySetResult();

    public async ValueTask DisposeAsync()
    {
        await stop.CancelAsync();
        listener.Stop();
        await accepting;
        stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                _ = ServeAsync(await listener.AcceptTcpClientAsync(stop.Token));
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // Stopped.
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        using var server = new TcpClient();
        using (client)
        {
            try
            {
                await server.ConnectAsync(node.Host, node.Port, stop.Token);
                await Task.WhenAny(
                    CopyAsync(client.GetStream(), server.GetStream(), bytesPerConnection),
                    CopyAsync(server.GetStream(), client.GetStream(), long.MaxValue));
            }
            catch (Exception e) when (e is OperationCanceledException or IOException or SocketException)
            {
                // One side has gone; so goes the other.
            }
        }
    }

    private async Task CopyAsync(NetworkStream from, NetworkStream to, long budget)
    {
        var buffer = new byte[4096];
        int read;
        while ((read = await from.ReadAsync(buffer, stop.Token)) > 0)
        {
            budget -= read;
            if (budget < 0)
            {
                await opened.Task.WaitAsync(stop.Token);
            }

            await to.WriteAsync(buffer.AsMemory(0, read), stop.Token);
        }
    }
}
