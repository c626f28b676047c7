using System.Net;
using System.Net.Sockets;

namespace Ledger.Grpc.Edge;

/// <summary>Whom an address stands for.</summary>
internal static class PeerNetwork
{
    // An IPv6 network of one customer is this long.
    private const int NetworkBytes = 8;

    /// <summary>The address itself; of IPv6 its network.</summary>
    /// <param name="address">The peer's; null for a socket of the file system, which has none.</param>
    public static IPAddress Of(IPAddress? address)
    {
        if (address is null || address.IsIPv4MappedToIPv6)
        {
            return address?.MapToIPv4() ?? IPAddress.None;
        }

        if (address.AddressFamily != AddressFamily.InterNetworkV6)
        {
            return address;
        }

        var bytes = address.GetAddressBytes();
        bytes.AsSpan(NetworkBytes).Clear();
        return new IPAddress(bytes);
    }
}
