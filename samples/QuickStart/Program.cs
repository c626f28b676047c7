// A ledger inside of an application: no other process, SQLite files beside the program. Run it twice: they keep
// everything. The packages: Ledger.Sqlite, and Microsoft.Extensions.Hosting for the host.
using Ledger;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

var file = args is [var given] ? given : "quickstart.db";
var builder = Host.CreateApplicationBuilder();
builder.Logging.SetMinimumLevel(LogLevel.Warning);
builder.Services.AddLedger(options => options.UseSqlite(file)); // The one line.
using var host = builder.Build();
await host.StartAsync();
var ledger = host.Services.GetRequiredService<ILedger>();

// An account holds one asset. Alice's can't be overdrawn; the bank's own may.
var (bank, alice, shop) = (Address("bank:cash"), Address("users:alice:wallet"), Address("shops:7"));
var usd = Asset.Parse("USD/2");
var opened = await ledger.OpenAccountsAsync(
[
    new AccountSpec(bank, usd, Code: 1),
    new AccountSpec(alice, usd, Code: 2) { DebitsMustNotExceedCredits = Amount.Zero },
    new AccountSpec(shop, usd, Code: 3),
]);
foreach (var account in opened)
{
    Console.WriteLine($"account {account.Address}: {account.Status}");
}

// The id is made before the first attempt and kept for every retry. Amounts are in cents.
var pay = new Transfer(NewId(), alice, shop, Amount.Of(30_00), Code: 1) { Reference = "order 4711" };
await PostAsync("alice puts in 100.00", new Transfer(NewId(), bank, alice, Amount.Of(100_00), Code: 1));
await PostAsync("alice pays 30.00", pay);
await PostAsync("the same, sent again", pay);
await PostAsync("alice pays 1,000,000.00", new Transfer(NewId(), alice, shop, Amount.Of(1_000_000_00), Code: 1));

foreach (var address in new[] { bank, alice, shop })
{
    // A balance is debits less credits: what the bank owes to Alice is negative on her account.
    var account = (await ledger.GetAccountAsync(address))!;
    Console.WriteLine($"{address}: {Units(account.Balances.Balance)} USD");
}

Console.WriteLine($"the latest of the statement of {alice}:");
var statement = await ledger.ListStatementAsync(new StatementQuery(alice) { NewestFirst = true, PageSize = 4 });
foreach (var entry in statement!.Entries)
{
    var side = entry.Direction == EntryDirection.Debit ? "debit" : "credit";
    var amount = Units(new SignedAmount(false, entry.Transfer.Amount));
    Console.WriteLine(
        $"  {entry.Sequence,3} {side,-6} {amount,8} -> {Units(entry.Balance),8} {entry.Transfer.Reference}");
}

await host.StopAsync();

async Task PostAsync(string what, Transfer transfer)
{
    var result = await ledger.PostTransferAsync(transfer);
    Console.WriteLine($"{what}: {result.Status}");
}

static AccountAddress Address(string text) => AccountAddress.Parse(text);
static TransferId NewId() => TransferId.FromGuid(Guid.CreateVersion7());
static string Units(SignedAmount cents) =>
    $"{(cents.IsNegative ? "-" : "")}{(decimal)cents.Magnitude.Value / 100:0.00}";
