using System.Text;

namespace Ledger;

/// <summary>That an operator has a transaction aborted which is in doubt. Immutable.</summary>
/// <param name="By">Who, see <see cref="Principals"/>; never empty.</param>
/// <param name="Reason">Why; never empty, at most <see cref="ReasonBytesMax"/> bytes of UTF-8.</param>
public sealed record OperatorVerdict(string By, string Reason)
{
    /// <summary>How long a reason may be, in bytes of UTF-8.</summary>
    public const int ReasonBytesMax = 1024;

    /// <summary>Checks a reason.</summary>
    /// <param name="reason">The reason.</param>
    /// <returns>What is wrong, in a sentence, or null.</returns>
    public static string? CheckReason(string reason)
    {
        ArgumentNullException.ThrowIfNull(reason);
        if (string.IsNullOrWhiteSpace(reason))
        {
            return "is empty; it is journaled for those who look at this later";
        }

        if (!LedgerLimits.IsWellFormed(reason))
        {
            return "holds half of a surrogate pair, which is no character";
        }

        var length = Encoding.UTF8.GetByteCount(reason);
        return length > ReasonBytesMax ? $"has {length} bytes in UTF-8; at most {ReasonBytesMax} are allowed" : null;
    }
}
