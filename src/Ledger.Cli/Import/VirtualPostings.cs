namespace Ledger.Cli.Import;

/// <summary>Reads the names of virtual postings, which ledger and hledger write <c>[account]</c> where they balance and
/// <c>(account)</c> where they need not.</summary>
/// <remarks>
/// A virtual posting is a posting on the account itself, and those tools' balances count it there. Brackets are not
/// characters of an address, so files converted from them carry <c>_account_</c>, before the asset where the address
/// ends in one: <c>_food_:USD</c> is <c>food:USD</c>. All forms are booked on the account, and told on stderr; what
/// does not balance needs a balancing line of the mapping file.
/// </remarks>
internal static class VirtualPostings
{
    /// <summary>The account that a posting is booked on.</summary>
    /// <param name="written">The account as the file has it.</param>
    /// <param name="asset">The posting's asset, such as <c>USD/2</c>.</param>
    public static string AccountOf(string written, string asset)
    {
        var slash = asset.IndexOf('/', StringComparison.Ordinal);
        var suffix = slash > 0 ? ":" + asset[..slash] : "";
        var hasSuffix = suffix.Length > 0 && written.EndsWith(suffix, StringComparison.Ordinal);
        var name = hasSuffix ? written[..^suffix.Length] : written;
        if (name.Length > 2 && (name[0], name[^1]) is ('_', '_') or ('[', ']') or ('(', ')'))
        {
            return name[1..^1] + (hasSuffix ? suffix : "");
        }

        return written;
    }
}
