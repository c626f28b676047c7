using Akka.Configuration;
using Ledger.Actors.Storage;
using Npgsql;
using NpgsqlTypes;

namespace Ledger.PostgreSql;

/// <summary>Snapshots with prepared statements over the journal's pool of reading connections.</summary>
internal sealed class PostgreSqlSnapshotStore : DirectSnapshotStore
{
    private const string ReadSql =
        "SELECT sequence_number, created, snapshot, serializer_id, manifest FROM snapshot"
        + " WHERE persistence_id = $1 AND sequence_number <= $2 AND created <= $3"
        + " ORDER BY sequence_number DESC LIMIT 1";

    private const string WriteSql =
        "INSERT INTO snapshot (persistence_id, sequence_number, created, snapshot, serializer_id, manifest)"
        + " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (persistence_id, sequence_number) DO UPDATE"
        + " SET created = excluded.created, snapshot = excluded.snapshot, serializer_id = excluded.serializer_id,"
        + " manifest = excluded.manifest";

    private readonly string _connectionString;

    /// <summary>Called by Akka.Persistence with the plugin's configuration.</summary>
    public PostgreSqlSnapshotStore(Config config)
        : base(config)
        => _connectionString = config.GetString("connection-string");

    protected override async Task<StoredSnapshot?> ReadAsync(
        string persistenceId, long maxSequenceNr, long maxTicks, CancellationToken cancellationToken)
    {
        await using var connection = new NpgsqlConnection(_connectionString);
        await connection.OpenAsync(cancellationToken);
        await using var command = new NpgsqlCommand(ReadSql, connection)
        {
            Parameters =
            {
                new NpgsqlParameter<string> { TypedValue = persistenceId, NpgsqlDbType = NpgsqlDbType.Varchar },
                new NpgsqlParameter<long> { TypedValue = maxSequenceNr },
                new NpgsqlParameter<long> { TypedValue = maxTicks },
            },
        };
        await command.PrepareAsync(cancellationToken);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        return await reader.ReadAsync(cancellationToken)
            ? new StoredSnapshot(
                reader.GetInt64(0),
                reader.GetInt64(1),
                reader.GetFieldValue<byte[]>(2),
                reader.GetInt32(3),
                reader.IsDBNull(4) ? string.Empty : reader.GetString(4))
            : null;
    }

    protected override async Task WriteAsync(
        string persistenceId, StoredSnapshot snapshot, CancellationToken cancellationToken)
    {
        await using var connection = new NpgsqlConnection(_connectionString);
        await connection.OpenAsync(cancellationToken);
        await using var command = new NpgsqlCommand(WriteSql, connection)
        {
            Parameters =
            {
                new NpgsqlParameter<string> { TypedValue = persistenceId, NpgsqlDbType = NpgsqlDbType.Varchar },
                new NpgsqlParameter<long> { TypedValue = snapshot.SequenceNr },
                new NpgsqlParameter<long> { TypedValue = snapshot.CreatedTicks },
                new NpgsqlParameter<byte[]> { TypedValue = snapshot.Payload, NpgsqlDbType = NpgsqlDbType.Bytea },
                new NpgsqlParameter<int> { TypedValue = snapshot.SerializerId },
                new NpgsqlParameter<string> { TypedValue = snapshot.Manifest, NpgsqlDbType = NpgsqlDbType.Varchar },
            },
        };
        await command.PrepareAsync(cancellationToken);
        await command.ExecuteNonQueryAsync(cancellationToken);
    }
}
