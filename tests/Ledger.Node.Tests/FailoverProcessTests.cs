using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Ledger.Tests.Shared;
using Npgsql;

namespace Ledger.Node.Tests;

/// <summary>
/// Goal: a database that comes back without its last commits is never written to as if it had them, and one that lost
/// nothing is gone on with (R19 b). Method: a node as a process, a PostgreSQL server of the test's own, and a replica
/// that takes its place at the same address.
/// </summary>
[Collection(PostgresCollection.Name)]
public sealed class FailoverProcessTests : IDisposable
{
    private readonly DirectoryInfo directory = Directory.CreateTempSubdirectory("ledger-failover-");
    private readonly HttpClient http = new() { Timeout = TimeSpan.FromSeconds(30) };
    private readonly PostgresServer server = new();
    private readonly string database;
    private readonly int port = LoopbackPort.Next();

    public FailoverProcessTests() => database = server.CreateDatabase();

    [Fact]
    public async Task After_a_failover_to_a_replica_without_the_last_commits_nothing_is_created_until_an_epoch_begins()
    {
        using var node = Start();
        var url = await node.ListeningAsync();
        await OpenAsync(url);
        await PayAsync(url, 3);
        var replica = server.Copy(follows: false);
        await PayAsync(url, 3);
        var token = (await http.GetFromJsonAsync<JsonElement>(new Uri(url, "/v1/accounts/a/statement?pageSize=1")))
            .GetProperty("nextPageToken").GetString();
        server.FailOverTo(replica, catchesUp: false);

        string told;
        do
        {
            (var status, told) = await TryPayAsync(url);
            status.ShouldNotBe(HttpStatusCode.OK, told);
        }
        while (!told.Contains("LEDGER_HALTED", StringComparison.Ordinal));

        (await http.GetAsync(new Uri(url, "/health/ready"))).StatusCode.ShouldBe(HttpStatusCode.ServiceUnavailable);
        var health = await (await http.GetAsync(new Uri(url, "/health"))).Content.ReadAsStringAsync();
        health.ShouldContain("HALTED");
        health.ShouldContain("epoch begin");

        // It stays so, also in its next life, and an operator's act ends it.
        node.Terminate();
        await node.ExitAsync();
        using var next = Start();
        url = await next.ListeningAsync();
        (await TryPayAsync(url)).Text.ShouldContain("LEDGER_HALTED");
        using (var command = new NodeProcess(
            directory.FullName,
            ["epoch", "begin", "--by", "Ada Lovelace", "--reason", "the replica lacked three payments", .. Settings]))
        {
            (await command.ExitAsync()).ShouldBe(0, command.Output);
            command.Output.ShouldContain("epoch 2");
        }

        await Until.TrueAsync(async () => await IsReadyAsync(url));
        await PayAsync(url, 1);
        (await DebitsAsync(url)).ShouldBe("4");

        // What was read of the books before may be no more.
        var page = await http.GetAsync(new Uri(url, $"/v1/accounts/a/statement?pageSize=1&pageToken={token}"));
        page.StatusCode.ShouldBe(HttpStatusCode.BadRequest);
        (await page.Content.ReadAsStringAsync()).ShouldContain("PAGE_TOKEN_OF_ANOTHER_EPOCH");
        next.Output.ShouldContain("begins anew");
        next.Terminate();
        (await next.ExitAsync()).ShouldBe(0, next.Output);
    }

    [Fact]
    public async Task After_a_failover_that_lost_nothing_the_node_goes_on_by_itself()
    {
        using var node = Start();
        var url = await node.ListeningAsync();
        await OpenAsync(url);
        await PayAsync(url, 3);
        var replica = server.Copy(follows: true);
        await PayAsync(url, 3);
        server.FailOverTo(replica, catchesUp: true);
        var id = Guid.CreateVersion7();
        await Until.TrueAsync(async () => (await TryPayAsync(url, id)).Status == HttpStatusCode.OK);
        (await DebitsAsync(url)).ShouldBe("7");
        node.Output.ShouldContain("The database has changed");
        node.Output.ShouldNotContain("HALTED");
        node.Terminate();
        (await node.ExitAsync()).ShouldBe(0, node.Output);
    }

