using System.Text.Json.Serialization;
using Ledger.Core.Json;

namespace Ledger;

/// <summary>The address of an account: segments of A-Z, a-z, 0-9, <c>_</c> and <c>-</c>, joined by <c>:</c>, at most
/// 128 characters, such as <c>users:42:wallet</c>.</summary>
/// <remarks>The default value is no address. Compared ordinally. Immutable and thread-safe.</remarks>
[JsonConverter(typeof(AccountAddressJsonConverter))]
public readonly record struct AccountAddress : IComparable<AccountAddress>
{
    /// <summary>The longest address, in characters.</summary>
    public const int LengthMax = 128;

    private readonly string? text;

    private AccountAddress(string text) => this.text = text;

    /// <summary>The one address that no account can have: what an all-ones id is to ledgers of numbered
    /// accounts.</summary>
    public const string ReservedText = "_max_";

    /// <summary>Whether it is <see cref="ReservedText"/>.</summary>
    public bool IsReserved => string.Equals(Text, ReservedText, StringComparison.Ordinal);

    /// <summary>Whether this is no address (the default value).</summary>
    public bool IsNone => text is null;

    /// <summary>The text; empty for no address.</summary>
    public string Text => text ?? "";

    /// <summary>Reads an address.</summary>
    /// <param name="text">The text.</param>
    /// <param name="address">The address, or none.</param>
    /// <returns>Whether the text has the form of an address.</returns>
    public static bool TryParse(string? text, out AccountAddress address)
    {
        address = default;
        if (string.IsNullOrEmpty(text) || text.Length > LengthMax)
        {
            return false;
        }

        var segment = 0;
        foreach (var c in text)
        {
            if (c == ':')
            {
                if (segment == 0)
                {
                    return false;
                }

                segment = 0;
            }
            else if (char.IsAsciiLetterOrDigit(c) || c is '_' or '-')
            {
                segment++;
            }
            else
            {
                return false;
            }
        }

        if (segment == 0)
        {
            return false;
        }

        address = new AccountAddress(text);
        return true;
    }

    /// <summary>Reads an address.</summary>
    /// <param name="text">The text.</param>
    /// <exception cref="FormatException">The text does not have the form of an address.</exception>
    public static AccountAddress Parse(string text) => TryParse(text, out var address)
        ? address
        : throw new FormatException($"'{text}' is not an account address such as users:42:wallet.");

    /// <inheritdoc/>
    public int CompareTo(AccountAddress other) => string.CompareOrdinal(Text, other.Text);

    /// <inheritdoc/>
    public override string ToString() => Text;
}
