using System.Net.Sockets;
using System.Text;

namespace Ledger.Chaos.Attacks;

/// <summary>Attacks by connections.</summary>
internal static class SocketAttacks
{
    private const int IdleMax = 15_000;
    private const int SlowMax = 5_000;
    private const int AtOnce = 64;
    private static readonly TimeSpan s_second = TimeSpan.FromSeconds(1);

    public static async Task IdleAsync(Attacker attacker)
    {
        var open = new Socket?[IdleMax];
        try
        {
            // Over and over: what was closed is opened again.
            await Task.WhenAll(Enumerable.Range(0, AtOnce).Select(part => attacker.RepeatAsync(1, async () =>
            {
                for (var i = part; i < IdleMax && !attacker.IsOver; i += AtOnce)
                {
                    if (open[i] is { } before && !IsClosed(before))
                    {
                        continue;
                    }

                    await attacker.BreatheAsync();
                    open[i]?.Dispose();
                    open[i] = null;
                    open[i] = await ConnectAsync(i % 2 == 0 ? attacker.Grpc : attacker.Json, attacker.Over);
                    attacker.Count("connections opened");
                }

                await Task.Delay(s_second, attacker.Over);
            })));
        }
        finally
        {
            foreach (var one in open)
            {
                one?.Dispose();
            }
        }
    }

    public static Task SlowHeadersAsync(Attacker attacker)
    {
        var beginning = Encoding.ASCII.GetBytes(
            $"GET /v1/accounts HTTP/1.1\r\nHost: {attacker.Json.Authority}\r\nX-Slow: ");
        return attacker.RepeatAsync(SlowMax, async () =>
        {
            using var socket = await ConnectAsync(attacker.Json, attacker.Over);
            attacker.Count("connections opened");
            await socket.SendAsync(beginning, attacker.Over);
            while (!IsClosed(socket))
            {
                await Task.Delay(s_second, attacker.Over);
                await attacker.BreatheAsync();
                await socket.SendAsync("x"u8.ToArray(), attacker.Over);
            }

            attacker.Count("connections closed by the node");
        });
    }

    private static async Task<Socket> ConnectAsync(Uri address, CancellationToken cancellationToken)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        try
        {
            await socket.ConnectAsync(address.Host, address.Port, cancellationToken);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private static bool IsClosed(Socket socket)
    {
        try
        {
            return socket.Poll(0, SelectMode.SelectRead) && socket.Available == 0;
        }
        catch (SocketException)
        {
            return true;
        }
    }
}
