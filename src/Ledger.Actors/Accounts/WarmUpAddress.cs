namespace Ledger.Actors.Accounts;

/// <summary>The addresses of accounts that do not exist, and with which a node practises before it is given any that
/// do.</summary>
internal static class WarmUpAddress
{
    /// <summary>What they begin with.</summary>
    public const string Prefix = "ledger:warm-up:";

    /// <summary>Whether an address is one of them.</summary>
    /// <param name="address">The address.</param>
    public static bool Is(AccountAddress address) => address.Text.StartsWith(Prefix, StringComparison.Ordinal);
}
