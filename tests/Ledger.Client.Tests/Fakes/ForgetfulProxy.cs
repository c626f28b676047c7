using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace Ledger.Testing;

/// <summary>A balancer or a firewall between a client and a node, on real sockets: it forwards, until it forgets its
/// connections without a word to either side, or closes new ones before it has said anything.</summary>
internal sealed class ForgetfulProxy : IAsyncDisposable
{
    private readonly TcpListener listener = new(IPAddress.Loopback, 0);
    private readonly Uri target;
    private readonly CancellationTokenSource stop = new();
    private readonly ConcurrentBag<TcpClient> all = [];
    private readonly Task run;
    private CancellationTokenSource memory = new();
    private int closing;
    private int accepted;
    private int closed;
    private int live;

    public ForgetfulProxy(Uri target)
    {
        this.target = target;
        listener.Start();
        run = AcceptAsync();
    }

    public Uri Address => new($"http://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}");

    /// <summary>How many connections were made.</summary>
    public int Accepted => Volatile.Read(ref accepted);

    /// <summary>How many of them the client has closed.</summary>
    public int Closed => Volatile.Read(ref closed);

    /// <summary>From now on nothing is forwarded on the connections that there are. They stay open.</summary>
    public void Forget() => Interlocked.Exchange(ref memory, new CancellationTokenSource()).Cancel();

    /// <summary>How many connections are forwarded now.</summary>
    public int Live => Volatile.Read(ref live);

    /// <summary>Breaks the connections that there are, as a node does that is killed.</summary>
    public void Reset()
    {
        foreach (var one in all)
        {
            if (one.Client is { Connected: true } socket)
            {
                socket.LingerState = new LingerOption(enable: true, seconds: 0);
                socket.Close();
            }
        }
    }

    /// <summary>The next connections are closed before a byte is sent on them.</summary>
    public void CloseNext(int count) => Volatile.Write(ref closing, count);

    public async ValueTask DisposeAsync()
    {
        await stop.CancelAsync();
        listener.Stop();
        await run.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        foreach (var one in all)
        {
            one.Dispose();
        }
    }

    private async Task AcceptAsync()
    {
        while (!stop.IsCancellationRequested)
        {
            var client = await listener.AcceptTcpClientAsync(stop.Token);
            all.Add(client);
            Interlocked.Increment(ref accepted);
            if (Interlocked.Decrement(ref closing) >= 0)
            {
                // What has arrived is read first: a close is then no reset, as of somebody who has taken all that was
                // sent.
                _ = await client.GetStream().ReadAtLeastAsync(new byte[4096], 1, throwOnEndOfStream: false, stop.Token);
                client.Close();
                continue;
            }

            var server = new TcpClient();
            all.Add(server);
            await server.ConnectAsync(target.Host, target.Port, stop.Token);
            var remembered = memory;
            Interlocked.Increment(ref live);
            _ = PumpAsync(client, server, remembered, countsEnd: true);
            _ = PumpAsync(server, client, remembered, countsEnd: false);
        }
    }

    private async Task PumpAsync(TcpClient from, TcpClient to, CancellationTokenSource remembered, bool countsEnd)
    {
        var buffer = new byte[65536];
        try
        {
            while (true)
            {
                // It goes on reading, as a router does, so that nothing piles up; and tells nobody.
                var count = await from.GetStream().ReadAsync(buffer, stop.Token);
                if (count == 0)
                {
                    break;
                }

                if (!remembered.IsCancellationRequested)
                {
                    await to.GetStream().WriteAsync(buffer.AsMemory(0, count), stop.Token);
                }
            }

            if (countsEnd)
            {
                Interlocked.Increment(ref closed);
            }

            if (!remembered.IsCancellationRequested)
            {
                to.Close();
            }
        }
        catch (Exception failure) when (failure is IOException or OperationCanceledException or ObjectDisposedException
            or InvalidOperationException)
        {
            // One of the two has gone.
        }
        finally
        {
            if (countsEnd)
            {
                Interlocked.Decrement(ref live);
            }
        }
    }
}
