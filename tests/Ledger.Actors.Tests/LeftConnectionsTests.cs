using Ledger.Tests.Shared;
using Npgsql;

namespace Ledger.Actors.Tests;

/// <summary>What a ledger that has stopped leaves on the server of its database.</summary>
public sealed class LeftConnectionsTests : IClassFixture<PostgresCollection.Lifetime>
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_ledger_that_has_stopped_leaves_no_connection(bool clustered)
    {
        using var storage = new PostgresTestStorage(clustered);
        await using (var host = await LedgerHost.StartAsync(storage, static options => options.Index.Enabled = true))
        {
            var money = Asset.Parse("USD/2");
            var accounts = Enumerable.Range(0, 8).Select(static n => AccountAddress.Parse($"a:{n}")).ToArray();
            await host.Ledger.OpenAccountsAsync([.. accounts.Select(one => new AccountSpec(one, money, 1))]);
            await Task.WhenAll(accounts.Select(one => host.Ledger.ListStatementAsync(new StatementQuery(one))));
            (await host.Ledger.ListAccountsAsync(null, 10)).Accounts.Count.ShouldBe(8);
            SessionsOn(storage).ShouldNotBeEmpty();
        }

        await Until.TrueAsync(
            () =>
                SessionsOn(storage).Count == 0, TimeSpan.FromSeconds(10), $"{string.Join(", ", SessionsOn(storage))}");
    }

    private static IReadOnlyList<string> SessionsOn(PostgresTestStorage storage)
    {
        using var connection = storage.Open();
        using var command = (NpgsqlCommand)connection.CreateCommand();
        command.CommandText =
            "SELECT application_name || ': ' || left(query, 60) FROM pg_stat_activity WHERE datname = "
                + "current_database() AND pid <> pg_backend_pid()";
        using var reader = command.ExecuteReader();
        var sessions = new List<string>();
        while (reader.Read())
        {
            sessions.Add(reader.GetString(0));
        }

        return sessions;
    }
}
