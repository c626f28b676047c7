using System.Net;
using System.Net.Sockets;

namespace Ledger.Chaos.Processes;

/// <summary>Fixed ports of a run. They lie below the range from which the kernel gives ports to outgoing connections, so that
/// a listener that was closed finds its port free again.</summary>
internal sealed class PortBlock
{
    private const int First = 20000;
    private const int End = 32000;

    private readonly Random _random;
    private readonly HashSet<int> _taken = [];

    // By the process and not by the seed: two runs of one seed may go on at once.
    public PortBlock() => _random = new Random(Environment.ProcessId);

    public int Next()
    {
        for (var attempt = 0; attempt < 1000; attempt++)
        {
            var port = _random.Next(First, End);
            if (_taken.Add(port) && IsFree(port))
            {
                return port;
            }
        }

        throw new InvalidOperationException($"No free port from {First} to {End}.");
    }

    private static bool IsFree(int port)
    {
        try
        {
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            socket.Bind(new IPEndPoint(IPAddress.Any, port));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
