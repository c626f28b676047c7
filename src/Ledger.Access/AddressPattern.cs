using System.Diagnostics.CodeAnalysis;

namespace Ledger.Access;

/// <summary>Which accounts a grant is about: an address in which <c>*</c> stands for any one segment and a last
/// <c>**</c> for one or more. <c>users:*:wallet</c> matches <c>users:42:wallet</c>; <c>users:**</c> matches both
/// <c>users:42</c> and <c>users:42:wallet</c>, and not <c>users</c>. Immutable and thread-safe.</summary>
public sealed class AddressPattern
{
    private const string One = "*";
    private const string Rest = "**";

    private readonly string[] segments;
    private readonly bool isOpen;

    private AddressPattern(string text, string[] segments, bool isOpen)
    {
        Text = text;
        this.segments = segments;
        this.isOpen = isOpen;
    }

    /// <summary>The pattern as it was written.</summary>
    public string Text { get; }

    /// <summary>Whether every address matches.</summary>
    public bool IsEverything => isOpen && segments.Length == 0;

    /// <summary>Reads a pattern.</summary>
    /// <param name="text">The text.</param>
    /// <param name="pattern">The pattern, or null.</param>
    /// <returns>Whether the text is a pattern.</returns>
    public static bool TryParse(string? text, [NotNullWhen(true)] out AddressPattern? pattern)
    {
        pattern = null;
        if (string.IsNullOrEmpty(text) || text.Length > AccountAddress.LengthMax)
        {
            return false;
        }

        var segments = text.Split(':');
        var isOpen = string.Equals(segments[^1], Rest, StringComparison.Ordinal);
        if (isOpen)
        {
            segments = segments[..^1];
        }

        foreach (var segment in segments)
        {
            // An address of one segment has the form of a segment.
            if (!IsAny(segment)
                && (segment.Contains(':', StringComparison.Ordinal) || !AccountAddress.TryParse(segment, out _)))
            {
                return false;
            }
        }

        pattern = new AddressPattern(text, segments, isOpen);
        return true;
    }

    /// <summary>Whether an account is meant.</summary>
    /// <param name="account">Its address. Where there is none, only the pattern of everything matches, and the ledger
    /// answers what is missing.</param>
    public bool Matches(AccountAddress account)
    {
        if (account.IsNone)
        {
            return IsEverything;
        }

        var left = account.Text.AsSpan();
        foreach (var segment in segments)
        {
            if (left.IsEmpty)
            {
                return false;
            }

            var end = left.IndexOf(':');
            var one = end < 0 ? left : left[..end];
            if (!IsAny(segment) && !one.SequenceEqual(segment))
            {
                return false;
            }

            left = end < 0 ? default : left[(end + 1)..];
        }

        return isOpen != left.IsEmpty;
    }

    /// <inheritdoc/>
    public override string ToString() => Text;

    private static bool IsAny(string segment) => string.Equals(segment, One, StringComparison.Ordinal);
}
