using Ledger.Actors.Storage;
using Npgsql;
using NpgsqlTypes;

namespace Ledger.PostgreSql;

/// <summary>The hold index in the journal's database.</summary>
internal sealed class PostgreSqlHoldIndexStore(PostgreSqlReaders readers) : IHoldIndexStore
{
    private const int DuePageRows = 2_048;
    private const int DuePagesMax = 8;

    // An entry that was ended may have been for a transaction that failed; its fixed successor may make the hold, which
    // then has other accounts or another deadline. The same row read again has neither.
    private const string ApplySql = """
        INSERT INTO ledger_hold (hold_id, debit_account, credit_account, due_us, state)
        SELECT m.id, m.debit, m.credit, m.due, m.state
        FROM unnest($1::uuid[], $2::text[], $3::text[], $4::bigint[], $5::smallint[]) AS m (id, debit, credit, due,
            state)
        ON CONFLICT (hold_id) DO UPDATE
        SET debit_account = excluded.debit_account, credit_account = excluded.credit_account, due_us = excluded.due_us,
            state = 0
        WHERE ledger_hold.state = 1 AND excluded.state = 0
          AND (ledger_hold.debit_account <> excluded.debit_account
              OR ledger_hold.credit_account <> excluded.credit_account
            OR ledger_hold.due_us IS DISTINCT FROM excluded.due_us)
        """;

    private const string DeadlinesSql = """
        UPDATE ledger_hold h SET due_us = d.due
        FROM unnest($1::uuid[], $2::bigint[]) AS d (id, due)
        WHERE h.hold_id = d.id AND h.state = 0 AND h.due_us IS DISTINCT FROM d.due
        """;

    private const string EndSql = "UPDATE ledger_hold SET state = 1 WHERE hold_id = ANY ($1) AND state = 0";

    // Before the holds: it keeps other nodes out until the end of the transaction.
    private const string CheckpointSql = """
        UPDATE ledger_work_checkpoint SET ordering = greatest(ordering, $1), version = version + 1
        WHERE name = 'holds' AND version = $2
        """;

    // What is lost with the server follows from the journal, and a checkpoint is lost no later than what it stands for.
    private const string RelaxedSql = "SET LOCAL synchronous_commit = off";

    public async Task<JournalPosition> ReadPositionAsync(CancellationToken cancellationToken)
    {
        var found = await ReadAsync(
            "SELECT ordering, version FROM ledger_work_checkpoint WHERE name = 'holds'", [],
            static reader => new JournalPosition(reader.GetInt64(0), reader.GetInt64(1)), cancellationToken);
        return found.Count == 1 ? found[0] : throw Missing();
    }

    public async Task<bool> ApplyAsync(
        HoldIndexChanges changes, JournalPosition from, long checkpoint, CancellationToken cancellationToken)
    {
        await using var connection = await readers.OpenAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        await using (var first = new NpgsqlBatch(connection, transaction)
        {
            BatchCommands =
                { new NpgsqlBatchCommand(RelaxedSql), Command(CheckpointSql, Long(checkpoint), Long(from.Version)) },
        })
        {
            await first.ExecuteNonQueryAsync(cancellationToken);
            if (first.BatchCommands[1].RecordsAffected != 1)
            {
                return false;
            }
        }

        if (!changes.IsEmpty)
        {
            await using var batch = new NpgsqlBatch(connection, transaction);
            if (changes.Made.Count > 0)
            {
                batch.BatchCommands.Add(Command(
                    ApplySql,
                    Ids(changes.Made.Select(static hold => hold.Id)),
                    Texts(changes.Made.Select(static hold => hold.Debit)),
                    Texts(changes.Made.Select(static hold => hold.Credit)),
                    new NpgsqlParameter<long?[]>
                    {
                        TypedValue = [.. changes.Made.Select(static hold => hold.Deadline?.UnixMicroseconds)],
                        NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Bigint,
                    },
                    new NpgsqlParameter<short[]>
                    {
                        TypedValue = [.. changes.Made.Select(static hold => hold.IsLive ? (short)0 : (short)1)],
                        NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Smallint,
                    }));
            }

            if (changes.Deadlines.Count > 0)
            {
                batch.BatchCommands.Add(Command(
                    DeadlinesSql,
                    Ids(changes.Deadlines.Select(static one => one.Id)),
                    Longs(changes.Deadlines.Select(static one => one.Deadline.UnixMicroseconds))));
            }

            if (changes.Ended.Count > 0)
            {
                batch.BatchCommands.Add(Command(EndSql, Ids(changes.Ended)));
            }

            await batch.ExecuteNonQueryAsync(cancellationToken);
        }

        await transaction.CommitAsync(cancellationToken);
        return true;
    }

