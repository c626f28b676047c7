using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Ledger.Chaos.Proxy;

/// <summary>Tells which process made a connection to us: the peer's port leads to its inode (/proc/net/tcp), and that
/// to the process that has it open (/proc/PID/fd). Needs no rights over processes of one's own.</summary>
internal static class SocketOwners
{
    /// <summary>The one of some processes that is the other end of an accepted socket; null when it is none of
    /// them.</summary>
    public static int? OwnerOf(Socket accepted, IEnumerable<int> candidates)
    {
        if (accepted.RemoteEndPoint is not IPEndPoint peer || accepted.LocalEndPoint is not IPEndPoint own)
        {
            return null;
        }

        var inode = InodeOf(peer, own, "/proc/net/tcp") ?? InodeOf(peer, own, "/proc/net/tcp6");
        if (inode is null)
        {
            return null;
        }

        var name = $"socket:[{inode}]";
        foreach (var process in candidates)
        {
            if (HasOpen(process, name))
            {
                return process;
            }
        }

        return null;
    }

    /// <summary>Whether somebody listens at an address, exactly this one.</summary>
    /// <param name="endpoint">The address.</param>
    /// <param name="process">The process in whose network it is to be; null for our own.</param>
    public static bool IsListening(IPEndPoint endpoint, int? process = null)
    {
        const string listening = "0A";
        var network = $"/proc/{process?.ToString(CultureInfo.InvariantCulture) ?? "self"}/net/";
        return Rows(network + "tcp").Concat(Rows(network + "tcp6")).Any(fields =>
            string.Equals(fields[3], listening, StringComparison.Ordinal) && Matches(fields[1], endpoint));
    }

    private static bool HasOpen(int process, string name)
    {
        try
        {
            foreach (var file in Directory.EnumerateFiles($"/proc/{process.ToString(CultureInfo.InvariantCulture)}/fd"))
            {
                if (string.Equals(new FileInfo(file).LinkTarget, name, StringComparison.Ordinal))
                {
                    return true;
                }
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // It has ended, or closed the file under us.
        }

        return false;
    }

    private static string? InodeOf(IPEndPoint peer, IPEndPoint own, string table)
    {
        foreach (var fields in Rows(table))
        {
            if (Matches(fields[1], peer) && Matches(fields[2], own))
            {
                return fields[9];
            }
        }

        return null;
    }

    private static IEnumerable<string[]> Rows(string table) => File.Exists(table)
        ? File.ReadLines(table).Skip(1)
            .Select(static line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries))
            .Where(static fields => fields.Length > 9)
        : [];

    private static int PortOf(string text) => int.Parse(
        text.AsSpan(text.IndexOf(':', StringComparison.Ordinal) + 1), NumberStyles.HexNumber,
        CultureInfo.InvariantCulture);

    // "0100007F:1F90": the address as words in the machine's order, the port as a number.
    private static bool Matches(string text, IPEndPoint endpoint)
    {
        var colon = text.IndexOf(':', StringComparison.Ordinal);
        if (PortOf(text) != endpoint.Port)
        {
            return false;
        }

        var bytes = new byte[colon / 2];
        for (var i = 0; i < bytes.Length; i += 4)
        {
            var word = uint.Parse(text.AsSpan(i * 2, 8), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
            BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(i), word);
        }

        var address = new IPAddress(bytes);
        return (address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address).Equals(
            endpoint.Address.IsIPv4MappedToIPv6 ? endpoint.Address.MapToIPv4() : endpoint.Address);
    }
}
