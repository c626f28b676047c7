using System.Net;
using System.Net.Sockets;

namespace Ledger.Tests.Shared;

/// <summary>Ports of the loopback interface for what a test starts, and may start again at the same place.</summary>
/// <remarks>Below the ports that the system hands out (from 32768 on Linux): a client that tries to connect to a dead
/// port from among those can be handed that very port, connects to itself, and keeps whoever was there from coming
/// back.</remarks>
internal static class LoopbackPort
{
    private const int First = 20_000;
    private const int End = 32_000;

    // From a place by chance, since other test programs do the same; then in a row, so that none is given twice.
    private static int _next = Random.Shared.Next(End - First);

    /// <summary>A port that nobody listens at and that this process was not given before.</summary>
    public static int Next()
    {
        for (var attempt = First; attempt < End; attempt++)
        {
            var port = First + (int)((uint)Interlocked.Increment(ref _next) % (End - First));
            try
            {
                // On every address: whoever asks may listen at another one than 127.0.0.1.
                using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
                socket.Bind(new IPEndPoint(IPAddress.Any, port));
                return port;
            }
            catch (SocketException)
            {
                // Taken; the next one.
            }
        }

        throw new InvalidOperationException($"No port is free between {First} and {End}.");
    }
}