    /// <summary>What an administrator sets for the database, a connection of the ledger sets for itself otherwise; what
    /// only the server can set ends the node (R19 d).</summary>
    [Fact]
    public async Task A_server_that_is_set_to_lose_what_it_confirms_is_written_to_no_more()
    {
        using var node = Start();
        var url = await node.ListeningAsync();
        await OpenAsync(url);
        var name = new NpgsqlConnectionStringBuilder(database).Database!;
        Execute($"ALTER DATABASE \"{name}\" SET synchronous_commit = off");
        Execute($"ALTER DATABASE \"{name}\" SET default_transaction_isolation = 'serializable'");

        // Only sessions that begin later are told.
        server.Restart();
        Read("SHOW synchronous_commit").ShouldBe("off");
        Read("SHOW default_transaction_isolation").ShouldBe("serializable");
        await Until.TrueAsync(async () => (await TryPayAsync(url)).Status == HttpStatusCode.OK);
        await PayAsync(url, 3);
        (await http.GetAsync(new Uri(url, "/health/ready"))).StatusCode.ShouldBe(HttpStatusCode.OK);

        Execute("ALTER SYSTEM SET fsync = off");
        Execute("SELECT pg_reload_conf()");
        (await node.ExitAsync()).ShouldBe(1, node.Output);
        node.Output.ShouldContain("PostgreSQL has fsync = off");
        var rows = Read("SELECT count(*) FROM journal");

        // Nor does it begin so.
        using var refused = Start();
        (await refused.ExitAsync()).ShouldBe(1, refused.Output);
        refused.Output.ShouldContain("fsync = off");
        Read("SELECT count(*) FROM journal").ShouldBe(rows);

        Execute("ALTER SYSTEM RESET fsync");
        Execute("SELECT pg_reload_conf()");
        using var next = Start();
        url = await next.ListeningAsync();
        await PayAsync(url, 1);
        next.Terminate();
        (await next.ExitAsync()).ShouldBe(0, next.Output);
    }

    private void Execute(string sql)
    {
        using var connection = new NpgsqlConnection(database + ";Pooling=false");
        connection.Open();
        using var command = new NpgsqlCommand(sql, connection);
        command.ExecuteNonQuery();
    }

    private string Read(string sql)
    {
        using var connection = new NpgsqlConnection(database + ";Pooling=false");
        connection.Open();
        using var command = new NpgsqlCommand(sql, connection);
        return command.ExecuteScalar()!.ToString()!;
    }

    public void Dispose()
    {
        http.Dispose();
        server.Dispose();
        directory.Delete(recursive: true);
    }

    private string[] Settings =>
        [$"--ConnectionStrings:Ledger={database}", $"--Ledger:Http:Url=http://127.0.0.1:{port}"];

    private NodeProcess Start() => new(directory.FullName, Settings);

    private Task OpenAsync(Uri url) => PostAsync(url, "/v1/accounts", new
    {
        accounts =
            new[] { new { address = "a", asset = "USD/2", code = 1 },
                new { address = "b", asset = "USD/2", code = 1 } },
    });

    private async Task PayAsync(Uri url, int times)
    {
        for (var i = 0; i < times; i++)
        {
            var (status, text) = await TryPayAsync(url);
            status.ShouldBe(HttpStatusCode.OK, text);
            text.ShouldContain("TRANSFER_STATUS_CREATED");
        }
    }

    private Task<(HttpStatusCode Status, string Text)> TryPayAsync(Uri url, Guid? id = null) => PostAsync(
        url, "/v1/transfers",
        new { id = id ?? Guid.CreateVersion7(), debitAccount = "a", creditAccount = "b", amount = "1", code = 1 });

    private async Task<(HttpStatusCode Status, string Text)> PostAsync(Uri url, string path, object body)
    {
        var response = await http.PostAsJsonAsync(new Uri(url, path), body);
        return (response.StatusCode, await response.Content.ReadAsStringAsync());
    }

    private async Task<bool> IsReadyAsync(Uri url)
    {
        try
        {
            return (await http.GetAsync(new Uri(url, "/health/ready"))).IsSuccessStatusCode;
        }
        catch (HttpRequestException)
        {
            // Between its two lives it listens to nobody.
            return false;
        }
    }

    private async Task<string?> DebitsAsync(Uri url)
    {
        var account = await http.GetFromJsonAsync<JsonElement>(new Uri(url, "/v1/accounts/a"));
        return account.GetProperty("account").GetProperty("balances").GetProperty("debitsPosted").GetString();
    }
}
