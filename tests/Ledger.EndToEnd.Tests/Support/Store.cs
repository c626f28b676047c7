using Ledger.Tests.Shared;
using Microsoft.Data.Sqlite;
using Npgsql;

namespace Ledger.EndToEnd.Tests.Support;

/// <summary>The databases that a node runs on.</summary>
public enum Database
{
    Sqlite,
    PostgreSql,
}

/// <summary>The data of a node, and the directory that it runs in. Outlives the node's processes.</summary>
internal sealed class Store : IDisposable
{
    private readonly string? connectionString;

    /// <summary>Makes an empty one.</summary>
    /// <param name="database">On what.</param>
    /// <param name="server">A server of the test's own, which it may stop; null for the shared one.</param>
    public Store(Database database, PostgresServer? server = null)
    {
        Root = Directory.CreateTempSubdirectory("ledger-node-").FullName;
        connectionString =
            database == Database.PostgreSql ? (server ?? PostgresServer.Shared).CreateDatabase() : null;
    }

    /// <summary>A directory that is deleted with the store.</summary>
    public string Root { get; }

    /// <summary>Where the PostgreSQL database is; null for a file.</summary>
    public string? ConnectionString => connectionString;

    /// <summary>The node's settings.</summary>
    public IEnumerable<string> Settings => connectionString is null
        ? ["--Ledger:Sqlite:Path", SqliteFile]
        : ["--ConnectionStrings:Ledger", connectionString];

    /// <summary>The SQLite file, where there is one.</summary>
    public string SqliteFile => Path.Combine(Root, "ledger.db");

    /// <summary>How many rows the journal has.</summary>
    public async Task<long> CountJournalRowsAsync() =>
        (long)(await ReadAsync(SqliteFile, "SELECT count(*) FROM journal"))!;

    /// <summary>How many rows an account has.</summary>
    public async Task<long> CountJournalRowsAsync(string account) => (long)(await ReadAsync(
        SqliteFile, $"SELECT count(*) FROM journal WHERE persistence_id = 'ledger-account-{account}'"))!;

    /// <summary>The row that an account's newest snapshot stands on; null where it has none.</summary>
    public async Task<long?> SnapshotRowAsync(string account) => await ReadAsync(
        SnapshotFile,
        $"SELECT max(sequence_number) FROM snapshot WHERE persistence_id = 'ledger-account-{account}'") as long?;

    /// <summary>How many tables a PostgreSQL database has.</summary>
    public async Task<long> TablesAsync()
    {
        await using var source = NpgsqlDataSource.Create(connectionString!);
        await using var command = source.CreateCommand("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'");
        return (long)(await command.ExecuteScalarAsync())!;
    }

    /// <summary>Changes the database behind the node's back.</summary>
    public Task ExecuteAsync(string statement) => ExecuteAsync(SqliteFile, statement);

    /// <summary>Changes what keeps the snapshots, behind the node's back.</summary>
    public Task ExecuteOnSnapshotsAsync(string statement) => ExecuteAsync(SnapshotFile, statement);

    /// <summary>Restores a copy into the file, which may be open, as SQLite's shell does by <c>.restore</c>.</summary>
    public void RestoreSqlite(string copy)
    {
        using var from = new SqliteConnection($"Data Source={copy};Mode=ReadOnly;Pooling=False");
        using var to = new SqliteConnection($"Data Source={SqliteFile};Pooling=False");
        from.Open();
        to.Open();
        from.BackupDatabase(to);
    }

    private string SnapshotFile => Path.Combine(Root, "ledger.snapshots.db");

    private async Task<object?> ReadAsync(string file, string query)
    {
        if (connectionString is not null)
        {
            await using var source = NpgsqlDataSource.Create(connectionString);
            await using var postgres = source.CreateCommand(query);
            return await postgres.ExecuteScalarAsync();
        }

        await using var connection = new SqliteConnection($"Data Source={file};Mode=ReadOnly;Pooling=False");
        await connection.OpenAsync();
        await using var sqlite = connection.CreateCommand();
        sqlite.CommandText = query;
        return await sqlite.ExecuteScalarAsync();
    }

    private async Task ExecuteAsync(string file, string statement)
    {
        if (connectionString is not null)
        {
            await using var source = NpgsqlDataSource.Create(connectionString);
            await using var postgres = source.CreateCommand(statement);
            await postgres.ExecuteNonQueryAsync();
            return;
        }

        await using var connection = new SqliteConnection($"Data Source={file};Pooling=False");
        await connection.OpenAsync();
        await using var sqlite = connection.CreateCommand();
        sqlite.CommandText = statement;
        await sqlite.ExecuteNonQueryAsync();
    }

    public void Dispose()
    {
        try
        {
            Directory.Delete(Root, recursive: true);
        }
        catch (IOException)
        {
            // A temporary directory that stays is no reason to fail.
        }
    }
}
