using System.Globalization;

namespace Ledger.Audit;

/// <summary>The newest record of a chain: who knows it knows whether anything before it was changed or
/// lost.</summary>
/// <param name="Number">The record's number; 0 before the first.</param>
/// <param name="Hash">Its hash: 64 hexadecimal digits.</param>
internal readonly record struct AuditHead(long Number, string Hash)
{
    private const int HashLength = 64;

    /// <summary>That of a chain without records.</summary>
    public static AuditHead None { get; } = new(0, new string('0', HashLength));

    /// <summary>Reads <c>NUMBER:HASH</c>.</summary>
    public static bool TryParse(string text, out AuditHead head)
    {
        var colon = text.IndexOf(':', StringComparison.Ordinal);
        head = default;
        if (colon <= 0
            || !long.TryParse(text.AsSpan(0, colon), NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            || !IsHash(text[(colon + 1)..]))
        {
            return false;
        }

        head = new AuditHead(number, text[(colon + 1)..]);
        return true;
    }

    /// <summary>Whether a text is a hash, in the form that it has in a file.</summary>
    public static bool IsHash(string text) => text.Length == HashLength && text.All(char.IsAsciiHexDigitLower);

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Number}:{Hash}");
}