    public async Task<HoldAccounts?> FindHoldAsync(TransferId hold, CancellationToken cancellationToken)
    {
        var found = await ReadAsync(
            "SELECT debit_account, credit_account FROM ledger_hold WHERE hold_id = $1",
            [new NpgsqlParameter<Guid> { TypedValue = hold.ToGuid() }],
            static reader => new HoldAccounts(
                AccountAddress.Parse(reader.GetString(0)), AccountAddress.Parse(reader.GetString(1))),
            cancellationToken);
        return found.Count == 0 ? null : found[0];
    }

    public async Task<IReadOnlyList<DueAccount>> DueAsync(
        LedgerTime upTo, int limit, IReadOnlyCollection<AccountAddress> except, CancellationToken cancellationToken)
    {
        var found = new List<DueAccount>();
        var seen = new HashSet<string>(StringComparer.Ordinal);
        var excluded = except.Select(static account => account.Text).ToList();
        var (due, id) = (long.MinValue, Guid.Empty);
        for (var page = 0; page < DuePagesMax && found.Count < limit; page++)
        {
            var rows = await ReadAsync(
                """
                SELECT debit_account, due_us, hold_id FROM ledger_hold
                WHERE state = 0 AND due_us <= $1 AND (due_us, hold_id) > ($2, $3) AND debit_account <> ALL ($4)
                ORDER BY due_us, hold_id LIMIT $5
                """,
                [
                    Long(upTo.UnixMicroseconds), Long(due), new NpgsqlParameter<Guid> { TypedValue = id },
                    Texts(excluded), Int(DuePageRows),
                ],
                static reader => (Account: reader.GetString(0), Due: reader.GetInt64(1), Id: reader.GetGuid(2)),
                cancellationToken);
            foreach (var row in rows)
            {
                if (found.Count < limit && seen.Add(row.Account))
                {
                    found.Add(new DueAccount(AccountAddress.Parse(row.Account), new LedgerTime(row.Due)));
                }
            }

            if (rows.Count < DuePageRows)
            {
                break;
            }

            (due, id) = (rows[^1].Due, rows[^1].Id);
        }

        return found;
    }

    public async Task<IReadOnlySet<AccountAddress>> StillDueAsync(
        IReadOnlyList<DueAccount> accounts, CancellationToken cancellationToken)
    {
        var found = await ReadAsync(
            """
            SELECT a.account FROM unnest($1::text[], $2::bigint[]) AS a (account, up_to)
            WHERE EXISTS (SELECT FROM ledger_hold h
                          WHERE h.state = 0 AND h.debit_account = a.account AND h.due_us <= a.up_to)
            """,
            [
                Texts(accounts.Select(static one => one.Account)),
                Longs(accounts.Select(static one => one.Due.UnixMicroseconds)),
            ],
            static reader => AccountAddress.Parse(reader.GetString(0)), cancellationToken);
        return found.ToHashSet();
    }

    public Task<IReadOnlyList<UpcomingHold>> UpcomingAsync(
        LedgerTime after, LedgerTime upTo, int limit, CancellationToken cancellationToken) =>
        ReadAsync(
            """
            SELECT debit_account, credit_account, due_us FROM ledger_hold
            WHERE state = 0 AND due_us > $1 AND due_us <= $2 ORDER BY due_us, hold_id LIMIT $3
            """,
            [Long(after.UnixMicroseconds), Long(upTo.UnixMicroseconds), Int(limit)],
            static reader => new UpcomingHold(
                AccountAddress.Parse(reader.GetString(0)), AccountAddress.Parse(reader.GetString(1)),
                new LedgerTime(reader.GetInt64(2))),
            cancellationToken);

    public async Task<LedgerTime?> NextDueAsync(CancellationToken cancellationToken)
    {
        var found = await ReadAsync(
            "SELECT due_us FROM ledger_hold WHERE state = 0 AND due_us IS NOT NULL ORDER BY due_us LIMIT 1", [],
            static reader => new LedgerTime(reader.GetInt64(0)), cancellationToken);
        return found.Count == 0 ? null : found[0];
    }

    public Task<IReadOnlyList<DueHold>> DueHoldsAsync(
        AccountAddress account, LedgerTime upTo, int limit, CancellationToken cancellationToken) =>
        ReadAsync(
            """
            SELECT hold_id, credit_account, due_us FROM ledger_hold
            WHERE state = 0 AND debit_account = $1 AND due_us <= $2 ORDER BY due_us, hold_id LIMIT $3
            """,
            [Text(account.Text), Long(upTo.UnixMicroseconds), Int(limit)],
            static reader => new DueHold(
                TransferId.FromGuid(reader.GetGuid(0)), AccountAddress.Parse(reader.GetString(1)),
                new LedgerTime(reader.GetInt64(2))),
            cancellationToken);

    public Task EndAsync(IReadOnlyCollection<TransferId> holds, CancellationToken cancellationToken) =>
        WriteAsync(EndSql, [Ids(holds.Order())], cancellationToken);

