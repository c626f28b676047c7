using System.Text;

namespace Ledger;

/// <summary>Who asked for what was written down: a name that the host gives, such as a user, a service or a
/// certificate. Empty where nobody was named.</summary>
/// <remarks>It is kept with the event and never a part of what a request says: the same request of another principal is
/// the same request, and its first one stays. What the ledger does on its own account carries a reserved
/// name.</remarks>
public static class Principals
{
    /// <summary>How long one may be, in bytes of UTF-8.</summary>
    public const int BytesMax = 128;

    /// <summary>What the names begin with that no host can give.</summary>
    public const string ReservedPrefix = "ledger:";

    /// <summary>That of the void which the ledger makes when a hold's time is up.</summary>
    public const string Expiry = "ledger:expiry";

    /// <summary>Checks a name.</summary>
    /// <param name="principal">The name; empty for none.</param>
    /// <returns>What is wrong, in a sentence, or null.</returns>
    public static string? Check(string principal) => CheckText(principal)
        ?? (principal.StartsWith(ReservedPrefix, StringComparison.Ordinal)
            ? $"begins with '{ReservedPrefix}', which the ledger keeps for itself"
            : null);

    /// <summary>Checks what may be anybody's name, the ledger's own too.</summary>
    internal static string? CheckText(string principal)
    {
        ArgumentNullException.ThrowIfNull(principal);
        if (!LedgerLimits.IsWellFormed(principal))
        {
            return "holds half of a surrogate pair, which is no character";
        }

        var length = Encoding.UTF8.GetByteCount(principal);
        if (length > BytesMax)
        {
            return $"has {length} bytes in UTF-8; at most {BytesMax} are allowed";
        }

        // A line break in a name would forge lines of whatever prints it.
        foreach (var c in principal)
        {
            if (char.IsControl(c))
            {
                return "holds a control character";
            }
        }

        return null;
    }
}
