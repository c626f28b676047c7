using Ledger.Client;
using Ledger.EndToEnd.Tests.Support;
using Ledger.Tests.Shared;
using Npgsql;

namespace Ledger.EndToEnd.Tests;

/// <summary>A node behind PgBouncer: it works where each connection has a session of its own, and says at its start
/// why not elsewhere.</summary>
public sealed class PgBouncerTests : IClassFixture<PostgresCollection.Lifetime>
{
    [Fact]
    public async Task Sessions_of_its_own_are_enough_though_their_settings_are_dropped()
    {
        using var store = new Store(Database.PostgreSql);
        using var bouncer = new PgBouncer(store.ConnectionString!, "session");
        await using var node = await NodeProcess.StartAsync(store, Through(bouncer));
        using var client = node.Connect();
        await client.OpenAccountsAsync(
            [.. "ab".Select(static name => new AccountSpec { Address = $"{name}", Asset = "USD/2", Code = 1 })]);
        for (var i = 0; i < 20; i++)
        {
            (await client.PostTransferAsync(Transfer())).Status.ShouldBe(TransferStatus.Created);
        }

        await using var connection = new NpgsqlConnection(store.ConnectionString + ";Pooling=False");
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE "
                + "'ledger writer %'",
            connection);
        ((long)(await command.ExecuteScalarAsync())!).ShouldBeGreaterThan(0);
        await node.StopAsync();
    }

    [Theory]
    [InlineData(
        "transaction", "gives the session of one connection to others|drops what a connection sets",
        "pool_mode = session")]
    [InlineData(
        "statement", "refuses transactions of several statements|drops what a connection sets", "pool_mode = session")]
    public async Task Sessions_that_are_shared_are_refused_in_a_sentence(string mode, string what, string wayOut)
    {
        using var store = new Store(Database.PostgreSql);
        using var bouncer = new PgBouncer(store.ConnectionString!, mode);
        await RefusesAsync(store, bouncer, what, wayOut);
    }

    [Theory]
    [InlineData("transaction", "gives the session of one connection to others")]
    [InlineData("statement", "refuses transactions of several statements")]
    public async Task So_they_are_where_the_server_gives_every_session_what_a_node_asks_for(string mode, string what)
    {
        using var store = new Store(Database.PostgreSql);
        var database = new NpgsqlConnectionStringBuilder(store.ConnectionString).Database;
        await store.ExecuteAsync($"ALTER DATABASE {database} SET ledger.session = 'durable'");
        using var bouncer = new PgBouncer(store.ConnectionString!, mode);
        await RefusesAsync(store, bouncer, what, "pool_mode = session");
    }

    [Fact]
    public async Task A_bouncer_that_refuses_the_settings_is_explained()
    {
        using var store = new Store(Database.PostgreSql);
        using var bouncer = new PgBouncer(store.ConnectionString!, "session", ignored: "extra_float_digits");
        await RefusesAsync(
            store, bouncer, "refuses what a connection sets for its session", "ignore_startup_parameters");
    }

    private static async Task RefusesAsync(Store store, PgBouncer bouncer, string what, string wayOut)
    {
        await using var node = NodeProcess.Begin(store, "http://127.0.0.1:0", Through(bouncer));
        (await node.EndedAsync()).ShouldBe(1, node.Output);
        var refusal = node.Output.Split('\n')
            .Single(static line => line.StartsWith("ledger: ", StringComparison.Ordinal));
        what.Split('|').ShouldContain(text => refusal.Contains(text, StringComparison.Ordinal), refusal);
        refusal.ShouldContain(wayOut);
        (await store.TablesAsync()).ShouldBe(0);
    }

    private static string[] Through(PgBouncer bouncer) => ["--ConnectionStrings:Ledger", bouncer.ConnectionString];

    private static Transfer Transfer() => new()
    {
        Id = Guid.CreateVersion7(), DebitAccount = "a", CreditAccount = "b", Amount = 1, Code = 1,
    };
}
