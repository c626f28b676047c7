using Ledger.Actors.Storage;
using Npgsql;
using NpgsqlTypes;

namespace Ledger.PostgreSql;

/// <summary>The table of blocks in the journal's database.</summary>
internal sealed class PostgreSqlBlockStore(PostgreSqlReaders readers) : IBlockStore
{
    private const string ReadSql = """
        SELECT kind, subject, since_us, until_us, blocked_by, reason FROM ledger_block WHERE until_us > $1
        ORDER BY kind, subject
        """;

    // One at a time, so that the number holds.
    private const string LockSql = "LOCK TABLE ledger_block IN SHARE ROW EXCLUSIVE MODE";
    private const string ExpireSql = "DELETE FROM ledger_block WHERE until_us <= $1";

    private const string PutSql = """
        INSERT INTO ledger_block (kind, subject, since_us, until_us, blocked_by, reason)
        SELECT $1, $2, $3, $4, $5, $6
        WHERE EXISTS (SELECT FROM ledger_block WHERE kind = $1 AND subject = $2)
            OR (SELECT count(*) FROM ledger_block WHERE until_us > $9 AND (blocked_by = $7) = ($5 = $7)) < $8
        ON CONFLICT (kind, subject) DO UPDATE
        SET since_us = CASE WHEN excluded.blocked_by = $7 AND ledger_block.blocked_by <> $7
            AND ledger_block.until_us > excluded.until_us
                THEN ledger_block.since_us ELSE excluded.since_us END,
            until_us = CASE WHEN excluded.blocked_by = $7 AND ledger_block.blocked_by <> $7
                AND ledger_block.until_us > excluded.until_us
                THEN ledger_block.until_us ELSE excluded.until_us END,
            blocked_by = CASE WHEN excluded.blocked_by = $7 AND ledger_block.blocked_by <> $7
                AND ledger_block.until_us > excluded.until_us
                THEN ledger_block.blocked_by ELSE excluded.blocked_by END,
            reason = CASE WHEN excluded.blocked_by = $7 AND ledger_block.blocked_by <> $7
                AND ledger_block.until_us > excluded.until_us
                THEN ledger_block.reason ELSE excluded.reason END
        """;

    public Task<IReadOnlyList<CallerBlock>> ReadAsync(DateTimeOffset now, CancellationToken cancellationToken) =>
        PostgreSqlReading.ReadAsync(
            readers, ReadSql, [Long(Micros(now))],
            static reader => new CallerBlock(
                (CallerBlockKind)reader.GetInt32(0), reader.GetString(1), Time(reader.GetInt64(2)),
                Time(reader.GetInt64(3)),
                reader.GetString(4), reader.GetString(5)),
            cancellationToken);

    public async Task<bool> PutAsync(
        CallerBlock block, DateTimeOffset now, int most, CancellationToken cancellationToken)
    {
        await using var connection = await readers.OpenAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        await using var batch = new NpgsqlBatch(connection, transaction)
        {
            BatchCommands =
            {
                new NpgsqlBatchCommand(LockSql),
                new NpgsqlBatchCommand(ExpireSql) { Parameters = { Long(Micros(now - CallerBlock.KeptAfterEnd)) } },
                new NpgsqlBatchCommand(PutSql)
                {
                    Parameters =
                    {
                        Int((int)block.Kind), Text(block.Subject), Long(Micros(block.CreateTime)),
                        Long(Micros(block.ExpireTime)),
                        Text(block.Principal), Text(block.Reason), Text(CallerBlock.Automatic), Int(most),
                        Long(Micros(now)),
                    },
                },
            },
        };
        await batch.ExecuteNonQueryAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return batch.BatchCommands[2].RecordsAffected == 1;
    }

    public async Task<bool> RemoveAsync(CallerBlockKind kind, string subject, CancellationToken cancellationToken)
    {
        await using var connection = await readers.OpenAsync(cancellationToken);
        await using var command = new NpgsqlCommand(
            "DELETE FROM ledger_block WHERE kind = $1 AND subject = $2", connection)
        {
            Parameters = { Int((int)kind), Text(subject) },
        };
        return await command.ExecuteNonQueryAsync(cancellationToken) > 0;
    }

    // The pool is the process's.
    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private static long Micros(DateTimeOffset time) =>
        (time - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond;

    private static DateTimeOffset Time(long micros) =>
        DateTimeOffset.UnixEpoch.AddTicks(micros * TimeSpan.TicksPerMicrosecond);

    private static NpgsqlParameter<long> Long(long value) => new() { TypedValue = value };

    private static NpgsqlParameter<int> Int(int value) => new() { TypedValue = value };

    private static NpgsqlParameter<string> Text(string value) =>
        new() { TypedValue = value, NpgsqlDbType = NpgsqlDbType.Text };
}
