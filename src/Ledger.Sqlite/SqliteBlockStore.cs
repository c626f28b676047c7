using Ledger.Actors.Storage;

namespace Ledger.Sqlite;

/// <summary>The table of blocks in the journal's file, since it follows from nothing and is backed up with
/// it.</summary>
/// <remarks>It is written when somebody is blocked, and the journal's writer waits for that moment.</remarks>
internal sealed class SqliteBlockStore(string path) : IBlockStore
{
    private const string ReadSql =
        "SELECT kind, subject, since_us, until_us, blocked_by, reason FROM ledger_block WHERE until_us > $now ORDER "
            + "BY kind, subject;";

    private const string PutSql = """
        INSERT INTO ledger_block (kind, subject, since_us, until_us, blocked_by, reason)
            SELECT $kind, $subject, $since, $until, $by, $reason
            WHERE EXISTS (SELECT 1 FROM ledger_block WHERE kind = $kind AND subject = $subject)
                OR (SELECT count(*) FROM ledger_block WHERE until_us > $now
                    AND (blocked_by = $automatic) = ($by = $automatic)) < $most
            ON CONFLICT (kind, subject) DO UPDATE
            SET since_us = CASE WHEN excluded.blocked_by = $automatic AND ledger_block.blocked_by <> $automatic
                AND ledger_block.until_us > excluded.until_us
                    THEN ledger_block.since_us ELSE excluded.since_us END,
                until_us = CASE WHEN excluded.blocked_by = $automatic AND ledger_block.blocked_by <> $automatic
                    AND ledger_block.until_us > excluded.until_us
                    THEN ledger_block.until_us ELSE excluded.until_us END,
                blocked_by = CASE WHEN excluded.blocked_by = $automatic AND ledger_block.blocked_by <> $automatic
                    AND ledger_block.until_us > excluded.until_us
                    THEN ledger_block.blocked_by ELSE excluded.blocked_by END,
                reason = CASE WHEN excluded.blocked_by = $automatic AND ledger_block.blocked_by <> $automatic
                    AND ledger_block.until_us > excluded.until_us
                    THEN ledger_block.reason ELSE excluded.reason END;
        """;

    private readonly SqliteGate _reading = new(() => new SqliteStatements(
        SqliteConnections.OpenReading(SqliteConnections.ConnectionString(path, mayCreate: false))));

    private readonly SqliteGate _writing = new(() => new SqliteStatements(
        SqliteConnections.OpenDurable(SqliteConnections.ConnectionString(path, mayCreate: false))));

    public Task<IReadOnlyList<CallerBlock>> ReadAsync(DateTimeOffset now, CancellationToken cancellationToken) =>
        _reading.RunAsync(
            connection => connection.List(
                ReadSql,
                static row => new CallerBlock(
                    (CallerBlockKind)row.GetInt32(0), row.GetString(1), Time(row.GetInt64(2)), Time(row.GetInt64(3)),
                    row.GetString(4),
                    row.GetString(5)),
                ("$now", Micros(now))),
            cancellationToken);

    public Task<bool> PutAsync(CallerBlock block, DateTimeOffset now, int most, CancellationToken cancellationToken) =>
        _writing.RunAsync(
            connection =>
            {
                connection.Write("BEGIN IMMEDIATE;");
                connection.Write(
                    "DELETE FROM ledger_block WHERE until_us <= $end;",
                    ("$end", Micros(now - CallerBlock.KeptAfterEnd)));
                var stored = connection.Write(
                    PutSql, ("$kind", (long)block.Kind), ("$subject", block.Subject),
                    ("$since", Micros(block.CreateTime)),
                    ("$until", Micros(block.ExpireTime)), ("$by", block.Principal), ("$reason", block.Reason),
                    ("$automatic", CallerBlock.Automatic), ("$most", (long)most), ("$now", Micros(now)));
                connection.Write("COMMIT;");
                return stored == 1;
            },
            cancellationToken);

    public Task<bool> RemoveAsync(CallerBlockKind kind, string subject, CancellationToken cancellationToken) =>
        _writing.RunAsync(
        connection => connection.Write(
            "DELETE FROM ledger_block WHERE kind = $kind AND subject = $subject;", ("$kind", (long)kind),
            ("$subject", subject)) > 0,
        cancellationToken);

    public async ValueTask DisposeAsync()
    {
        await _reading.DisposeAsync();
        await _writing.DisposeAsync();
    }

    private static long Micros(DateTimeOffset time) =>
        (time - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond;

    private static DateTimeOffset Time(long micros) =>
        DateTimeOffset.UnixEpoch.AddTicks(micros * TimeSpan.TicksPerMicrosecond);
}
