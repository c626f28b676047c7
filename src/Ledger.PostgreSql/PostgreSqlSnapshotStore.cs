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

    private const string ReadManySql = """
        SELECT s.sequence_number, s.created, s.snapshot, s.serializer_id, s.manifest, r.place
        FROM unnest($1::varchar[], $2::bigint[], $3::bigint[]) WITH ORDINALITY AS r (persistence_id, highest, latest, place)
        CROSS JOIN LATERAL (
            SELECT sequence_number, created, snapshot, serializer_id, manifest FROM snapshot
            WHERE persistence_id = r.persistence_id AND sequence_number <= r.highest AND created <= r.latest
            ORDER BY sequence_number DESC LIMIT 1) s
        """;

    private const string WriteSql =
        "INSERT INTO snapshot (persistence_id, sequence_number, created, snapshot, serializer_id, manifest)"
        + " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (persistence_id, sequence_number) DO UPDATE"
        + " SET created = excluded.created, snapshot = excluded.snapshot, serializer_id = excluded.serializer_id,"
        + " manifest = excluded.manifest";

    private const string DeleteSql =
        "DELETE FROM snapshot WHERE persistence_id = $1 AND sequence_number <= $2 AND created <= $3";

    // A snapshot may be large.
    private const int GroupsMax = 6;
    private const int GroupMax = 16;

    private readonly string _connectionString;
    private readonly GroupedReads<SnapshotQuestion, StoredSnapshot?> _snapshots;

    /// <summary>Called by Akka.Persistence with the plugin's configuration.</summary>
    public PostgreSqlSnapshotStore(Config config)
        : base(config)
    {
        _connectionString = config.GetString("connection-string");
        _snapshots = new GroupedReads<SnapshotQuestion, StoredSnapshot?>(
            GroupsMax, GroupMax, PostgreSqlReading.GroupTimeout, ReadAsync, PostgreSqlReading.MayBeOfOne);
    }

    protected override Task<StoredSnapshot?> ReadAsync(
        string persistenceId, long maxSequenceNr, long maxTicks, CancellationToken cancellationToken) =>
        _snapshots.AskAsync(new SnapshotQuestion(persistenceId, maxSequenceNr, maxTicks), cancellationToken);

    protected override Task WriteAsync(
        string persistenceId, StoredSnapshot snapshot, CancellationToken cancellationToken) =>
        ExecuteAsync(
            WriteSql, persistenceId, snapshot.SequenceNr, snapshot.CreatedTicks,
            [
                new NpgsqlParameter<byte[]> { TypedValue = snapshot.Payload, NpgsqlDbType = NpgsqlDbType.Bytea },
                new NpgsqlParameter<int> { TypedValue = snapshot.SerializerId },
                new NpgsqlParameter<string> { TypedValue = snapshot.Manifest, NpgsqlDbType = NpgsqlDbType.Varchar },
            ],
            cancellationToken);

    protected override Task DeleteAsync(
        string persistenceId, long maxSequenceNr, long maxTicks, CancellationToken cancellationToken) =>
        ExecuteAsync(DeleteSql, persistenceId, maxSequenceNr, maxTicks, [], cancellationToken);

    private async Task ExecuteAsync(
        string sql, string persistenceId, long sequenceNr, long ticks, NpgsqlParameter[] others, CancellationToken cancellationToken)
    {
        await using var connection = new NpgsqlConnection(_connectionString);
        await connection.OpenAsync(cancellationToken);
        await using var command = new NpgsqlCommand(sql, connection);
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = persistenceId, NpgsqlDbType = NpgsqlDbType.Varchar });
        command.Parameters.Add(new NpgsqlParameter<long> { TypedValue = sequenceNr });
        command.Parameters.Add(new NpgsqlParameter<long> { TypedValue = ticks });
        command.Parameters.AddRange(others);
        await command.PrepareAsync(cancellationToken);
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    private async Task<IReadOnlyList<StoredSnapshot?>> ReadAsync(
        IReadOnlyList<SnapshotQuestion> questions, CancellationToken cancellationToken)
    {
        await using var connection = new NpgsqlConnection(_connectionString);
        await connection.OpenAsync(cancellationToken);
        var answers = new StoredSnapshot?[questions.Count];
        await using var command = new NpgsqlCommand(questions.Count == 1 ? ReadSql : ReadManySql, connection);
        if (questions is [var only])
        {
            command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = only.PersistenceId, NpgsqlDbType = NpgsqlDbType.Varchar });
            command.Parameters.Add(new NpgsqlParameter<long> { TypedValue = only.MaxSequenceNr });
            command.Parameters.Add(new NpgsqlParameter<long> { TypedValue = only.MaxTicks });
        }
        else
        {
            command.Parameters.Add(PostgreSqlReading.Array(questions.Select(static one => one.PersistenceId), NpgsqlDbType.Varchar));
            command.Parameters.Add(PostgreSqlReading.Array(questions.Select(static one => one.MaxSequenceNr), NpgsqlDbType.Bigint));
            command.Parameters.Add(PostgreSqlReading.Array(questions.Select(static one => one.MaxTicks), NpgsqlDbType.Bigint));
        }

        await command.PrepareAsync(cancellationToken);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            answers[questions.Count == 1 ? 0 : (int)reader.GetInt64(5) - 1] = StoredSnapshot.Read(reader);
        }

        return answers;
    }

    private readonly record struct SnapshotQuestion(string PersistenceId, long MaxSequenceNr, long MaxTicks);
}
