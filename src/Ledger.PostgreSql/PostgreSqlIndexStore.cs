using System.Data.Common;
using Ledger.Actors.Index;
using Ledger.Core;
using Npgsql;
using NpgsqlTypes;

namespace Ledger.PostgreSql;

/// <summary>The index of transfers and accounts in the journal's database.</summary>
/// <remarks>Its commits need not reach the disk: what is lost follows from the journal, and a checkpoint is lost no
/// later than what it stands for.</remarks>
internal sealed class PostgreSqlIndexStore(PostgreSqlReaders readers) : IIndexStore
{
    public bool OrdersByLead => true;

    /// <summary>Before each query: each is written to go by one index and to end after some thousands of rows. What
    /// reads a whole table, or all rows of a value to sort or to join them, may be as fast as long as the ledger is
    /// small, or the statistics are old, and never later.</summary>
    public const string PlanSql = "SET LOCAL enable_seqscan = off; SET LOCAL enable_hashjoin = off;"
        + " SET LOCAL enable_mergejoin = off; SET LOCAL enable_bitmapscan = off; SET LOCAL jit = off";

    private const string RelaxedSql = "SET LOCAL synchronous_commit = off";

    // First: it keeps other nodes out until the end of the transaction.
    private const string StateSql = """
        UPDATE ledger_index SET ordering = $1, version = version + 1, as_of_us = $2, last_account = $3, last_row = $4
        WHERE name = 'transfers' AND version = $5
        """;

    private const string CopyTransfersSql =
        "COPY ledger_transfer (time_us, place, item, id, transaction_id, debit_account, credit_account, asset, "
        + "amount, code, kind, status, reference, hold_id, reverses, principal, hold_state, hold_remaining, due_us, "
        + "content) FROM STDIN (FORMAT BINARY)";

    private const string CopyMetadataSql =
        "COPY ledger_transfer_metadata (pair, time_us, place, item) FROM STDIN (FORMAT BINARY)";

    private const string HoldsSql = """
        UPDATE ledger_transfer t SET hold_state = h.state, hold_remaining = h.remaining, due_us = h.due
        FROM unnest($1::bigint[], $2::bigint[], $3::int[], $4::int[], $5::bytea[], $6::bigint[])
            AS h (time_us, place, item, state, remaining, due)
        WHERE t.time_us = h.time_us AND t.place = h.place AND t.item = h.item
        """;

    private const string AccountsSql = """
        INSERT INTO ledger_account (address, asset, code, reference, is_closed, frozen_until_us, content)
        SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::int[], $6::bigint[], $7::bytea[])
        ON CONFLICT (address) DO UPDATE SET is_closed = excluded.is_closed, frozen_until_us = excluded.frozen_until_us,
            content = excluded.content
        """;

    private const string AccountMetadataSql = """
        INSERT INTO ledger_account_metadata (pair, address) SELECT * FROM unnest($1::bytea[], $2::text[])
        ON CONFLICT DO NOTHING
        """;

    private const string PreparedSql = """
        INSERT INTO ledger_index_prepared (account, attempt, content) SELECT *
            FROM unnest($1::text[], $2::uuid[], $3::bytea[])
        """;

    private const string DecidedSql = """
        DELETE FROM ledger_index_prepared p USING unnest($1::text[], $2::uuid[]) AS d (account, attempt)
        WHERE p.account = d.account AND p.attempt = d.attempt
        """;

    private const string ClaimSql = """
        UPDATE ledger_index SET holder = $1, seen_at = clock_timestamp()
        WHERE name = 'transfers' AND form = $3
          AND (holder IS NULL OR holder = $1 OR seen_at IS NULL
              OR seen_at < clock_timestamp() - make_interval(secs => $2))
        """;

    private const string EmptySql = """
        UPDATE ledger_index SET form = $1, ordering = 0, version = version + 1, as_of_us = 0, last_account = '',
            last_row = 0
        WHERE name = 'transfers'
        """;

    private const string TruncateSql =
        "TRUNCATE ledger_transfer, ledger_transfer_metadata, ledger_account, ledger_account_metadata, "
            + "ledger_index_prepared";

