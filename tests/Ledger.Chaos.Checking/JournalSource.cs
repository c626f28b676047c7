using System.Data;
using System.Data.Common;
using System.Runtime.CompilerServices;
using Ledger.Actors.Accounts;
using Microsoft.Data.Sqlite;
using Npgsql;

namespace Ledger.Chaos.Checking;

/// <summary>A row of the journal as the database has it.</summary>
internal readonly record struct JournalEntry(
    long Ordering, string Stream, long SequenceNr, byte[] Bytes, string Manifest, string Writer, bool Deleted);

/// <summary>A stored snapshot.</summary>
internal readonly record struct SnapshotEntry(string Stream, long SequenceNr, byte[] Bytes, string Manifest);

/// <summary>The journal's tables, read directly: no code of the ledger stands between.</summary>
internal sealed class JournalSource(string connection)
{
    private const string Columns = "ordering, persistence_id, sequence_number, message, manifest, writer_uuid, deleted";

    public async IAsyncEnumerable<JournalEntry> ReadAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await using var opened = await OpenAsync(cancellationToken);
        await using var command = opened.CreateCommand();
        command.CommandTimeout = 0;
        command.CommandText = $"SELECT {Columns} FROM journal ORDER BY ordering";
        await using var reader = await command.ExecuteReaderAsync(CommandBehavior.SequentialAccess, cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            yield return Entry(reader);
        }
    }

    public async Task<JournalEntry?> FindAsync(string account, long sequenceNr, CancellationToken cancellationToken)
    {
        await using var opened = await OpenAsync(cancellationToken);
        await using var command = opened.CreateCommand();
        command.CommandText =
            $"SELECT {Columns} FROM journal WHERE persistence_id = @id AND sequence_number = @nr ORDER BY ordering "
                + "LIMIT 1";
        Add(command, "id", AccountActor.PersistenceIdPrefix + account);
        Add(command, "nr", sequenceNr);
        await using var reader = await command.ExecuteReaderAsync(CommandBehavior.SequentialAccess, cancellationToken);
        return await reader.ReadAsync(cancellationToken) ? Entry(reader) : null;
    }

    /// <summary>Those of the snapshots that lie in the same database.</summary>
    public async Task<IReadOnlyList<SnapshotEntry>> SnapshotsAsync(CancellationToken cancellationToken)
    {
        await using var opened = await OpenAsync(cancellationToken);
        if (!await HasTableAsync(opened, "snapshot", cancellationToken))
        {
            return [];
        }

        await using var command = opened.CreateCommand();
        command.CommandTimeout = 0;
        command.CommandText = "SELECT persistence_id, sequence_number, snapshot, manifest FROM snapshot";
        var snapshots = new List<SnapshotEntry>();
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            if (!reader.IsDBNull(2))
            {
                snapshots.Add(new SnapshotEntry(
                    reader.GetString(0), reader.GetInt64(1), (byte[])reader.GetValue(2),
                    reader.IsDBNull(3) ? "" : reader.GetString(3)));
            }
        }

        return snapshots;
    }

    /// <summary>The entries of the index of ids; null where there is none, or none that is as old as the
    /// journal.</summary>
    public async Task<IReadOnlySet<(TransferId Id, string Stream, long SequenceNr)>?> IndexedIdsAsync(
        CancellationToken cancellationToken)
    {
        await using var opened = await OpenAsync(cancellationToken);
        if (!await HasTableAsync(opened, "ledger_id", cancellationToken))
        {
            return null;
        }

        await using var command = opened.CreateCommand();
        command.CommandTimeout = 0;
        command.CommandText = "SELECT id, persistence_id, sequence_number FROM ledger_id";
        var entries = new HashSet<(TransferId, string, long)>();
        var isComplete = false;
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            var id = reader.GetValue(0) is Guid guid
                ? TransferId.FromGuid(guid)
                : TransferId.FromBytes((byte[])reader.GetValue(0));
            isComplete |= !id.IsNil && reader.GetString(1).Length == 0 && reader.GetInt64(2) == 0;
            entries.Add((id, reader.GetString(1), reader.GetInt64(2)));
        }

        return isComplete ? entries : null;
    }

    private static async Task<bool> HasTableAsync(
        DbConnection opened, string table, CancellationToken cancellationToken)
    {
        await using var command = opened.CreateCommand();
        command.CommandText = opened is SqliteConnection
            ? $"SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = '{table}'"
            : $"SELECT count(*) FROM pg_tables WHERE tablename = '{table}'";
        return Convert.ToInt64(await command.ExecuteScalarAsync(cancellationToken), null) > 0;
    }

    private static JournalEntry Entry(DbDataReader reader)
    {
        var ordering = reader.GetInt64(0);
        var stream = reader.GetString(1);
        var number = reader.GetInt64(2);
        var bytes = (byte[])reader.GetValue(3);
        var manifest = reader.IsDBNull(4) ? "" : reader.GetString(4);
        var writer = reader.IsDBNull(5) ? "" : reader.GetString(5);
        return new JournalEntry(ordering, stream, number, bytes, manifest, writer, reader.GetBoolean(6));
    }

    private static void Add(DbCommand command, string name, object value)
    {
        var parameter = command.CreateParameter();
        parameter.ParameterName = name;
        parameter.Value = value;
        command.Parameters.Add(parameter);
    }

    private async Task<DbConnection> OpenAsync(CancellationToken cancellationToken)
    {
        // Only SQLite's connection strings name a file, and only PostgreSQL's a host.
        var parsed = new DbConnectionStringBuilder { ConnectionString = connection };
        DbConnection made;
        if (parsed.ContainsKey("Host") || parsed.ContainsKey("Server"))
        {
            made = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(connection) { Pooling = false }.ToString());
        }
        else if (parsed.ContainsKey("Data Source") || parsed.ContainsKey("DataSource")
            || parsed.ContainsKey("Filename"))
        {
            made = new SqliteConnection(new SqliteConnectionStringBuilder(connection)
            {
                Mode = SqliteOpenMode.ReadOnly, Pooling = false,
            }.ToString());
        }
        else
        {
            throw new ArgumentException(
                "The connection string names neither a host (PostgreSQL) nor a data source (SQLite).",
                nameof(connection));
        }

        try
        {
            await made.OpenAsync(cancellationToken);
            return made;
        }
        catch
        {
            await made.DisposeAsync();
            throw;
        }
    }
}
