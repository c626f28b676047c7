using System.Net;

namespace Ledger;

/// <summary>Somebody whose calls are refused until a time. Immutable.</summary>
/// <param name="Kind">What the subject is.</param>
/// <param name="Subject">The principal, the id of the key, the address or the network.</param>
/// <param name="CreateTime">Since when.</param>
/// <param name="ExpireTime">Until when.</param>
/// <param name="Principal">Who has blocked it: the principal of an operator, or <see cref="Automatic"/>.</param>
/// <param name="Reason">Why, for people; at most <see cref="ReasonLengthMax"/> characters.</param>
public sealed record CallerBlock(
    CallerBlockKind Kind, string Subject, DateTimeOffset CreateTime, DateTimeOffset ExpireTime, string Principal,
    string Reason)
{
    /// <summary>Who has blocked what the ledger blocks by itself.</summary>
    public const string Automatic = Principals.ReservedPrefix + "automatic";

    /// <summary>How long a reason may be.</summary>
    public const int ReasonLengthMax = 256;

    /// <summary>How long a block may be for.</summary>
    public static readonly TimeSpan LengthMax = TimeSpan.FromDays(366);

    private const int KeyIdLengthMax = 32;

    /// <summary>The subject in the one form that it is stored in; null where it is none of its kind.</summary>
    /// <param name="kind">What it is.</param>
    /// <param name="subject">The subject, as somebody has written it.</param>
    public static string? Canonical(CallerBlockKind kind, string subject)
    {
        ArgumentNullException.ThrowIfNull(subject);
        return kind switch
        {
            CallerBlockKind.Principal => subject.Length > 0 && Principals.Check(subject) is null ? subject : null,
            CallerBlockKind.Key =>
                subject.Length is > 0 and <= KeyIdLengthMax && subject.All(char.IsAsciiLetterOrDigit) ? subject : null,
            CallerBlockKind.Address => NetworkOf(subject) is { } network ? TextOf(network) : null,
            _ => null,
        };
    }

    /// <summary>How long a block that has ended is kept: longer than the clocks of nodes may differ.</summary>
    internal static readonly TimeSpan KeptAfterEnd = TimeSpan.FromDays(1);

    /// <summary>The network of a subject that is an address or a network; null where it is neither.</summary>
    internal static IPNetwork? NetworkOf(string subject)
    {
        if (IPAddress.TryParse(subject, out var address))
        {
            address = Plain(address);
            return new IPNetwork(address, address.GetAddressBytes().Length * 8);
        }

        // A network of mapped addresses would match nobody: callers are known by their address of version 4.
        return subject.Contains('/', StringComparison.Ordinal) && IPNetwork.TryParse(subject, out var network)
            && !network.BaseAddress.IsIPv4MappedToIPv6 ? network : null;
    }

    /// <summary>An address, whichever way the connection was made.</summary>
    internal static IPAddress Plain(IPAddress address) => address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;

    private static string TextOf(IPNetwork network) =>
        network.PrefixLength == network.BaseAddress.GetAddressBytes().Length * 8
            ? network.BaseAddress.ToString()
            : network.ToString();
}
