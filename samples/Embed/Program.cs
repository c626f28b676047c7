using Ledger;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

var builder = Host.CreateApplicationBuilder(args);
builder.Services.AddLedger(options => options.UseSqlite("ledger.db")); // or UsePostgreSql
using var host = builder.Build();
await host.StartAsync();
var ledger = host.Services.GetRequiredService<ILedger>();

var (bank, alice) = (AccountAddress.Parse("bank:cash"), AccountAddress.Parse("users:alice:wallet"));
var usd = Asset.Parse("USD/2");
await ledger.OpenAccountsAsync([new AccountSpec(bank, usd, Code: 1), new AccountSpec(alice, usd, Code: 1)]);

var id = TransferId.FromGuid(Guid.CreateVersion7()); // Made once, and kept for every retry.
var result = await ledger.PostTransferAsync(new Transfer(id, bank, alice, Amount.Of(12_500), Code: 1));
Console.WriteLine(result.Status); // Created

await host.StopAsync();
