using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Options;

namespace Ledger.Node;

/// <summary>A port that is taken, and refuses connections until it is opened.</summary>
internal sealed class ReadinessGatedListener(Socket socket, Task opened, ILoggerFactory loggers) : IConnectionListener
{
    private readonly CancellationTokenSource unbound = new();
    private readonly SemaphoreSlim gate = new(1, 1);
    private IConnectionListener? inner;

    public EndPoint EndPoint { get; } = socket.LocalEndPoint!;

    public async ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default)
    {
        await opened.WaitAsync(unbound.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        var listener = await ListenAsync(cancellationToken);
        return listener is null ? null : await listener.AcceptAsync(cancellationToken);
    }

    public async ValueTask UnbindAsync(CancellationToken cancellationToken = default)
    {
        await gate.WaitAsync(cancellationToken);
        try
        {
            await unbound.CancelAsync();
            if (inner is null)
            {
                socket.Dispose();
            }
            else
            {
                await inner.UnbindAsync(cancellationToken);
            }
        }
        finally
        {
            gate.Release();
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (inner is null)
        {
            socket.Dispose();
        }
        else
        {
            await inner.DisposeAsync();
        }

        unbound.Dispose();
        gate.Dispose();
    }

    private async Task<IConnectionListener?> ListenAsync(CancellationToken cancellationToken)
    {
        await gate.WaitAsync(cancellationToken);
        try
        {
            if (inner is not null || unbound.IsCancellationRequested)
            {
                return inner;
            }

            // Kestrel's own transport from here on, on the socket that is bound already.
            var transport = new SocketTransportFactory(
                Options.Create(new SocketTransportOptions { CreateBoundListenSocket = _ => socket }), loggers);
            return inner = await transport.BindAsync(EndPoint, cancellationToken);
        }
        finally
        {
            gate.Release();
        }
    }
}
