using System.Net;

namespace Ledger.Node;

/// <summary>The addresses that a node listens on, checked before anything is opened.</summary>
internal static class ListenAddress
{
    private const string LocalHost = "localhost";

    /// <summary>Reads the address in a setting.</summary>
    /// <param name="setting">The setting's name.</param>
    /// <param name="url">What it says.</param>
    /// <exception cref="SettingsException">Nobody can listen there.</exception>
    public static BindingAddress Parse(string setting, string url)
    {
        BindingAddress address;
        try
        {
            address = BindingAddress.Parse(url);
        }
        catch (FormatException)
        {
            throw Refused(setting, url, "is no address");
        }

        if (address.Scheme is not ("http" or "https"))
        {
            throw Refused(setting, url, $"has the scheme '{address.Scheme}'; there are http and https");
        }

        if (address.IsUnixPipe)
        {
            return address;
        }

        if (address.PathBase.Length > 0)
        {
            throw Refused(setting, url, $"has the path '{address.PathBase}'; a node serves all paths of an address");
        }

        if (address.Port is < IPEndPoint.MinPort or > IPEndPoint.MaxPort)
        {
            throw Refused(setting, url, $"has the port {address.Port}; ports go from 0 to {IPEndPoint.MaxPort}");
        }

        // The server would take any other name for all addresses of the machine, and a node checks no identity.
        if (!IsEvery(address.Host) && !address.Host.Equals(LocalHost, StringComparison.OrdinalIgnoreCase)
            && !IPAddress.TryParse(address.Host, out _))
        {
            throw Refused(
                setting, url,
                $"has the name '{address.Host}'; give an address of this machine, localhost, or * for all of its "
                    + "addresses");
        }

        return address;
    }

    /// <summary>Refuses two settings that ask for one port.</summary>
    /// <exception cref="SettingsException">They do.</exception>
    public static void RefuseSame(params (string Setting, string Host, int Port)[] places)
    {
        for (var i = 0; i < places.Length; i++)
        {
            foreach (var other in places[(i + 1)..])
            {
                if (places[i].Port != 0 && places[i].Port == other.Port && Overlap(places[i].Host, other.Host))
                {
                    throw new SettingsException(
                        $"{places[i].Setting} and {other.Setting} both ask for port {other.Port}; give each a port of "
                            + "its own.");
                }
            }
        }
    }

    /// <summary>Whether nobody but this machine reaches an address.</summary>
    /// <param name="url">An address that <see cref="Parse"/> has taken.</param>
    public static bool IsLoopbackUrl(string url)
    {
        var address = BindingAddress.Parse(url);
        return address.IsUnixPipe || IsLoopback(address.Host);
    }

    private static bool Overlap(string one, string other) => IsEvery(one) || IsEvery(other)
        || Literal(one).Equals(Literal(other), StringComparison.OrdinalIgnoreCase);

    private static string Literal(string host) =>
        host.Equals(LocalHost, StringComparison.OrdinalIgnoreCase) ? "127.0.0.1" : host;

    /// <summary>Whether a host stands for all addresses of the machine.</summary>
    public static bool IsEvery(string host) => host is "*" or "+"
        || (IPAddress.TryParse(host, out var address)
            && (address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any)));

    /// <summary>Whether a host is the machine itself, which nobody else reaches.</summary>
    public static bool IsLoopback(string host) => host.Equals(LocalHost, StringComparison.OrdinalIgnoreCase)
        || (IPAddress.TryParse(host, out var address) && IPAddress.IsLoopback(address));

    private static SettingsException Refused(string setting, string url, string what) =>
        new($"{setting} is '{url}', which {what}; an example is http://127.0.0.1:5001.");
}