    /// <summary>Empties an index that stands beside a journal which it does not belong to, as when an older one was put
    /// back, or that has an older form.</summary>
    public static void EmptyForeign(NpgsqlConnection connection)
    {
        using var transaction = connection.BeginTransaction();
        using (var update = new NpgsqlCommand(
            EmptySql + " AND (form < $1 OR ordering > (SELECT coalesce(max(ordering), 0) FROM journal))",
            connection, transaction)
        {
            Parameters = { Int(IndexCodec.Form) },
        })
        {
            if (update.ExecuteNonQuery() == 0)
            {
                return;
            }
        }

        using (var truncate = new NpgsqlCommand(TruncateSql, connection, transaction))
        {
            truncate.ExecuteNonQuery();
        }

        transaction.Commit();
    }

    public async Task<IndexState> ReadStateAsync(CancellationToken cancellationToken)
    {
        var found = await PostgreSqlReading.ReadAsync(
            readers,
            "SELECT ordering, version, as_of_us, last_account, last_row FROM ledger_index WHERE name = 'transfers'", [],
            static reader => new IndexState(
                reader.GetInt64(0), reader.GetInt64(1), new LedgerTime(reader.GetInt64(2)),
                reader.GetInt64(4) == 0
                ? default
                : new RowPosition(AccountAddress.Parse(reader.GetString(3)), reader.GetInt64(4))),
            cancellationToken);
        return found.Count == 1
            ? found[0]
            : throw new InvalidOperationException(
                $"The table 'ledger_index' has lost its row. Apply "
                    + $"{nameof(PostgreSqlSchema)}.{nameof(PostgreSqlSchema.Script)}.");
    }

    public async Task<bool> ClaimAsync(Guid process, TimeSpan patience, CancellationToken cancellationToken) =>
        await WriteAsync(
            ClaimSql,
            [
                new NpgsqlParameter<Guid> { TypedValue = process },
                new NpgsqlParameter<double> { TypedValue = patience.TotalSeconds }, Int(IndexCodec.Form),
            ],
            cancellationToken) == 1;

    public Task ReleaseAsync(Guid process, CancellationToken cancellationToken) => WriteAsync(
        "UPDATE ledger_index SET holder = NULL WHERE name = 'transfers' AND holder = $1",
        [new NpgsqlParameter<Guid> { TypedValue = process }], cancellationToken);

