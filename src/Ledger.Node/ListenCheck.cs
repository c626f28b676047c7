using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;

namespace Ledger.Node;

/// <summary>Finds out whether a node can listen where its settings say, before its store is opened: the server itself
/// is started with the same settings, certificates and all, takes each port, and lets go of it. Nobody can connect
/// meanwhile.</summary>
internal static class ListenCheck
{
    /// <summary>Takes the ports and lets go of them.</summary>
    /// <param name="settings">The node's settings.</param>
    /// <param name="listen">Sets up the server, as it will be.</param>
    /// <exception cref="SettingsException">A port is in use, is not to be had, or belongs to no address of this
    /// machine.</exception>
    public static async Task RunAsync(NodeSettings settings, Action<KestrelServerOptions> listen)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Configuration.AddConfiguration(settings.Configuration);
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration().ConfigureKestrel(listen);
        builder.Services.AddSingleton<IConnectionListenerFactory, TakingFactory>();
        await using (var app = builder.Build())
        {
            try
            {
                await app.StartAsync();
            }
            catch (Exception e) when (e is IOException or SocketException or InvalidOperationException
                or ArgumentException
                or FormatException or NotSupportedException or UnauthorizedAccessException
                or System.Security.Cryptography.CryptographicException)
            {
                throw new SettingsException(
                    $"the node can't listen at Ledger:Grpc:Url ({settings.GrpcEndpoint.Url}) and Ledger:Http:Url"
                    + $" ({settings.HttpEndpoint.Url}): {e.Message}");
            }

            await app.StopAsync();
        }

        if (settings.IsClustered)
        {
            TakeRemote(settings.Cluster);
        }
    }

    private static void TakeRemote(ClusterOptions cluster)
    {
        try
        {
            var address = IPAddress.TryParse(cluster.HostName, out var literal)
                ? literal
                : Dns.GetHostAddresses(cluster.HostName).FirstOrDefault()
                    ?? throw new SocketException((int)SocketError.HostNotFound);
            using var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            socket.Bind(new IPEndPoint(address, cluster.Port));
        }
        catch (SocketException e)
        {
            throw new SettingsException(
                $"the node can't listen at Ledger:Cluster:HostName and Ledger:Cluster:Port "
                    + $"({cluster.HostName}:{cluster.Port}): {e.Message}");
        }
    }

    /// <summary>Takes a port without listening at it.</summary>
    private sealed class TakingFactory : IConnectionListenerFactory
    {
        public ValueTask<IConnectionListener> BindAsync(
            EndPoint endpoint, CancellationToken cancellationToken = default)
        {
            // A socket in the file system would leave its file behind.
            try
            {
                var socket = endpoint is UnixDomainSocketEndPoint
                    ? null
                    : SocketTransportOptions.CreateDefaultBoundListenSocket(endpoint);
                return ValueTask.FromResult<IConnectionListener>(new Taken(socket, endpoint));
            }
            catch (SocketException e) when (e.SocketErrorCode == SocketError.AddressAlreadyInUse)
            {
                // Else the server would be content with the other family of localhost.
                throw new AddressInUseException(e.Message, e);
            }
        }
    }

    private sealed class Taken(Socket? socket, EndPoint asked) : IConnectionListener
    {
        private readonly TaskCompletionSource<ConnectionContext?> nobody = new(
            TaskCreationOptions.RunContinuationsAsynchronously);

        public EndPoint EndPoint { get; } = socket?.LocalEndPoint ?? asked;

        public ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default) =>
            new(nobody.Task);

        public ValueTask UnbindAsync(CancellationToken cancellationToken = default)
        {
            socket?.Dispose();
            nobody.TrySetResult(null);
            return ValueTask.CompletedTask;
        }

        public ValueTask DisposeAsync() => UnbindAsync();
    }
}