    public Task CorrectAsync(DueHold hold, LedgerTime? deadline, CancellationToken cancellationToken) =>
        WriteAsync(
            "UPDATE ledger_hold SET due_us = $3 WHERE hold_id = $1 AND state = 0 AND due_us = $2",
            [
                new NpgsqlParameter<Guid> { TypedValue = hold.Id.ToGuid() }, Long(hold.Due.UnixMicroseconds),
                new NpgsqlParameter<long?> { TypedValue = deadline?.UnixMicroseconds,
                    NpgsqlDbType = NpgsqlDbType.Bigint },
            ],
            cancellationToken);

    public async Task<UnfinishedAccount> AddUnfinishedAsync(
        UnfinishedAccount account, CancellationToken cancellationToken) =>
        (await ReadAsync(
            """
            INSERT INTO ledger_unfinished (account, since_us) VALUES ($1, $2)
            ON CONFLICT (account) DO UPDATE SET since_us = GREATEST(excluded.since_us, ledger_unfinished.since_us + 1)
            RETURNING since_us
            """,
            [Text(account.Account.Text), Long(account.Since.UnixMicroseconds)],
            reader => account with { Since = new LedgerTime(reader.GetInt64(0)) }, cancellationToken))[0];

    public Task RemoveUnfinishedAsync(UnfinishedAccount seen, CancellationToken cancellationToken) =>
        WriteAsync(
            "DELETE FROM ledger_unfinished WHERE account = $1 AND since_us = $2",
            [Text(seen.Account.Text), Long(seen.Since.UnixMicroseconds)], cancellationToken);

    public Task<IReadOnlyList<UnfinishedAccount>> ListUnfinishedAsync(
        AccountAddress after, int limit, CancellationToken cancellationToken) =>
        ReadAsync(
            "SELECT account, since_us FROM ledger_unfinished WHERE account > $1 ORDER BY account LIMIT $2",
            [Text(after.Text), Int(limit)],
            static reader => new UnfinishedAccount(
                AccountAddress.Parse(reader.GetString(0)), new LedgerTime(reader.GetInt64(1))),
            cancellationToken);

    public async Task<long> ReadRecoveredAsync(CancellationToken cancellationToken)
    {
        var found = await ReadAsync(
            "SELECT ordering FROM ledger_work_checkpoint WHERE name = 'recovered'", [],
            static reader => reader.GetInt64(0), cancellationToken);
        return found.Count == 1 ? found[0] : throw Missing();
    }

    public Task SaveRecoveredAsync(long ordering, CancellationToken cancellationToken) =>
        WriteAsync(
            "UPDATE ledger_work_checkpoint SET ordering = $1 WHERE name = 'recovered' AND ordering < $1",
            [Long(ordering)], cancellationToken);

    // The pool is the process's, shared with the journal when that runs.
    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private Task<IReadOnlyList<T>> ReadAsync<T>(
        string sql, NpgsqlParameter[] parameters, Func<NpgsqlDataReader, T> read,
        CancellationToken cancellationToken) =>
        PostgreSqlReading.ReadAsync(readers, sql, parameters, read, cancellationToken);

    private async Task WriteAsync(string sql, NpgsqlParameter[] parameters, CancellationToken cancellationToken)
    {
        await using var connection = await readers.OpenAsync(cancellationToken);
        await using var command = new NpgsqlCommand(sql, connection);
        command.Parameters.AddRange(parameters);
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    private static InvalidOperationException Missing() => new(
        $"The table 'ledger_work_checkpoint' has lost a row. Apply "
            + $"{nameof(PostgreSqlSchema)}.{nameof(PostgreSqlSchema.Script)}.");

    private static NpgsqlBatchCommand Command(string sql, params ReadOnlySpan<NpgsqlParameter> parameters)
    {
        var command = new NpgsqlBatchCommand(sql);
        foreach (var parameter in parameters)
        {
            command.Parameters.Add(parameter);
        }

        return command;
    }

    private static NpgsqlParameter<long> Long(long value) => new() { TypedValue = value };

    private static NpgsqlParameter<int> Int(int value) => new() { TypedValue = value };

    private static NpgsqlParameter<string> Text(string value) =>
        new() { TypedValue = value, NpgsqlDbType = NpgsqlDbType.Text };

    private static NpgsqlParameter<Guid[]> Ids(IEnumerable<TransferId> ids) => new()
    {
        TypedValue = [.. ids.Select(static id => id.ToGuid())],
        NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Uuid,
    };

    private static NpgsqlParameter<long[]> Longs(IEnumerable<long> values) => new()
    {
        TypedValue = [.. values],
        NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Bigint,
    };

    private static NpgsqlParameter<string[]> Texts(IEnumerable<AccountAddress> accounts) =>
        Texts(accounts.Select(static account => account.Text));

    private static NpgsqlParameter<string[]> Texts(IEnumerable<string> texts) => new()
    {
        TypedValue = [.. texts],
        NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Text,
    };
}