    public async Task<bool> ApplyAsync(
        IndexChanges changes, IndexState from, IndexState to, CancellationToken cancellationToken)
    {
        await using var connection = await readers.OpenAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        await using (var first = new NpgsqlBatch(connection, transaction)
        {
            BatchCommands =
            {
                new NpgsqlBatchCommand(RelaxedSql),
                Command(
                    StateSql, Long(to.Checkpoint), Long(to.AsOf.UnixMicroseconds), Text(to.Last.Account.Text),
                    Long(to.Last.SequenceNr), Long(from.Version)),
            },
        })
        {
            await first.ExecuteNonQueryAsync(cancellationToken);
            if (first.BatchCommands[1].RecordsAffected != 1)
            {
                return false;
            }
        }

        if (changes.Transfers.Count > 0)
        {
            await CopyAsync(connection, changes.Transfers, cancellationToken);
        }

        await using var batch = new NpgsqlBatch(connection, transaction);
        if (changes.Holds.Count > 0)
        {
            batch.BatchCommands.Add(Command(
                HoldsSql,
                Array(changes.Holds, static one => one.Key.Time.UnixMicroseconds, NpgsqlDbType.Bigint),
                Array(changes.Holds, static one => one.Key.Place, NpgsqlDbType.Bigint),
                Array(changes.Holds, static one => one.Key.Item, NpgsqlDbType.Integer),
                Array(changes.Holds, static one => (int)one.Hold, NpgsqlDbType.Integer),
                Array(changes.Holds, static one => IndexCodec.Ordered(one.HoldRemaining), NpgsqlDbType.Bytea),
                Array(changes.Holds, static one => one.HoldDeadline?.UnixMicroseconds, NpgsqlDbType.Bigint)));
        }

        if (changes.Accounts.Count > 0)
        {
            batch.BatchCommands.Add(Command(
                AccountsSql,
                Array(changes.Accounts, static one => one.Spec.Address.Text, NpgsqlDbType.Text),
                Array(changes.Accounts, static one => one.Spec.Asset.Text, NpgsqlDbType.Text),
                Array(changes.Accounts, static one => (long)one.Spec.Code, NpgsqlDbType.Bigint),
                Array(changes.Accounts, static one => NullIfEmpty(one.Spec.Reference), NpgsqlDbType.Text),
                Array(changes.Accounts, static one => one.IsClosed ? 1 : 0, NpgsqlDbType.Integer),
                Array(changes.Accounts, IndexRows.FrozenUntil, NpgsqlDbType.Bigint),
                Array(changes.Accounts, IndexCodec.Encode, NpgsqlDbType.Bytea)));
            var pairs = changes.Accounts.SelectMany(static one => one.Spec.Metadata.Pairs.Select(
                pair => (Pair: IndexCodec.PairOf(pair.Key, pair.Value), one.Spec.Address.Text))).ToList();
            if (pairs.Count > 0)
            {
                batch.BatchCommands.Add(Command(
                    AccountMetadataSql, Array(pairs, static one => one.Pair, NpgsqlDbType.Bytea),
                    Array(pairs, static one => one.Text, NpgsqlDbType.Text)));
            }
        }

        if (changes.Prepared.Count > 0)
        {
            batch.BatchCommands.Add(Command(
                PreparedSql,
                Array(changes.Prepared, static one => one.Attempt.Coordinator.Text, NpgsqlDbType.Text),
                Array(changes.Prepared, static one => one.Attempt.Key.ToGuid(), NpgsqlDbType.Uuid),
                Array(changes.Prepared, static one => IndexCodec.Encode(one.Attempt, one.Branch), NpgsqlDbType.Bytea)));
        }

        if (changes.Decided.Count > 0)
        {
            batch.BatchCommands.Add(Command(
                DecidedSql,
                Array(changes.Decided, static one => one.Coordinator.Text, NpgsqlDbType.Text),
                Array(changes.Decided, static one => one.Key.ToGuid(), NpgsqlDbType.Uuid)));
        }

        if (batch.BatchCommands.Count > 0)
        {
            await batch.ExecuteNonQueryAsync(cancellationToken);
        }

        await transaction.CommitAsync(cancellationToken);
        return true;
    }

    private static async Task CopyAsync(
        NpgsqlConnection connection, IReadOnlyList<IndexedTransfer> transfers, CancellationToken cancellationToken)
    {
        await using (var copy = await connection.BeginBinaryImportAsync(CopyTransfersSql, cancellationToken))
        {
            foreach (var one in transfers)
            {
                var transfer = one.Transfer;
                var isHold = one.Hold != HoldState.None;
                await copy.StartRowAsync(cancellationToken);
                await copy.WriteAsync(one.Key.Time.UnixMicroseconds, NpgsqlDbType.Bigint, cancellationToken);
                await copy.WriteAsync(one.Key.Place, NpgsqlDbType.Bigint, cancellationToken);
                await copy.WriteAsync(one.Key.Item, NpgsqlDbType.Integer, cancellationToken);
                await copy.WriteAsync(transfer.Id.ToGuid(), NpgsqlDbType.Uuid, cancellationToken);
                await IdAsync(copy, one.TransactionId == transfer.Id ? default : one.TransactionId, cancellationToken);
                await copy.WriteAsync(one.Debit.Text, NpgsqlDbType.Text, cancellationToken);
                await copy.WriteAsync(transfer.CreditAccount.Text, NpgsqlDbType.Text, cancellationToken);
                await copy.WriteAsync(one.Asset.Text ?? "", NpgsqlDbType.Text, cancellationToken);
                await copy.WriteAsync(
                    IndexCodec.Ordered(IndexRows.AmountOf(one)), NpgsqlDbType.Bytea, cancellationToken);
                await copy.WriteAsync((long)transfer.Code, NpgsqlDbType.Bigint, cancellationToken);
                await copy.WriteAsync((int)transfer.Kind, NpgsqlDbType.Integer, cancellationToken);
                await copy.WriteAsync((int)one.Status, NpgsqlDbType.Integer, cancellationToken);
                await TextAsync(copy, transfer.Reference, cancellationToken);
                await IdAsync(copy, transfer.HoldId, cancellationToken);
                await IdAsync(copy, transfer.Reverses, cancellationToken);
                await TextAsync(copy, one.Principal, cancellationToken);
                await copy.WriteAsync((int)one.Hold, NpgsqlDbType.Integer, cancellationToken);
                await BytesAsync(copy, isHold ? IndexCodec.Ordered(one.HoldRemaining) : null, cancellationToken);
                if (one.HoldDeadline is { } due)
                {
                    await copy.WriteAsync(due.UnixMicroseconds, NpgsqlDbType.Bigint, cancellationToken);
                }
                else
                {
                    await copy.WriteNullAsync(cancellationToken);
                }

                await copy.WriteAsync(IndexCodec.Encode(one), NpgsqlDbType.Bytea, cancellationToken);
            }

            await copy.CompleteAsync(cancellationToken);
        }

        if (transfers.All(static one => one.Transfer.Metadata.Pairs.IsEmpty))
        {
            return;
        }

        await using var pairs = await connection.BeginBinaryImportAsync(CopyMetadataSql, cancellationToken);
        foreach (var one in transfers)
        {
            foreach (var (key, value) in one.Transfer.Metadata.Pairs)
            {
                await pairs.StartRowAsync(cancellationToken);
                await pairs.WriteAsync(IndexCodec.PairOf(key, value), NpgsqlDbType.Bytea, cancellationToken);
                await pairs.WriteAsync(one.Key.Time.UnixMicroseconds, NpgsqlDbType.Bigint, cancellationToken);
                await pairs.WriteAsync(one.Key.Place, NpgsqlDbType.Bigint, cancellationToken);
                await pairs.WriteAsync(one.Key.Item, NpgsqlDbType.Integer, cancellationToken);
            }
        }

        await pairs.CompleteAsync(cancellationToken);
    }

