using Microsoft.Data.Sqlite;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Ledger.Actors.Tests;

/// <summary>Goal: the backup of SQLite that docs/operating/backup.md describes holds the whole ledger. Method: the
/// statement of that page while a ledger runs and pays, and a ledger on the copy alone.</summary>
public sealed class BackupTests : IDisposable
{
    private static readonly Asset s_usd = Asset.Parse("USD/2");
    private static readonly AccountAddress s_bank = AccountAddress.Parse("bank");
    private static readonly AccountAddress s_alice = AccountAddress.Parse("alice");

    private readonly DirectoryInfo directory = Directory.CreateTempSubdirectory("ledger-backup-");

    [Fact]
    public async Task A_copy_made_while_the_ledger_runs_is_the_ledger()
    {
        var copy = Path.Combine(directory.CreateSubdirectory("backup").FullName, "ledger.db");
        using (var host = await StartAsync(Path.Combine(directory.FullName, "ledger.db")))
        {
            var ledger = host.Services.GetRequiredService<ILedger>();
            await ledger.OpenAccountsAsync(
                [new AccountSpec(s_bank, s_usd, Code: 1), new AccountSpec(s_alice, s_usd, Code: 1)]);
            await PayAsync(ledger);
            using (var connection = new SqliteConnection(
                $"Data Source={Path.Combine(directory.FullName, "ledger.db")};Pooling=false"))
            {
                connection.Open();
                using var command = connection.CreateCommand();
                command.CommandText = $"VACUUM INTO '{copy}'";
                command.ExecuteNonQuery();
            }

            await PayAsync(ledger);
            await host.StopAsync();
        }

        using var restored = await StartAsync(copy);
        var books = restored.Services.GetRequiredService<ILedger>();
        (await books.GetAccountAsync(s_alice))!.Balances.CreditsPosted.ShouldBe(Amount.Of(5));
        await PayAsync(books);
        (await books.GetAccountAsync(s_alice))!.Balances.CreditsPosted.ShouldBe(Amount.Of(10));
        await restored.StopAsync();
    }

    public void Dispose() => directory.Delete(recursive: true);

    private static async Task PayAsync(ILedger ledger) => (await ledger.PostTransferAsync(
        new Transfer(TransferId.FromGuid(Guid.CreateVersion7()), s_bank, s_alice, Amount.Of(5), Code: 1)))
        .Status.ShouldBe(TransferStatus.Created);

    private static async Task<IHost> StartAsync(string path)
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Services.AddLedger(options => options.UseSqlite(path));
        var host = builder.Build();
        await host.StartAsync();
        return host;
    }
}
