using Ledger.Client;

namespace Ledger.EndToEnd.Tests.Support;

/// <summary>Accounts between which transfers of 1 go to and fro.</summary>
internal sealed class TransferLoad(string prefix, int accounts)
{
    public IEnumerable<string> Addresses => Enumerable.Range(0, accounts).Select(Address);

    /// <summary>Opens all accounts.</summary>
    public async Task OpenAsync(LedgerClient client)
    {
        var outcomes = await client.OpenAccountsAsync(
            [.. Addresses.Select(static address => new AccountSpec { Address = address, Asset = "USD/2", Code = 1 })]);
        outcomes.ShouldAllBe(static outcome => outcome.IsOpen);
    }

    /// <summary>One of the accounts.</summary>
    public string Pick(Random random) => Address(random.Next(accounts));

    /// <summary>A new transfer from one of the accounts to another.</summary>
    public Transfer Next(Random random)
    {
        var debit = random.Next(accounts);
        return new Transfer
        {
            Id = TransferIds.New(),
            DebitAccount = Address(debit),
            CreditAccount = Address((debit + 1 + random.Next(accounts - 1)) % accounts),
            Amount = 1,
            Code = 1,
        };
    }

    private string Address(int number) => $"{prefix}:{number}";
}
