using Npgsql;

namespace Ledger.Chaos.Processes;

/// <summary>Damages the stored rows of accounts as a bad disk does, and fixes them: what was there is kept beside, to
/// the byte.</summary>
internal sealed class RowDamage(Postgres postgres)
{
    private const int NewestRows = 3;

    private const string TableSql = """
        CREATE TABLE IF NOT EXISTS chaos_damage (
            persistence_id TEXT COLLATE "C" NOT NULL, sequence_number BIGINT NOT NULL, is_snapshot BOOLEAN NOT NULL,
            sound BYTEA NOT NULL, PRIMARY KEY (persistence_id, sequence_number, is_snapshot))
        """;

    /// <summary>Damages rows and snapshots of streams, also those that have come since it was last called. The newest
    /// row becomes zeros, as in a lost sector, which nobody can read; in each of the others half the bits of one byte
    /// are turned, which the hash in the row behind it tells.</summary>
    /// <param name="streams">By persistence id.</param>
    /// <param name="all">Whether of all rows, or of the newest alone.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task DamageAsync(string[] streams, bool all, CancellationToken cancellationToken)
    {
        await using var connection = await OpenAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        await RunAsync(connection, TableSql, [], cancellationToken);
        await RunAsync(
            connection,
            """
            INSERT INTO chaos_damage
            SELECT persistence_id, sequence_number, FALSE, message FROM journal j
            WHERE persistence_id = ANY ($1) AND ($2 OR sequence_number > $3 + (
                SELECT max(sequence_number) FROM journal n WHERE n.persistence_id = j.persistence_id))
            ON CONFLICT DO NOTHING
            """,
            [Text(streams), new NpgsqlParameter<bool> { TypedValue = all },
                new NpgsqlParameter<long> { TypedValue = -NewestRows }],
            cancellationToken);
        await RunAsync(
            connection,
            """
            INSERT INTO chaos_damage
            SELECT persistence_id, sequence_number, TRUE, snapshot FROM snapshot WHERE persistence_id = ANY ($1)
            ON CONFLICT DO NOTHING
            """,
            [Text(streams)],
            cancellationToken);

        // Those that are sound still.
        await RunAsync(
            connection,
            """
            UPDATE journal j SET message = CASE
                WHEN j.sequence_number = (SELECT max(sequence_number) FROM journal n WHERE n.persistence_id = j.persistence_id)
                    THEN decode(repeat('00', length(j.message)), 'hex')
                ELSE set_byte(j.message, length(j.message) / 2, get_byte(j.message, length(j.message) / 2) # 85) END
            FROM chaos_damage d
            WHERE NOT d.is_snapshot AND j.persistence_id = d.persistence_id AND j.sequence_number = d.sequence_number
                AND j.message = d.sound
            """,
            [],
            cancellationToken);
        await RunAsync(
            connection,
            """
            UPDATE snapshot s
            SET snapshot = set_byte(s.snapshot, length(s.snapshot) / 2, get_byte(s.snapshot, length(s.snapshot) / 2) # 85)
            FROM chaos_damage d
            WHERE d.is_snapshot AND s.persistence_id = d.persistence_id AND s.sequence_number = d.sequence_number
                AND s.snapshot = d.sound
            """,
            [],
            cancellationToken);
        await transaction.CommitAsync(cancellationToken);
    }

    /// <summary>Puts back the very bytes that were there, whatever of it was damaged.</summary>
    public async Task MendAsync(CancellationToken cancellationToken)
    {
        await using var connection = await OpenAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        await RunAsync(connection, TableSql, [], cancellationToken);
        await RunAsync(
            connection,
            """
            UPDATE journal j SET message = d.sound FROM chaos_damage d
            WHERE NOT d.is_snapshot AND j.persistence_id = d.persistence_id AND j.sequence_number = d.sequence_number
            """,
            [],
            cancellationToken);
        await RunAsync(
            connection,
            """
            UPDATE snapshot s SET snapshot = d.sound FROM chaos_damage d
            WHERE d.is_snapshot AND s.persistence_id = d.persistence_id AND s.sequence_number = d.sequence_number
            """,
            [],
            cancellationToken);
        await RunAsync(connection, "DROP TABLE chaos_damage", [], cancellationToken);
        await transaction.CommitAsync(cancellationToken);
    }

    /// <summary>How many rows a stream has.</summary>
    public async Task<long> RowsAsync(string stream, CancellationToken cancellationToken)
    {
        await using var connection = await OpenAsync(cancellationToken);
        await using var command = new NpgsqlCommand(
            "SELECT coalesce(max(sequence_number), 0) FROM journal WHERE persistence_id = $1", connection)
        {
            Parameters = { new NpgsqlParameter<string> { TypedValue = stream } },
        };
        return (long)(await command.ExecuteScalarAsync(cancellationToken))!;
    }

    private static NpgsqlParameter<string[]> Text(string[] streams) => new() { TypedValue = streams };

    private static async Task RunAsync(
        NpgsqlConnection connection, string sql, NpgsqlParameter[] parameters, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        command.Parameters.AddRange(parameters);
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    private async Task<NpgsqlConnection> OpenAsync(CancellationToken cancellationToken)
    {
        var connection = new NpgsqlConnection(postgres.ConnectionString + ";Pooling=false");
        await connection.OpenAsync(cancellationToken);
        return connection;
    }
}
