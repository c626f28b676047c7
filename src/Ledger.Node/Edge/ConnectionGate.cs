using System.Net;
using Ledger.Grpc.Edge;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Ledger.Node.Edge;

/// <summary>Counts the connections of clients, closes those that are too many, and ends old ones in good
/// order.</summary>
/// <remarks>It stands ahead of TLS, so that whoever is refused costs no handshake.</remarks>
internal sealed partial class ConnectionGate(
    EdgeOptions options, EdgeMetrics metrics, TimeProvider time, ILogger<ConnectionGate> logger)
{
    // By so much at most a connection ends earlier.
    private const int AgeSpread = 10;

    private static readonly TimeSpan WarnEvery = TimeSpan.FromMinutes(1);

    // Long enough for a probe, and short enough that whoever holds one idly holds it not for long.
    private static readonly TimeSpan HealthAge = TimeSpan.FromSeconds(10);

    // Longer than any call may take.
    private static readonly TimeSpan EndPatience = TimeSpan.FromMinutes(2);

    private readonly Lock gate = new();
    private readonly Dictionary<IPAddress, int> byAddress = [];
    private readonly int connectionsMax = ConnectionsMax(options);
    private int open;
    private int openForHealth;
    private long refused;
    private long? warned;

    /// <summary>How many connections a node takes, beside those for health: by its settings, and by the files that the
    /// process may have open, of which a third is the node's own.</summary>
    public static int ConnectionsMax(EdgeOptions options) => OpenFiles.ConnectionsMax() is { } ofEachPort
        ? (int)Math.Clamp((2 * ofEachPort) - options.HealthConnectionsMax, 1, options.ConnectionsMax)
        : options.ConnectionsMax;

    /// <summary>Has the connections of an endpoint pass by here.</summary>
    /// <param name="endpoint">The endpoint.</param>
    /// <param name="servesHealth">Whether health is served there, so that there are places for it.</param>
    public void Use(ListenOptions endpoint, bool servesHealth) =>
        endpoint.Use(next => connection => RunAsync(connection, next, servesHealth));

    private async Task RunAsync(ConnectionContext connection, ConnectionDelegate next, bool servesHealth)
    {
        var address = PeerNetwork.Of((connection.RemoteEndPoint as IPEndPoint)?.Address);
        if (!TryEnter(address, servesHealth, out var isForHealth))
        {
            Refuse(address);
            connection.Abort();
            return;
        }

        try
        {
            connection.Features.Set(new ConnectionBudget(new ByteBudget(options.ConnectionBytes), isForHealth)
            {
                Abort = connection.Abort,
            });
            await using var age = time.CreateTimer(
                static state => ((IConnectionLifetimeNotificationFeature?)state)?.RequestClose(),
                connection.Features.Get<IConnectionLifetimeNotificationFeature>(),
                isForHealth ? HealthAge : Shortened(options.ConnectionAgeMax), Timeout.InfiniteTimeSpan);
            await EndAsync(next(connection), connection.ConnectionClosed, time);
        }
        finally
        {
            Leave(address, isForHealth);
        }
    }

    /// <summary>Waits for the server to end a connection; not for ever once the peer is gone.</summary>
    /// <remarks>The server never ends its work on some connections whose peer had opened far more streams than it may;
    /// nothing of theirs is left to be answered. With the return from here the server lets go of the socket.</remarks>
    internal static async Task EndAsync(Task serving, CancellationToken closed, TimeProvider time)
    {
        var gone = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using (closed.UnsafeRegister(static state => ((TaskCompletionSource)state!).TrySetResult(), gone))
        {
            await Task.WhenAny(serving, gone.Task);
        }

        if (!serving.IsCompleted)
        {
            using var ended = new CancellationTokenSource();
            await Task.WhenAny(serving, Task.Delay(EndPatience, time, ended.Token));
            await ended.CancelAsync();
        }

        if (serving.IsCompleted)
        {
            await serving;
        }
    }

    private bool TryEnter(IPAddress address, bool servesHealth, out bool isForHealth)
    {
        lock (gate)
        {
            isForHealth = false;
            var fromAddress = byAddress.GetValueOrDefault(address);
            if (open < connectionsMax && fromAddress < options.ConnectionsPerAddressMax)
            {
                byAddress[address] = fromAddress + 1;
                metrics.Connections = ++open + openForHealth;
                return true;
            }

            isForHealth = servesHealth && openForHealth < options.HealthConnectionsMax;
            if (isForHealth)
            {
                metrics.Connections = open + ++openForHealth;
            }

            return isForHealth;
        }
    }

    private void Leave(IPAddress address, bool isForHealth)
    {
        lock (gate)
        {
            if (isForHealth)
            {
                openForHealth--;
            }
            else
            {
                open--;
                if (--byAddress[address] == 0)
                {
                    byAddress.Remove(address);
                }
            }

            metrics.Connections = open + openForHealth;
        }
    }

    private void Refuse(IPAddress address)
    {
        metrics.ConnectionRefused();
        long count;
        int now;
        lock (gate)
        {
            refused++;
            if (warned is { } last && time.GetElapsedTime(last) < WarnEvery)
            {
                return;
            }

            (warned, count, refused, now) = (time.GetTimestamp(), refused, 0, open);
        }

        LogRefused(count, now, connectionsMax, options.ConnectionsPerAddressMax, address);
    }

    private static TimeSpan Shortened(TimeSpan age) => age - (age / AgeSpread * Random.Shared.NextDouble());

    [LoggerMessage(1, LogLevel.Warning, "{Count} connections were closed at once since the last such line: {Open} are"
        + " open of {Max} (Ledger:Edge:ConnectionsMax, and open files), and {PerAddress} of one address may be"
        + " (Ledger:Edge:ConnectionsPerAddressMax). The last was from {Address}")]
    private partial void LogRefused(long count, int open, int max, int perAddress, IPAddress address);
}
