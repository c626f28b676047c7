using Ledger.Client;

namespace Ledger.Client.Tests;

/// <summary>Things to send, where only one property matters.</summary>
internal static class Some
{
    public static AccountSpec Account(string address, string asset = "USD/2") => new()
    {
        Address = address,
        Asset = asset,
        Code = 1,
    };

    public static Transfer Transfer(int amount = 100) => new()
    {
        Id = TransferIds.New(),
        DebitAccount = "a",
        CreditAccount = "b",
        Amount = (UInt128)amount,
        Code = 1,
    };

    public static async Task OpenAsync(LedgerClient client, params string[] addresses) =>
        await client.OpenAccountsAsync([.. addresses.Select(address => Account(address))]);
}