    public async Task EmptyAsync(CancellationToken cancellationToken)
    {
        await using var connection = await readers.OpenAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        await using var batch = new NpgsqlBatch(connection, transaction)
        {
            BatchCommands = { Command(EmptySql, Int(IndexCodec.Form)), new NpgsqlBatchCommand(TruncateSql) },
        };
        await batch.ExecuteNonQueryAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
    }

    public async Task<IReadOnlyDictionary<PreparedKey, TransactionBranch>> FindPreparedAsync(
        IReadOnlyCollection<PreparedKey> attempts, CancellationToken cancellationToken)
    {
        var found = await PostgreSqlReading.ReadAsync(
            readers,
            """
            SELECT p.account, p.attempt, p.content FROM ledger_index_prepared p
            JOIN unnest($1::text[], $2::uuid[]) AS a (account, attempt) ON a.account = p.account
                AND a.attempt = p.attempt
            """,
            [
                Array(attempts, static one => one.Coordinator.Text, NpgsqlDbType.Text),
                Array(attempts, static one => one.Key.ToGuid(), NpgsqlDbType.Uuid),
            ],
            static reader => (
                Key: new PreparedKey(AccountAddress.Parse(reader.GetString(0)), TransferId.FromGuid(reader.GetGuid(1))),
                Content: reader.GetFieldValue<byte[]>(2)),
            cancellationToken);
        return found.ToDictionary(
            static one => one.Key, static one => IndexCodec.DecodePrepared(one.Key.Coordinator, one.Content));
    }

    public Task<IReadOnlyList<IndexedTransfer>> FindHoldsAsync(
        IReadOnlyCollection<TransferId> ids, CancellationToken cancellationToken) => PostgreSqlReading.ReadAsync(
        readers,
        """
        SELECT time_us, place, item, hold_state, hold_remaining, due_us, content FROM ledger_transfer
        WHERE id = ANY ($1) AND hold_state <> 0
        """,
        [Array(ids, static id => id.ToGuid(), NpgsqlDbType.Uuid)], IndexRows.Transfer, cancellationToken);

    public Task<IReadOnlyList<IndexedAccount>> FindAccountsAsync(
        IReadOnlyCollection<AccountAddress> accounts, CancellationToken cancellationToken) =>
            PostgreSqlReading.ReadAsync(
        readers, "SELECT address, content FROM ledger_account WHERE address = ANY ($1)",
        [Array(accounts, static one => one.Text, NpgsqlDbType.Text)], IndexRows.Account, cancellationToken);

