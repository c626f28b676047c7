namespace Ledger.Documentation.Tests.Support;

/// <summary>What the C# of all recipes has in common: a ledger that is embedded, and short names.</summary>
public abstract class Recipe : IAsyncLifetime
{
    private Node node = null!;

    protected ILedger ledger => node.Ledger;

    // snippet: helpers
    protected static readonly Asset usd = Asset.Parse("USD/2");

    protected static AccountAddress At(string address) => AccountAddress.Parse(address);

    protected static TransferId NewId() => TransferId.FromGuid(Guid.CreateVersion7());

    // An account without limits, and one that can't be overdrawn.
    protected static AccountSpec Open(string address, Asset asset) => new(At(address), asset, Code: 1);

    protected static AccountSpec Limited(string address, Asset asset) =>
        Open(address, asset) with { DebitsMustNotExceedCredits = Amount.Zero };

    protected static Transfer Move(string debit, string credit, ulong amount, Asset asset) =>
        new(NewId(), At(debit), At(credit), Amount.Of(amount), Code: 1) { Asset = asset };
    // end

    public async Task InitializeAsync() => node = await Node.StartAsync();

    public async Task DisposeAsync() => await node.DisposeAsync();

    /// <summary>Posted debits less posted credits.</summary>
    protected async Task<string> BalanceAsync(string address) =>
        (await ledger.GetAccountAsync(At(address)))!.Balances.Balance.ToString();
}
