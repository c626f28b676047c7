using Ledger.Actors.Storage;
using Ledger.PostgreSql;
using Ledger.Tests.Shared;
using Npgsql;

namespace Ledger.Storage.Tests;

[Collection(PostgresCollection.Name)]
public sealed class PostgreSqlLongRowsTests : LongRowsTests
{
    private readonly string _database = PostgresServer.Shared.CreateDatabase();

    [Fact]
    public async Task An_account_wakes_though_a_statement_has_the_time_for_few_rows_of_it()
    {
        // Each row takes a fifth of the time that a statement has, or more, as large ones do over a slow link.
        Prepare();
        Insert("slow", 1, 12, 100);
        Execute("ALTER TABLE journal RENAME TO journal_rows");
        Execute("CREATE FUNCTION slowly(bytea) RETURNS bytea STABLE LANGUAGE plpgsql AS"
            + " 'BEGIN PERFORM pg_sleep(0.2); RETURN $1; END'");
        Execute(
            "CREATE VIEW journal AS SELECT ordering, created, deleted, persistence_id, sequence_number, manifest, "
            + "identifier, writer_uuid, slowly(message) AS message FROM journal_rows");
        var hurried = new PostgreSqlStorage(
            _database, new PostgreSqlStorageOptions { StatementTimeout = TimeSpan.FromSeconds(1) });
        await using var node = await Node.StartAsync(hurried, prepare: false);
        var contents = await node.TryUntilWokenAsync("slow");
        contents.SequenceNr.ShouldBe(12);
    }

    protected override LedgerStorage Open() => new PostgreSqlStorage(_database);

    protected override void Insert(string persistenceId, long sequenceNr, int count, int bytes) => Execute(
        "INSERT INTO journal (created, deleted, persistence_id, sequence_number, message, manifest, identifier, "
        + $"writer_uuid) SELECT 1, FALSE, '{persistenceId}', n, convert_to(repeat('x', {bytes}), 'UTF8'), 'noted.v1', "
        + $"7654321, 'w' FROM generate_series({sequenceNr}, {sequenceNr + count - 1}) AS n");

    private void Execute(string sql)
    {
        using var connection = new NpgsqlConnection(_database);
        connection.Open();
        using var command = new NpgsqlCommand(sql, connection) { CommandTimeout = 60 };
        command.ExecuteNonQuery();
    }
}
