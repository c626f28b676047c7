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

    public Store(Database database)
    {
        Root = Directory.CreateTempSubdirectory("ledger-node-").FullName;
        connectionString = database == Database.PostgreSql ? PostgresServer.Shared.CreateDatabase() : null;
    }

    /// <summary>A directory that is deleted with the store.</summary>
    public string Root { get; }

    /// <summary>Where the PostgreSQL database is; null for a file.</summary>
    public string? ConnectionString => connectionString;

    /// <summary>The node's settings.</summary>
    public IEnumerable<string> Settings => connectionString is null
        ? ["--Ledger:Sqlite:Path", SqliteFile]
        : ["--ConnectionStrings:Ledger", connectionString];

    private string SqliteFile => Path.Combine(Root, "ledger.db");

    /// <summary>How many rows the journal has.</summary>
    public async Task<long> CountJournalRowsAsync()
    {
        const string query = "SELECT count(*) FROM journal";
        if (connectionString is not null)
        {
            await using var source = NpgsqlDataSource.Create(connectionString);
            await using var postgres = source.CreateCommand(query);
            return (long)(await postgres.ExecuteScalarAsync())!;
        }

        await using var connection = new SqliteConnection($"Data Source={SqliteFile};Mode=ReadOnly;Pooling=False");
        await connection.OpenAsync();
        await using var sqlite = connection.CreateCommand();
        sqlite.CommandText = query;
        return (long)(await sqlite.ExecuteScalarAsync())!;
    }

    /// <summary>How many tables a PostgreSQL database has.</summary>
    public async Task<long> TablesAsync()
    {
        await using var source = NpgsqlDataSource.Create(connectionString!);
        await using var command = source.CreateCommand("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'");
        return (long)(await command.ExecuteScalarAsync())!;
    }

    /// <summary>Changes the database behind the node's back, which must not run on a file meanwhile.</summary>
    public async Task ExecuteAsync(string statement)
    {
        if (connectionString is not null)
        {
            await using var source = NpgsqlDataSource.Create(connectionString);
            await using var postgres = source.CreateCommand(statement);
            await postgres.ExecuteNonQueryAsync();
            return;
        }

        await using var connection = new SqliteConnection($"Data Source={SqliteFile};Pooling=False");
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
