using Akka.Configuration;
using Ledger.Actors.Storage;
using Microsoft.Data.Sqlite;

namespace Ledger.Sqlite;

/// <summary>Snapshots in a file of their own, so that they never wait for the journal's writer nor it for them.
/// </summary>
internal sealed class SqliteSnapshotStore : DirectSnapshotStore
{
    private readonly string _connectionString;
    private readonly SemaphoreSlim _gate = new(1);
    private SqliteConnection? _connection;
    private SqliteCommand? _read;
    private SqliteCommand? _write;
    private SqliteCommand? _delete;

    /// <summary>Called by Akka.Persistence with the plugin's configuration.</summary>
    public SqliteSnapshotStore(Config config)
        : base(config)
        => _connectionString = config.GetString("connection-string");

    protected override Task<StoredSnapshot?> ReadAsync(
        string persistenceId, long maxSequenceNr, long maxTicks, CancellationToken cancellationToken)
        => RunAsync(
            () =>
            {
                Fill(_read!, persistenceId, maxSequenceNr, maxTicks);
                using var reader = _read!.ExecuteReader();
                return reader.Read() ? StoredSnapshot.Read(reader) : default(StoredSnapshot?);
            },
            cancellationToken);

    protected override Task WriteAsync(
        string persistenceId, StoredSnapshot snapshot, CancellationToken cancellationToken)
        => RunAsync(
            () =>
            {
                var p = Fill(_write!, persistenceId, snapshot.SequenceNr, snapshot.CreatedTicks);
                p[3].Value = snapshot.Payload;
                p[4].Value = snapshot.SerializerId;
                p[5].Value = snapshot.Manifest;
                return _write!.ExecuteNonQuery();
            },
            cancellationToken);

    protected override Task DeleteAsync(
        string persistenceId, long maxSequenceNr, long maxTicks, CancellationToken cancellationToken)
        => RunAsync(
            () =>
            {
                Fill(_delete!, persistenceId, maxSequenceNr, maxTicks);
                return _delete!.ExecuteNonQuery();
            },
            cancellationToken);

    protected override void PostStop()
    {
        base.PostStop();
        if (_gate.Wait(TimeSpan.FromSeconds(5)))
        {
            Close();
            _gate.Release();
        }
    }

    private async Task<T> RunAsync<T>(Func<T> action, CancellationToken cancellationToken)
    {
        await _gate.WaitAsync(cancellationToken);
        try
        {
            return await Task.Run(
                () =>
                {
                    try
                    {
                        Open();
                        return action();
                    }
                    catch
                    {
                        Close();
                        throw;
                    }
                },
                cancellationToken);
        }
        finally
        {
            _gate.Release();
        }
    }

    private void Open()
    {
        if (_connection is not null)
        {
            return;
        }

        _connection = SqliteConnections.OpenRelaxed(_connectionString);
        _read = _connection.CreateCommand();
        _read.CommandText = """
            SELECT sequence_number, created, snapshot, serializer_id, manifest FROM snapshot
            WHERE persistence_id = $id AND sequence_number <= $number AND created <= $created
            ORDER BY sequence_number DESC LIMIT 1;
            """;
        Add(_read, "$id", "$number", "$created");
        _write = _connection.CreateCommand();
        _write.CommandText = """
            INSERT OR REPLACE INTO snapshot
                (persistence_id, sequence_number, created, snapshot, serializer_id, manifest)
            VALUES ($id, $number, $created, $snapshot, $serializer, $manifest);
            """;
        Add(_write, "$id", "$number", "$created", "$snapshot", "$serializer", "$manifest");
        _delete = _connection.CreateCommand();
        _delete.CommandText =
            "DELETE FROM snapshot WHERE persistence_id = $id AND sequence_number <= $number AND created <= $created;";
        Add(_delete, "$id", "$number", "$created");
    }

    private void Close()
    {
        _read?.Dispose();
        _write?.Dispose();
        _delete?.Dispose();
        _connection?.Dispose();
        _read = _write = _delete = null;
        _connection = null;
    }

    // The three that every statement begins with.
    private static SqliteParameterCollection Fill(
        SqliteCommand command, string persistenceId, long sequenceNr, long ticks)
    {
        var p = command.Parameters;
        p[0].Value = persistenceId;
        p[1].Value = sequenceNr;
        p[2].Value = ticks;
        return p;
    }

    private static void Add(SqliteCommand command, params ReadOnlySpan<string> names)
    {
        foreach (var name in names)
        {
            command.Parameters.Add(new SqliteParameter { ParameterName = name });
        }
    }
}
