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

    // Those of many accounts, and no more of them than one statement may bring; the first comes however long it is.
    private const string ReadManySql = """
        SELECT sequence_number, created, CASE WHEN total <= $4 OR total = bytes
            THEN snapshot END, serializer_id, manifest, place,
            total <= $4 OR total = bytes AS is_there
        FROM (
            SELECT s.*, r.place, coalesce(length(s.snapshot), 0) AS bytes,
                sum(coalesce(length(s.snapshot), 0)) OVER (ORDER BY r.place ROWS UNBOUNDED PRECEDING) AS total
            FROM unnest($1::varchar[], $2::bigint[], $3::bigint[])
                WITH ORDINALITY AS r (persistence_id, highest, latest, place)
            CROSS JOIN LATERAL (
                SELECT sequence_number, created, snapshot, serializer_id, manifest FROM snapshot
                WHERE persistence_id = r.persistence_id AND sequence_number <= r.highest AND created <= r.latest
                ORDER BY sequence_number DESC LIMIT 1) AS s) AS sized
        """;

    private const string WriteSql =
        "INSERT INTO snapshot (persistence_id, sequence_number, created, snapshot, serializer_id, manifest)"
        + " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (persistence_id, sequence_number) DO UPDATE"
        + " SET created = excluded.created, snapshot = excluded.snapshot, serializer_id = excluded.serializer_id,"
        + " manifest = excluded.manifest";

    private const string DeleteSql =
        "DELETE FROM snapshot WHERE persistence_id = $1 AND sequence_number <= $2 AND created <= $3";

    private const int PlaceColumn = 5;
    private const int IsThereColumn = 6;

    private readonly PostgreSqlReaders _readers;
    private readonly ReadBatcher<SnapshotQuestion, SnapshotReading> _snapshots;

    /// <summary>Called by Akka.Persistence with the plugin's configuration.</summary>
    public PostgreSqlSnapshotStore(Config config)
        : base(config)
    {
        _readers = new PostgreSqlReaders(PostgreSqlSetup.Of(Context.System, config), DatabaseWatch.Of(Context.System));
        _snapshots = new ReadBatcher<SnapshotQuestion, SnapshotReading>(
            new ReadBatcherOptions(), ReadAsync, static question =>
                question.PersistenceId, PostgreSqlReading.MayBeOfOne,
            PostgreSqlReading.IsTimeout);
    }

    protected override async Task<StoredSnapshot?> ReadAsync(
        string persistenceId, long maxSequenceNr, long maxTicks, CancellationToken cancellationToken)
    {
        while (true)
        {
            var reading = await _snapshots.AskAsync(
                new SnapshotQuestion(persistenceId, maxSequenceNr, maxTicks), cancellationToken);
            if (!reading.WasLeftOut)
            {
                return reading.Snapshot;
            }
        }
    }

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
        string sql, string persistenceId, long sequenceNr, long ticks, NpgsqlParameter[] others,
        CancellationToken cancellationToken)
    {
        await using var connection = await _readers.OpenAsync(cancellationToken);
        await using var command = new NpgsqlCommand(sql, connection);
        command.Parameters.Add(
            new NpgsqlParameter<string> { TypedValue = persistenceId, NpgsqlDbType = NpgsqlDbType.Varchar });
        command.Parameters.Add(new NpgsqlParameter<long> { TypedValue = sequenceNr });
        command.Parameters.Add(new NpgsqlParameter<long> { TypedValue = ticks });
        command.Parameters.AddRange(others);
        await command.PrepareAsync(cancellationToken);
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    private async Task<IReadOnlyList<SnapshotReading>> ReadAsync(
        IReadOnlyList<SnapshotQuestion> questions, CancellationToken cancellationToken)
    {
        await using var connection = await _readers.OpenAsync(cancellationToken);
        var answers = new SnapshotReading[questions.Count];
        await using var command = new NpgsqlCommand(questions.Count == 1 ? ReadSql : ReadManySql, connection);
        if (questions is [var only])
        {
            command.Parameters.Add(
                new NpgsqlParameter<string> { TypedValue = only.PersistenceId, NpgsqlDbType = NpgsqlDbType.Varchar });
            command.Parameters.Add(new NpgsqlParameter<long> { TypedValue = only.MaxSequenceNr });
            command.Parameters.Add(new NpgsqlParameter<long> { TypedValue = only.MaxTicks });
        }
        else
        {
            command.Parameters.Add(
                PostgreSqlReading.Array(questions.Select(static one => one.PersistenceId), NpgsqlDbType.Varchar));
            command.Parameters.Add(
                PostgreSqlReading.Array(questions.Select(static one => one.MaxSequenceNr), NpgsqlDbType.Bigint));
            command.Parameters.Add(
                PostgreSqlReading.Array(questions.Select(static one => one.MaxTicks), NpgsqlDbType.Bigint));
            command.Parameters.Add(new NpgsqlParameter<long> { TypedValue = LedgerSizes.SnapshotMax });
        }

        await command.PrepareAsync(cancellationToken);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            if (questions.Count == 1)
            {
                answers[0] = new SnapshotReading(StoredSnapshot.Read(reader), WasLeftOut: false);
                continue;
            }

            answers[(int)reader.GetInt64(PlaceColumn) - 1] = reader.GetBoolean(IsThereColumn)
                ? new SnapshotReading(StoredSnapshot.Read(reader), WasLeftOut: false)
                : new SnapshotReading(null, WasLeftOut: true);
        }

        return answers;
    }

    private readonly record struct SnapshotQuestion(string PersistenceId, long MaxSequenceNr, long MaxTicks);

    // What was left out is there, and is to be asked for again.
    private readonly record struct SnapshotReading(StoredSnapshot? Snapshot, bool WasLeftOut);
}
