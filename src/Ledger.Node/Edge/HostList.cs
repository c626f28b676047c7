using System.Net;

namespace Ledger.Node.Edge;

/// <summary>The names by which this node may be called. A page of another name whose address is changed to this node's
/// (DNS rebinding) could call it from a browser otherwise.</summary>
internal sealed class HostList
{
    private const string Everything = "*";
    private const string Below = "*.";

    private readonly HashSet<string> names = new(StringComparer.OrdinalIgnoreCase) { "localhost" };
    private readonly string[] suffixes;
    private readonly bool takesAll;
    private readonly bool takesAddresses;

    /// <summary>Makes it of the settings.</summary>
    /// <param name="urls">Where the node listens.</param>
    /// <param name="allowed">The names that are allowed besides; <c>*.example.com</c> stands for all below, <c>*</c>
    /// for all.</param>
    public HostList(IEnumerable<string> urls, IEnumerable<string> allowed)
    {
        foreach (var url in urls)
        {
            var host = BindingAddress.Parse(url).Host;
            names.Add(host);

            // A number can't be bound to another address; and which numbers lead here nobody knows who listens at all.
            takesAddresses |= ListenAddress.IsEvery(host);
        }

        string[] all = [.. allowed];
        names.UnionWith(all);
        takesAll = all.Contains(Everything, StringComparer.Ordinal);
        suffixes =
        [
            .. all.Where(static name => name.StartsWith(Below, StringComparison.Ordinal))
                .Select(static name => name[1..]),
        ];
    }

    /// <summary>Whether a name is one of the node's.</summary>
    /// <param name="host">The name, without a port.</param>
    public bool Takes(string host) => takesAll
        || (host.Length > 0 && (names.Contains(host)
            || (IPAddress.TryParse(host, out var address) && (takesAddresses || IPAddress.IsLoopback(address)))
            || suffixes.Any(suffix => host.EndsWith(suffix, StringComparison.OrdinalIgnoreCase))));

    /// <summary>Refuses what is no name of a host.</summary>
    /// <param name="setting">The setting.</param>
    /// <param name="names">What it holds.</param>
    /// <exception cref="SettingsException">One of them is no name.</exception>
    public static void Check(string setting, IEnumerable<string> names)
    {
        foreach (var name in names)
        {
            var bare = name.StartsWith(Below, StringComparison.Ordinal) ? name[Below.Length..] : name;
            if (name != Everything && Uri.CheckHostName(bare) == UriHostNameType.Unknown)
            {
                throw new SettingsException(
                    $"{setting} holds '{name}', which is no name of a host; write ledger.example.com, *.example.com for"
                    + " all below it, or * for all names.");
            }
        }
    }
}
