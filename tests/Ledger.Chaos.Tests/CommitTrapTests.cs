using System.Net;
using Ledger.Chaos.Processes;
using Ledger.Chaos.Proxy;
using Ledger.Tests.Shared;
using Npgsql;

namespace Ledger.Chaos.Tests;

/// <summary>The commit is found in the protocol, for each of the ways in which the journal writes: what the server has,
/// and what the client learns.</summary>
[Collection(PostgresCollection.Name)]
public sealed class CommitTrapTests : IAsyncLifetime
{
    private const string InsertSql = "INSERT INTO journal (persistence_id, sequence_number) VALUES ($1, $2)";

    private readonly List<string> _written = [];
    private readonly PostgresWatch _watch;
    private readonly ProxyListener _proxy;
    private readonly string _direct;
    private readonly string _proxied;

    public CommitTrapTests()
    {
        _watch = new PostgresWatch(_written.Add);
        _direct = PostgresServer.Shared.CreateDatabase();
        var link = Link.Between("database", 1, _watch.NewFilter);
        var server = new NpgsqlConnectionStringBuilder(_direct);
        _proxy = new ProxyListener(
            new IPEndPoint(IPAddress.Loopback, 0), new IPEndPoint(IPAddress.Parse(server.Host!), server.Port), link);
        _proxied = new NpgsqlConnectionStringBuilder(_direct)
        {
            Port = _proxy.EndPoint.Port,
            Pooling = false,
            CommandTimeout = 5,
        }.ToString();
    }

    /// <summary>How a row is written.</summary>
    public enum Way
    {
        Prepared,
        Copy,
        Explicit,
    }

    public async Task InitializeAsync() => await ExecuteAsync(
        _direct, "CREATE TABLE journal (persistence_id varchar, sequence_number bigint)");

    public async Task DisposeAsync() => await _proxy.DisposeAsync();

    [Theory]
    [InlineData(Way.Prepared)]
    [InlineData(Way.Copy)]
    [InlineData(Way.Explicit)]
    public async Task A_held_commit_is_executed_and_not_committed(Way way)
    {
        await using var connection = await OpenAsync();
        var trap = new CommitTrap(CommitTrapKind.Hold);
        _watch.Trap = trap;
        var writing = WriteAsync(connection, way, 1);
        await trap.Sprung.WaitAsync(TimeSpan.FromSeconds(20));

        // It has been sent all but the commit, and works on it in its own time.
        while (await OpenTransactionsAsync() == 0)
        {
            writing.IsCompleted.ShouldBeFalse();
        }

        (await CountAsync()).ShouldBe(0);
        writing.IsCompleted.ShouldBeFalse();
        trap.Release();
        await writing;
        (await CountAsync()).ShouldBe(1);
    }

    [Theory]
    [InlineData(Way.Prepared)]
    [InlineData(Way.Copy)]
    [InlineData(Way.Explicit)]
    public async Task A_lost_answer_leaves_the_row_and_no_connection(Way way)
    {
        await using var connection = await OpenAsync();
        var trap = new CommitTrap(CommitTrapKind.LoseAnswer);
        _watch.Trap = trap;
        await Should.ThrowAsync<NpgsqlException>(WriteAsync(connection, way, 1));
        await trap.Sprung.WaitAsync(TimeSpan.FromSeconds(20));
        (await CountAsync()).ShouldBe(1);
    }

    [Theory]
    [InlineData(Way.Prepared)]
    [InlineData(Way.Copy)]
    [InlineData(Way.Explicit)]
    public async Task A_lost_commit_leaves_nothing(Way way)
    {
        await using var connection = await OpenAsync();
        _watch.Trap = new CommitTrap(CommitTrapKind.LoseCommit);
        await Should.ThrowAsync<NpgsqlException>(WriteAsync(connection, way, 1));
        (await CountAsync()).ShouldBe(0);
    }

    [Fact]
    public async Task Without_a_trap_all_passes_and_the_accounts_are_seen()
    {
        await using var connection = await OpenAsync();
        foreach (var way in Enum.GetValues<Way>())
        {
            for (var i = 0; i < 20; i++)
            {
                await WriteAsync(connection, way, i);
            }
        }

        (await CountAsync()).ShouldBe(60);
        _watch.Commits.ShouldBe(60);
        _written.Count.ShouldBe(60);
        _written.Distinct().ShouldBe(["ledger-account-a:1"]);
    }

    [Fact]
    public async Task A_trap_springs_once()
    {
        await using var first = await OpenAsync();
        await using var second = await OpenAsync();
        _watch.Trap = new CommitTrap(CommitTrapKind.LoseCommit);
        await Should.ThrowAsync<NpgsqlException>(WriteAsync(first, Way.Prepared, 1));
        await WriteAsync(second, Way.Prepared, 2);
        (await CountAsync()).ShouldBe(1);
    }

    private static async Task WriteAsync(NpgsqlConnection connection, Way way, long number)
    {
        if (way == Way.Copy)
        {
            await using var importer = await connection.BeginBinaryImportAsync(
                "COPY journal (persistence_id, sequence_number) FROM STDIN (FORMAT BINARY)");
            await importer.StartRowAsync();
            await importer.WriteAsync("ledger-account-a:1", NpgsqlTypes.NpgsqlDbType.Varchar);
            await importer.WriteAsync(number, NpgsqlTypes.NpgsqlDbType.Bigint);
            await importer.CompleteAsync();
            return;
        }

        await using var transaction = way == Way.Explicit ? await connection.BeginTransactionAsync() : null;
        await using (var command = new NpgsqlCommand(InsertSql, connection, transaction))
        {
            command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = "ledger-account-a:1" });
            command.Parameters.Add(new NpgsqlParameter<long> { TypedValue = number });
            await command.PrepareAsync();
            await command.ExecuteNonQueryAsync();
        }

        if (transaction is not null)
        {
            await transaction.CommitAsync();
        }
    }

    private async Task<NpgsqlConnection> OpenAsync()
    {
        var connection = new NpgsqlConnection(_proxied);
        await connection.OpenAsync();
        return connection;
    }

    private async Task<long> CountAsync() => (long)(await ScalarAsync("SELECT count(*) FROM journal"))!;

    private async Task<long> OpenTransactionsAsync() => (long)(await ScalarAsync(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND xact_start IS NOT NULL"
        + " AND pid <> pg_backend_pid()"))!;

    private async Task<object?> ScalarAsync(string sql)
    {
        await using var connection = new NpgsqlConnection(_direct);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        return await command.ExecuteScalarAsync();
    }

    private static async Task ExecuteAsync(string connectionString, string sql)
    {
        await using var connection = new NpgsqlConnection(connectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }
}