    // Not prepared: there are as many texts as there are kinds of filters, and a plan that knows the values knows which
    // index has few rows of them.
    public async Task<IReadOnlyList<T>> QueryAsync<T>(
        IndexStatement statement, Func<DbDataReader, T> read, CancellationToken cancellationToken)
    {
        await using var connection = await readers.OpenAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        await using (var plan = new NpgsqlCommand(PlanSql, connection, transaction))
        {
            await plan.ExecuteNonQueryAsync(cancellationToken);
        }

        var found = new List<T>();
        await using (var command = CommandOf(statement, connection))
        {
            command.Transaction = transaction;
            await using var reader = await command.ExecuteReaderAsync(cancellationToken);
            while (await reader.ReadAsync(cancellationToken))
            {
                found.Add(read(reader));
            }
        }

        await transaction.CommitAsync(cancellationToken);
        return found;
    }

    // The pool is the process's, shared with the journal when that runs.
    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private static NpgsqlCommand CommandOf(IndexStatement statement, NpgsqlConnection connection)
    {
        var command = new NpgsqlCommand(statement.Sql, connection);
        for (var i = 0; i < statement.Values.Count; i++)
        {
            command.Parameters.Add(statement.Values[i] switch
            {
                long number => Long(number),
                string text => Text(text),
                byte[] bytes => new NpgsqlParameter<byte[]> { TypedValue = bytes },
                TransferId id => new NpgsqlParameter<Guid> { TypedValue = id.ToGuid() },
                var other => throw new ArgumentException($"A {other.GetType().Name} is no value.", nameof(statement)),
            });
        }

        return command;
    }

    private async Task<int> WriteAsync(string sql, NpgsqlParameter[] parameters, CancellationToken cancellationToken)
    {
        await using var connection = await readers.OpenAsync(cancellationToken);
        await using var command = new NpgsqlCommand(sql, connection);
        command.Parameters.AddRange(parameters);
        return await command.ExecuteNonQueryAsync(cancellationToken);
    }

    private static async ValueTask IdAsync(
        NpgsqlBinaryImporter copy, TransferId id, CancellationToken cancellationToken)
    {
        if (id.IsNil)
        {
            await copy.WriteNullAsync(cancellationToken);
        }
        else
        {
            await copy.WriteAsync(id.ToGuid(), NpgsqlDbType.Uuid, cancellationToken);
        }
    }

    private static async ValueTask TextAsync(
        NpgsqlBinaryImporter copy, string text, CancellationToken cancellationToken)
    {
        if (NullIfEmpty(text) is { } some)
        {
            await copy.WriteAsync(some, NpgsqlDbType.Text, cancellationToken);
        }
        else
        {
            await copy.WriteNullAsync(cancellationToken);
        }
    }

    private static async ValueTask BytesAsync(
        NpgsqlBinaryImporter copy, byte[]? bytes, CancellationToken cancellationToken)
    {
        if (bytes is null)
        {
            await copy.WriteNullAsync(cancellationToken);
        }
        else
        {
            await copy.WriteAsync(bytes, NpgsqlDbType.Bytea, cancellationToken);
        }
    }

    // PostgreSQL's text holds no zero character, and a reference may: it is then found by its own text no more, and
    // told as it is all the same.
    private static string? NullIfEmpty(string text) =>
        text.Length == 0 || text.Contains('\0', StringComparison.Ordinal) ? null : text;

    private static NpgsqlBatchCommand Command(string sql, params ReadOnlySpan<NpgsqlParameter> parameters)
    {
        var command = new NpgsqlBatchCommand(sql);
        foreach (var parameter in parameters)
        {
            command.Parameters.Add(parameter);
        }

        return command;
    }

    private static NpgsqlParameter Array<TItem, TValue>(
        IEnumerable<TItem> items, Func<TItem, TValue> of, NpgsqlDbType type) =>
            PostgreSqlReading.Array(items.Select(of), type);

    private static NpgsqlParameter<long> Long(long value) => new() { TypedValue = value };

    private static NpgsqlParameter<int> Int(int value) => new() { TypedValue = value };

    private static NpgsqlParameter<string> Text(string value) =>
        new() { TypedValue = value, NpgsqlDbType = NpgsqlDbType.Text };
}
