using Akka.Event;
using Akka.Hosting;
using Ledger.Actors.Leasing;
using Ledger.Actors.Index;
using Ledger.Actors.Storage;
using Ledger.Actors.Timing;
using Npgsql;

namespace Ledger.PostgreSql;

/// <summary>A ledger's storage in a PostgreSQL database.</summary>
public sealed class PostgreSqlStorage : LedgerStorage
{
    // Any number that nobody else is likely to lock; the same on every node.
    private const long InitializeLock = 0x4C65_6467_6572_0001;

    private const int VersionMin = 120_000;

    private static readonly string[] s_journalColumns =
    [
        "ordering bigint", "created bigint", "deleted boolean", "persistence_id text", "sequence_number bigint",
        "message bytea", "manifest text", "identifier integer", "writer_uuid text",
    ];

    private readonly PostgreSqlStorageOptions _options;
    private readonly NpgsqlConnectionStringBuilder _connection;
    private DatabaseWatch? _database;
    private string? _excess;

    /// <summary>Makes the storage; nothing is connected yet.</summary>
    /// <param name="connectionString">Npgsql's connection string; what it lacks is filled in, see
    /// <see cref="PostgreSqlLedgerExtensions.UsePostgreSql"/>.</param>
    /// <param name="options">The options, or null for the defaults.</param>
    /// <exception cref="ArgumentException">The connection string or an option is bad.</exception>
    public PostgreSqlStorage(string connectionString, PostgreSqlStorageOptions? options = null)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(connectionString);
        _options = options ?? new PostgreSqlStorageOptions();
        _options.Validate();
        _connection = PostgreSqlConnections.Complete(connectionString, _options);
        Description = PostgreSqlConnections.Mask(_connection);
    }

    /// <inheritdoc/>
    public override string Description { get; }

    /// <inheritdoc/>
    public override bool SupportsCluster => true;

    /// <inheritdoc/>
    public override void Prepare()
    {
        try
        {
            var sessions = new PostgreSqlSessions(
                PostgreSqlConnections.ForStart(_connection.ConnectionString), mustLast: true);
            using var connection = sessions.Open();
            CheckServer(connection);
            Refuse(PostgreSqlProxy.FaultIn(connection, sessions.Open));
            Refuse(PostgreSqlConnectionCount.FaultIn(connection, _connection.MaxPoolSize, _options.Writers));

            if (PostgreSqlTables.FindSchema(connection, null) is { } schema)
            {
                KeepTo(connection, null, schema);
            }

            if (_options.AutoInitialize)
            {
                Initialize(connection);
            }

            CheckTables(connection);
            CheckColumns(connection);
            CheckUniqueKey(connection);
            Refuse(PostgreSqlTables.MissingRights(connection));

            // Whoever makes the tables owns them, and may do everything with them.
            _excess = _options.AutoInitialize && !_options.RefuseExcessRights
                ? null
                : PostgreSqlTables.ExcessRights(connection);
            Refuse(
                _options.RefuseExcessRights && _excess is not null ? $"the journal could be changed: {_excess}" : null);
            EmptyForeignIndex(connection);
            PostgreSqlIndexStore.EmptyForeign(connection);
            BeginIndex(connection);
            PostgreSqlIdentity.Read(connection);
        }
        catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.InsufficientPrivilege)
        {
            throw new InvalidOperationException(
                $"The ledger's storage {Description} can't be used: {e.MessageText}. {PostgreSqlTables.WayOut}", e);
        }
        catch (NpgsqlException e)
        {
            throw new InvalidOperationException(
                $"The ledger's storage {Description} can't be used: {PostgreSqlProxy.RefusalIn(e) ?? e.Message}", e);
        }
    }

    /// <inheritdoc/>
    public override void Configure(AkkaConfigurationBuilder builder)
    {
        ArgumentNullException.ThrowIfNull(builder);
        var connectionString = PostgreSqlSetup.WithoutSecrets(_connection.ConnectionString);
        builder.AddSetup(new PostgreSqlSetup(_connection.ConnectionString));
        if (_excess is { } excess)
        {
            builder.AddStartup((system, _) => system.Log.Warning(
                "The journal could be changed: {0} 'Ledger.Node schema' prints what the role needs", excess));
        }

        StorageHocon.Add(
            builder,
            "PostgreSQL.15",
            typeof(PostgreSqlJournal),
            connectionString,
            typeof(PostgreSqlSnapshotStore),
            connectionString,
            _options.Writers);
    }

    /// <inheritdoc/>
    public override IAccountStreams OpenStreams() => new PostgreSqlStreams(Readers);

    internal override IHoldIndexStore OpenHoldIndex() => new PostgreSqlHoldIndexStore(Readers);

    internal override IBlockStore OpenBlocks() => new PostgreSqlBlockStore(Readers);

    internal override IIndexStore OpenIndex() => new PostgreSqlIndexStore(Readers);

    internal override IJournalRows OpenJournalRows() => new PostgreSqlJournalRows(Readers);

    internal override async Task WarmUpAsync(string persistenceId, CancellationToken cancellationToken)
    {
        await using var appender = new PostgreSqlAppender(_connection.ConnectionString);
        await appender.WarmUpAsync(persistenceId, cancellationToken);
    }

    internal override LedgerIdentity ReadIdentity() =>
        PostgreSqlIdentity.Read(_connection.ConnectionString, Description);

    /// <summary>The schema that holds the tables, from <see cref="Prepare"/> on; null before.</summary>
    internal string? Schema { get; private set; }

    internal override ClockMark ReadClockMark()
    {
        using var connection = new PostgreSqlSessions(_connection.ConnectionString, mustLast: true).Open();
        using var command = new NpgsqlCommand("SELECT created FROM journal ORDER BY ordering DESC LIMIT 1", connection);
        return new ClockMark(
            command.ExecuteScalar() is long ticks ? LedgerTime.From(new DateTimeOffset(ticks, TimeSpan.Zero)) : null);
    }

    internal override string? ReadLoss() => PostgreSqlIdentity.ReadLoss(_connection.ConnectionString, Description);

    internal override LedgerIdentity BeginEpoch(string by, string reason)
    {
        // By the same tables as the nodes: see PostgreSqlTables.
        try
        {
            using var connection = new PostgreSqlSessions(
                PostgreSqlConnections.ForStart(_connection.ConnectionString), mustLast: false).Open();
            if (PostgreSqlTables.FindSchema(connection, null) is { } schema)
            {
                KeepTo(connection, null, schema);
            }
            else
            {
                PostgreSqlTables.RefuseElsewhere(connection, null);
            }
        }
        catch (NpgsqlException e)
        {
            throw new InvalidOperationException(
                $"A new epoch of the ledger in {Description} can't be begun: {e.Message}", e);
        }

        return PostgreSqlIdentity.Begin(_connection.ConnectionString, Description, by, reason);
    }

    internal override void Attach(DatabaseWatch database) => _database = database;

    internal override ILeaseStore OpenLeases() => new PostgreSqlLeaseStore(_connection.ConnectionString);

    internal override void ForgetConnections() =>
        new PostgreSqlSessions(_connection.ConnectionString, mustLast: true).ClearPools();

    private PostgreSqlReaders Readers => new(_connection.ConnectionString, _database);

    // What the search path leads to is found once: see PostgreSqlTables.
    private void KeepTo(NpgsqlConnection connection, NpgsqlTransaction? transaction, string schema)
    {
        if (Schema != schema)
        {
            PostgreSqlConnections.InSchema(_connection, schema);
            Schema = schema;
        }

        using var command = new NpgsqlCommand("SELECT set_config('search_path', $1, false)", connection, transaction)
        {
            Parameters = { new NpgsqlParameter<string> { TypedValue = PostgreSqlTables.Quoted(schema) } },
        };
        command.ExecuteNonQuery();
    }

    private void Initialize(NpgsqlConnection connection)
    {
        // Looked at first, since even CREATE TABLE IF NOT EXISTS asks for rights that the ledger's role may not have.
        if (PostgreSqlTables.AreThere(connection, null))
        {
            return;
        }

        using var transaction = connection.BeginTransaction();
        using (var gate = new NpgsqlCommand(
            "SET LOCAL lock_timeout = '60s'; SET LOCAL statement_timeout = '60s';"
            + " SET LOCAL idle_in_transaction_session_timeout = '60s';" // A busy machine may keep this process waiting.
            + " SET LOCAL client_min_messages = warning;", connection, transaction))
        {
            gate.ExecuteNonQuery();
        }

        using (var gate = new NpgsqlCommand("SELECT pg_advisory_xact_lock($1)", connection, transaction)
        {
            Parameters = { new NpgsqlParameter<long> { TypedValue = InitializeLock } },
            CommandTimeout = 60,
        })
        {
            gate.ExecuteNonQuery();
        }

        // Whoever comes second finds them, and whoever comes by another search path is told of them.
        if (!PostgreSqlTables.AreThere(connection, transaction))
        {
            KeepTo(
                connection, transaction,
                PostgreSqlTables.FindSchema(connection, transaction)
                    ?? PostgreSqlTables.SchemaToMakeIn(connection, transaction));
            using var script = new NpgsqlCommand(PostgreSqlSchema.Script, connection, transaction)
            {
                CommandTimeout = 60,
            };
            script.ExecuteNonQuery();
        }

        else if (PostgreSqlTables.FindSchema(connection, transaction) is { } schema)
        {
            KeepTo(connection, transaction, schema);
        }

        transaction.Commit();
    }

    // An index that has seen more than there is stands beside a journal which it does not belong to, as when an older
    // one was put back: what it says may never have been. Both are looked at in one statement, so a node that is at
    // work is no such case.
    private static void EmptyForeignIndex(NpgsqlConnection connection)
    {
        using var transaction = connection.BeginTransaction();
        using (var update = new NpgsqlCommand(
            "UPDATE ledger_work_checkpoint SET ordering = 0, version = version + 1 WHERE EXISTS (SELECT FROM"
            + " ledger_work_checkpoint WHERE ordering > (SELECT coalesce(max(ordering), 0) FROM journal))",
            connection, transaction))
        {
            if (update.ExecuteNonQuery() == 0)
            {
                return;
            }
        }

        using (var delete = new NpgsqlCommand(
            "DELETE FROM ledger_hold; DELETE FROM ledger_unfinished;", connection, transaction))
        {
            delete.ExecuteNonQuery();
        }

        transaction.Commit();
    }

    // Up to the first start of a ledger that knows the index of ids, the tables may have been there for long: rows may
    // have come from elsewhere, or from nodes that do not know it.
    private static void BeginIndex(NpgsqlConnection connection)
    {
        using var update = new NpgsqlCommand(
            """
            WITH first AS (
                INSERT INTO ledger_id (id, persistence_id, sequence_number)
                VALUES ('00000000-0000-0000-0000-000000000000', 'begun', 0) ON CONFLICT DO NOTHING RETURNING 1)
            UPDATE ledger_id SET sequence_number = (SELECT coalesce(max(ordering), 0) FROM journal)
            WHERE persistence_id = '' AND EXISTS (SELECT FROM first)
              AND sequence_number < (SELECT coalesce(max(ordering), 0) FROM journal)
            """,
            connection);
        update.ExecuteNonQuery();
    }

    // Others speak PostgreSQL's protocol and do not keep its promises: on its unique keys, its locks and its time-outs
    // everything here rests.
    private void CheckServer(NpgsqlConnection connection)
    {
        using var command = new NpgsqlCommand("SELECT version(), current_setting('server_version_num')::int",
            connection);
        using var reader = command.ExecuteReader();
        reader.Read();
        var (name, version) = (reader.GetString(0), reader.GetInt32(1));
        if (!name.StartsWith("PostgreSQL ", StringComparison.Ordinal) || version < VersionMin)
        {
            throw new InvalidOperationException(
                $"The ledger's storage {Description} is '{name}', which this ledger does not know. It needs PostgreSQL"
                + $" {VersionMin / 10_000} or newer.");
        }
    }

    // A table of this name that somebody else has made, as an older schema of the plugin.
    private void CheckColumns(NpgsqlConnection connection)
    {
        using var command = new NpgsqlCommand("""
            SELECT attname || ' ' || replace(format_type(atttypid, NULL), 'character varying', 'text') FROM pg_attribute
            WHERE attrelid = to_regclass('journal') AND attnum > 0 AND NOT attisdropped
            """, connection);
        var found = new HashSet<string>(StringComparer.Ordinal);
        using var reader = command.ExecuteReader();
        while (reader.Read())
        {
            found.Add(reader.GetString(0));
        }

        var missing = s_journalColumns.Where(column => !found.Contains(column)).ToList();
        if (missing.Count > 0)
        {
            throw new InvalidOperationException(
                $"The table 'journal' in {Description} is not a ledger's: it lacks {string.Join(", ", missing)}. Give "
                + "the ledger a database of its own.");
        }
    }

    private void Refuse(string? fault)
    {
        if (fault is not null)
        {
            throw new InvalidOperationException($"The ledger's storage {Description} can't be used: {fault}");
        }
    }

    private void CheckTables(NpgsqlConnection connection)
    {
        if (!PostgreSqlTables.AreThere(connection, null))
        {
            PostgreSqlTables.RefuseElsewhere(connection, null);
            throw new InvalidOperationException(
                $"The ledger's storage {Description} lacks some or all of its tables. Have their owner apply what "
                + $"'Ledger.Node schema' prints (in code "
                + $"{nameof(PostgreSqlSchema)}.{nameof(PostgreSqlSchema.Script)}), or set "
                + $"{nameof(PostgreSqlStorageOptions.AutoInitialize)}.");
        }
    }

    private void CheckUniqueKey(NpgsqlConnection connection)
    {
        // Exactly these columns, for all rows, at once and valid: a partial, deferred or half-built index does not
        // fence anyone.
        using var command = new NpgsqlCommand("""
            SELECT EXISTS (
                SELECT FROM pg_index i
                WHERE i.indrelid = to_regclass('journal') AND i.indisunique AND i.indisvalid AND i.indimmediate
                  AND i.indpred IS NULL AND i.indnkeyatts = 2
                  AND (SELECT count(*) FROM pg_attribute a
                       WHERE a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey[0:1])
                         AND a.attname IN ('persistence_id', 'sequence_number')) = 2)
            """, connection);
        if (command.ExecuteScalar() is not true)
        {
            throw new InvalidOperationException(
                $"The table 'journal' in {Description} lacks its unique key on (persistence_id, sequence_number)."
                + " Without it two writers could both store the same row of an account, so it is not used. Restore the"
                + " key: ALTER TABLE journal ADD CONSTRAINT journal_uq UNIQUE (persistence_id, sequence_number);");
        }
    }
}
