using Ledger.Actors.Storage;
using Npgsql;
using NpgsqlTypes;

namespace Ledger.PostgreSql;

/// <summary>A writing connection. Every append is one statement and so its own transaction, without the round trips of
/// BEGIN and COMMIT, and without a moment in which the transaction is open and idle.</summary>
/// <remarks>Without a watch it writes to whatever is there.</remarks>
internal sealed class PostgreSqlAppender(string connectionString, DatabaseWatch? database = null) : IJournalAppender
{
    private const string CopySql =
        "COPY journal (created, deleted, persistence_id, sequence_number, message, manifest, identifier, writer_uuid)"
        + " FROM STDIN (FORMAT BINARY)";

    // R19 a: a row whose predecessor is not there gets no `created`, which may not be null, so that the statement fails
    // as a whole. A condition would leave the row out and commit the others. A scalar subquery is a probe of the unique
    // key, on the page that the row goes to anyway; EXISTS may be planned as a join over the journal while statistics
    // are old.
    private const string Predecessor =
        "(SELECT TRUE FROM journal p WHERE p.persistence_id = r.persistence_id AND p.sequence_number = "
            + "r.sequence_number - 1)";

    private const string InsertSql =
        "INSERT INTO journal"
        + " (created, deleted, persistence_id, sequence_number, message, manifest, identifier, writer_uuid)"
        + " SELECT CASE WHEN r.sequence_number = 1 OR " + Predecessor + " THEN $1 END,"
        + " FALSE, r.persistence_id, r.sequence_number, $4, $5, $6, $7"
        + " FROM (SELECT $2::varchar AS persistence_id, $3::bigint AS sequence_number) AS r";

    // Prepared and answered in one round trip, where a COPY is planned anew each time and takes two.
    private const string InsertManySql =
        "INSERT INTO journal"
        + " (created, deleted, persistence_id, sequence_number, message, manifest, identifier, writer_uuid)"
        + " SELECT CASE WHEN NOT r.is_first OR r.sequence_number = 1 OR " + Predecessor + " THEN r.created END,"
        + " FALSE, r.persistence_id, r.sequence_number, r.message, r.manifest, r.identifier, r.writer_uuid"
        + " FROM unnest($1::bigint[], $2::varchar[], $3::bigint[], $4::bytea[], $5::varchar[], $6::int[], "
        + "$7::varchar[], $8::boolean[])"
        + " AS r (created, persistence_id, sequence_number, message, manifest, identifier, writer_uuid, is_first)";

    // Before a COPY, which has no room for a condition; and to say which one it is.
    private const string OrphanSql =
        "SELECT r.persistence_id, r.sequence_number FROM unnest($1::varchar[], $2::bigint[]) AS r (persistence_id, "
        + "sequence_number) WHERE r.sequence_number > 1 AND " + Predecessor + " IS NULL LIMIT 1";

    // The rows with the entries of their ids, and a note where the entry before them is missing: one statement too, and
    // so one transaction.
    private const string InsertIndexedSql =
        "WITH rows AS (" + InsertManySql + ") INSERT INTO ledger_id (id, persistence_id, sequence_number)"
        + " SELECT i.id, i.persistence_id, i.sequence_number FROM unnest($9::uuid[], $10::varchar[], $11::bigint[])"
        + " AS i (id, persistence_id, sequence_number)"
        + " UNION ALL SELECT '00000000-0000-0000-0000-000000000000', p.persistence_id, p.sequence_number"
        + " FROM unnest($12::varchar[], $13::bigint[], $14::uuid[], $15::bigint[])"
        + " AS p (persistence_id, sequence_number, prior_id, prior_row) WHERE NOT EXISTS (SELECT FROM ledger_id l"
        + " WHERE l.persistence_id = p.persistence_id AND l.id = p.prior_id AND l.sequence_number = p.prior_row)"
        + " ON CONFLICT DO NOTHING";

    // From about here on the COPY is the cheaper one, and its second round trip no longer counts.
    private const int CopyFrom = 128;

    // While a faulty row is looked for: about ten halvings must fit into what the callers still wait.
    private const string ShortLockSql = "SET lock_timeout = 100";

    // Streams whose predecessors are looked for no more on this connection.
    private const int KnownMax = 65_536;

    // A look at the database follows, which says more of the session.
    private readonly PostgreSqlSessions _sessions = new(connectionString, mustLast: false);
    private readonly Columns _columns = new();
    private readonly HashSet<string> _known = new(StringComparer.Ordinal);
    private NpgsqlConnection? _connection;
    private NpgsqlCommand? _insert;
    private NpgsqlCommand? _insertMany;
    private NpgsqlCommand? _insertIndexed;
    private bool _isolating;
    private int _generation;

    public async Task AppendAsync(IReadOnlyList<AppendRow> rows, bool isolating)
    {
        var reused = _connection is not null;
        try
        {
            await AppendOnceAsync(rows, isolating);
            return;
        }
        catch (Exception e)
        {
            var broken = IsBroken(e);
            await AbandonAsync(e);
            if (!reused || !broken)
            {
                throw;
            }
        }

        // The connection had died since the last batch, as after a restart of the server. Once more on a new one: if
        // the first attempt was stored after all, the unique key keeps the second one out.
        try
        {
            await AppendOnceAsync(rows, isolating);
        }
        catch (Exception e)
        {
            await AbandonAsync(e);
            throw;
        }
    }

    /// <summary>Appends rows of a stream in each of the ways that there are, and takes them back.</summary>
    public async Task WarmUpAsync(string persistenceId, CancellationToken cancellationToken)
    {
        var connection = await OpenAsync();
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        AppendRow[] rows =
        [
            .. Enumerable.Range(1, CopyFrom + 4).Select(n =>
                new AppendRow(persistenceId, n, 0, [0], 0, "warm-up", persistenceId)),
        ];
        rows[1] = rows[1] with { Entries = new IdEntries([TransferId.FromGuid(Guid.CreateVersion7())], default) };
        foreach (var ways in new[] { rows[..1], rows[1..2], rows[2..4], rows[4..] })
        {
            await AppendOnceAsync(ways, isolating: false);
        }

        await transaction.RollbackAsync(cancellationToken);
    }

    // Not RESET: behind a proxy the session may have been given it by statement.
    private string UsualLockSql =>
        _sessions.LockTimeout is { } usual ? $"SET lock_timeout = '{usual}'" : "RESET lock_timeout";

    public AppendFault Classify(Exception exception)
        => exception is PostgresException { SqlState: { Length: 5 } state }
            ? state switch
            {
                PostgresErrorCodes.UniqueViolation => AppendFault.Duplicate,
                PostgresErrorCodes.NotNullViolation when IsOrphan(exception) => AppendFault.Lost,
                PostgresErrorCodes.LockNotAvailable or PostgresErrorCodes.DeadlockDetected => AppendFault.Locked,
                // What the row holds, and limits of the program such as an index entry's size.
                _ when state.StartsWith("22", StringComparison.Ordinal)
                    || state.StartsWith("23", StringComparison.Ordinal)
                    || state.StartsWith("54", StringComparison.Ordinal) => AppendFault.Refused,
                _ => AppendFault.Unknown,
            }
            : exception is MissingPredecessorException ? AppendFault.Lost : AppendFault.Unknown;

    public async ValueTask DisposeAsync() => await CloseAsync();

    private async Task AppendOnceAsync(IReadOnlyList<AppendRow> rows, bool isolating)
    {
        var connection = await OpenAsync();
        RequireCurrent(rows, _generation);
        if (database is { IsConfirmed: false })
        {
            await RequireConfirmedAsync(database);
        }

        if (isolating != _isolating)
        {
            await using var command = new NpgsqlCommand(isolating ? ShortLockSql : UsualLockSql, connection);
            await command.ExecuteNonQueryAsync();
            _isolating = isolating;
        }

        try
        {
            if (_columns.FillIds(rows))
            {
                _columns.Fill(rows);
                await (_insertIndexed ??= await PrepareIndexedAsync(connection)).ExecuteNonQueryAsync();
            }
            else if (rows.Count == 1)
            {
                await InsertAsync(rows[0]);
            }
            else if (rows.Count < CopyFrom)
            {
                _columns.Fill(rows);
                await _insertMany!.ExecuteNonQueryAsync();
            }
            else
            {
                await RequirePredecessorsAsync(connection, rows, _known);
                await CopyAsync(connection, rows);
            }
        }
        catch (PostgresException e) when (IsOrphan(e))
        {
            // Which one it is the server does not say.
            await RequirePredecessorsAsync(connection, rows, known: null);
            throw;
        }
    }

    // W2.
    private static void RequireCurrent(IReadOnlyList<AppendRow> rows, int current)
    {
        for (var i = 0; i < rows.Count; i++)
        {
            if (rows[i].Generation is { } generation && generation != current)
            {
                throw new DatabaseChangedException();
            }
        }
    }

    // W3. Nobody is answered meanwhile either.
    private async Task RequireConfirmedAsync(DatabaseWatch watch)
    {
        await watch.WhenConfirmedAsync();
        if (watch.Loss is { } loss)
        {
            throw new JournalWriteException(loss);
        }

        if (watch.Generation != _generation)
        {
            throw new DatabaseChangedException();
        }
    }

    // W1.
    private async Task RequireKnownAsync(NpgsqlConnection connection)
    {
        if (database is null)
        {
            return;
        }

        var state = await PostgreSqlProbe.LookAsync(connection, database.AcknowledgedRows());
        if (state.Weakness is { } weakness)
        {
            throw new JournalWriteException(weakness);
        }

        if (!database.Meet(state))
        {
            throw database.Loss is { } loss ? new JournalWriteException(loss) : new DatabaseChangedException();
        }
    }

    private static bool IsOrphan(Exception exception) =>
        exception
            is PostgresException { SqlState: PostgresErrorCodes.NotNullViolation, TableName: "journal",
                ColumnName: "created" };

    /// <summary>Finds the predecessors of the first rows of each stream.</summary>
    /// <param name="connection">The one that then writes.</param>
    /// <param name="rows">The rows.</param>
    /// <param name="known">Streams of which no more need be asked, to which those found are added: what was
    /// acknowledged while this session lived is there as long as it lives. Whatever takes it away, a crash, a failover
    /// or another copy, ends it.</param>
    private async Task RequirePredecessorsAsync(
        NpgsqlConnection connection, IReadOnlyList<AppendRow> rows, HashSet<string>? known)
    {
        if (!_columns.FillFirst(rows, known))
        {
            return;
        }

        await using var command = new NpgsqlCommand(OrphanSql, connection);
        _columns.AddFirstTo(command.Parameters);
        await using (var reader = await command.ExecuteReaderAsync())
        {
            if (await reader.ReadAsync())
            {
                throw new MissingPredecessorException(reader.GetString(0), reader.GetInt64(1));
            }
        }

        if (known is not null)
        {
            _columns.Note(known, KnownMax);
        }
    }

    /// <summary>A single row: one round trip, where COPY takes two.</summary>
    private async Task InsertAsync(AppendRow row)
    {
        var p = _insert!.Parameters;
        ((NpgsqlParameter<long>)p[0]).TypedValue = row.CreatedTicks;
        ((NpgsqlParameter<string>)p[1]).TypedValue = row.PersistenceId;
        ((NpgsqlParameter<long>)p[2]).TypedValue = row.SequenceNr;
        ((NpgsqlParameter<byte[]>)p[3]).TypedValue = row.Message;
        ((NpgsqlParameter<string>)p[4]).TypedValue = row.Manifest;
        ((NpgsqlParameter<int>)p[5]).TypedValue = row.SerializerId;
        ((NpgsqlParameter<string>)p[6]).TypedValue = row.WriterUuid;
        await _insert.ExecuteNonQueryAsync();
    }

    private static async Task CopyAsync(NpgsqlConnection connection, IReadOnlyList<AppendRow> rows)
    {
        await using var importer = await connection.BeginBinaryImportAsync(CopySql);
        for (var i = 0; i < rows.Count; i++)
        {
            var row = rows[i];
            await importer.StartRowAsync();
            await importer.WriteAsync(row.CreatedTicks, NpgsqlDbType.Bigint);
            await importer.WriteAsync(false, NpgsqlDbType.Boolean);
            await importer.WriteAsync(row.PersistenceId, NpgsqlDbType.Varchar);
            await importer.WriteAsync(row.SequenceNr, NpgsqlDbType.Bigint);
            await importer.WriteAsync(row.Message, NpgsqlDbType.Bytea);
            await importer.WriteAsync(row.Manifest, NpgsqlDbType.Varchar);
            await importer.WriteAsync(row.SerializerId, NpgsqlDbType.Integer);
            await importer.WriteAsync(row.WriterUuid, NpgsqlDbType.Varchar);
        }

        // The commit: the server confirms the statement after it is durable.
        await importer.CompleteAsync();
    }

    private async ValueTask<NpgsqlConnection> OpenAsync()
    {
        if (_connection is { } open)
        {
            if (database is null || database.Generation == _generation)
            {
                return open;
            }

            // What is at its other end was looked at for another generation: it may be the server of before.
            await CloseAsync();
        }

        _generation = database?.Generation ?? 0;
        var connection = await _sessions.OpenAsync(CancellationToken.None);
        try
        {
            await RequireKnownAsync(connection);
            if (database is not null && database.Generation != _generation)
            {
                // Somebody else has met another database while this one connected, and what is known is that one: what
                // was decided before must not be written there.
                throw new DatabaseChangedException();
            }

            var insert = new NpgsqlCommand(InsertSql, connection)
            {
                Parameters =
                {
                    new NpgsqlParameter<long>(),
                    new NpgsqlParameter<string> { NpgsqlDbType = NpgsqlDbType.Varchar },
                    new NpgsqlParameter<long>(),
                    new NpgsqlParameter<byte[]> { NpgsqlDbType = NpgsqlDbType.Bytea },
                    new NpgsqlParameter<string> { NpgsqlDbType = NpgsqlDbType.Varchar },
                    new NpgsqlParameter<int>(),
                    new NpgsqlParameter<string> { NpgsqlDbType = NpgsqlDbType.Varchar },
                },
            };
            await insert.PrepareAsync();
            _insert = insert;
            var insertMany = new NpgsqlCommand(InsertManySql, connection);
            _columns.AddTo(insertMany.Parameters);
            await insertMany.PrepareAsync();
            _insertMany = insertMany;
            _isolating = false;
            return _connection = connection;
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }

    // Not before it is needed: most ledgers are sent ids of version 7 alone.
    private async Task<NpgsqlCommand> PrepareIndexedAsync(NpgsqlConnection connection)
    {
        var command = new NpgsqlCommand(InsertIndexedSql, connection);
        _columns.AddTo(command.Parameters);
        _columns.AddIdsTo(command.Parameters);
        await command.PrepareAsync();
        return command;
    }

    private bool IsBroken(Exception exception)
        => _connection is { } connection
            && connection.FullState != System.Data.ConnectionState.Open
            && exception is not NpgsqlException { InnerException: TimeoutException };

    private async Task AbandonAsync(Exception failure)
    {
        if (Classify(failure) == AppendFault.Unknown || _connection?.FullState != System.Data.ConnectionState.Open)
        {
            await CloseAsync();
        }
    }

    private async Task CloseAsync()
    {
        var (insert, insertMany, insertIndexed, connection) = (_insert, _insertMany, _insertIndexed, _connection);
        (_insert, _insertMany, _insertIndexed, _connection) = (null, null, null, null);
        _known.Clear();
        try
        {
            if (insert is not null)
            {
                await insert.DisposeAsync();
            }

            if (insertMany is not null)
            {
                await insertMany.DisposeAsync();
            }

            if (insertIndexed is not null)
            {
                await insertIndexed.DisposeAsync();
            }

            if (connection is not null)
            {
                await connection.DisposeAsync();
            }
        }
        catch (NpgsqlException)
        {
            // It was broken: that is why it is closed.
        }
    }

    /// <summary>The columns of several rows. Kept, so that a batch makes no arrays.</summary>
    private sealed class Columns
    {
        private readonly List<long> _created = [];
        private readonly List<string> _persistenceIds = [];
        private readonly List<long> _sequenceNrs = [];
        private readonly List<byte[]> _messages = [];
        private readonly List<string> _manifests = [];
        private readonly List<int> _identifiers = [];
        private readonly List<string> _writers = [];
        private readonly List<bool> _areFirst = [];
        private readonly Dictionary<string, long> _last = new(StringComparer.Ordinal);
        private readonly List<string> _firstPersistenceIds = [];
        private readonly List<long> _firstSequenceNrs = [];
        private readonly List<Guid> _ids = [];
        private readonly List<string> _idPersistenceIds = [];
        private readonly List<long> _idSequenceNrs = [];
        private readonly List<string> _previousPersistenceIds = [];
        private readonly List<long> _previousOf = [];
        private readonly List<Guid> _previousIds = [];
        private readonly List<long> _previousSequenceNrs = [];
        private readonly Dictionary<string, long> _entered = new(StringComparer.Ordinal);

        public void AddTo(NpgsqlParameterCollection parameters)
        {
            Add(parameters, _created, NpgsqlDbType.Bigint);
            Add(parameters, _persistenceIds, NpgsqlDbType.Varchar);
            Add(parameters, _sequenceNrs, NpgsqlDbType.Bigint);
            Add(parameters, _messages, NpgsqlDbType.Bytea);
            Add(parameters, _manifests, NpgsqlDbType.Varchar);
            Add(parameters, _identifiers, NpgsqlDbType.Integer);
            Add(parameters, _writers, NpgsqlDbType.Varchar);
            Add(parameters, _areFirst, NpgsqlDbType.Boolean);
        }

        public void AddFirstTo(NpgsqlParameterCollection parameters)
        {
            Add(parameters, _firstPersistenceIds, NpgsqlDbType.Varchar);
            Add(parameters, _firstSequenceNrs, NpgsqlDbType.Bigint);
        }

        public void AddIdsTo(NpgsqlParameterCollection parameters)
        {
            Add(parameters, _ids, NpgsqlDbType.Uuid);
            Add(parameters, _idPersistenceIds, NpgsqlDbType.Varchar);
            Add(parameters, _idSequenceNrs, NpgsqlDbType.Bigint);
            Add(parameters, _previousPersistenceIds, NpgsqlDbType.Varchar);
            Add(parameters, _previousOf, NpgsqlDbType.Bigint);
            Add(parameters, _previousIds, NpgsqlDbType.Uuid);
            Add(parameters, _previousSequenceNrs, NpgsqlDbType.Bigint);
        }

        /// <summary>Takes the entries of the rows' ids; whether there are any.</summary>
        public bool FillIds(IReadOnlyList<AppendRow> rows)
        {
            _ids.Clear();
            _idPersistenceIds.Clear();
            _idSequenceNrs.Clear();
            _previousPersistenceIds.Clear();
            _previousOf.Clear();
            _previousIds.Clear();
            _previousSequenceNrs.Clear();
            _entered.Clear();
            for (var i = 0; i < rows.Count; i++)
            {
                var row = rows[i];
                if (row.Entries is not var (ids, previous))
                {
                    continue;
                }

                // One that comes in the same statement can't be seen by it.
                if (previous.SequenceNr > 0
                    && !(_entered.TryGetValue(row.PersistenceId, out var entered) && entered == previous.SequenceNr))
                {
                    _previousPersistenceIds.Add(row.PersistenceId);
                    _previousOf.Add(row.SequenceNr);
                    _previousIds.Add(previous.Id.ToGuid());
                    _previousSequenceNrs.Add(previous.SequenceNr);
                }

                _entered[row.PersistenceId] = row.SequenceNr;
                for (var j = 0; j < ids.Count; j++)
                {
                    _ids.Add(ids[j].ToGuid());
                    _idPersistenceIds.Add(row.PersistenceId);
                    _idSequenceNrs.Add(row.SequenceNr);
                }
            }

            return _ids.Count > 0;
        }

        private static void Add<T>(NpgsqlParameterCollection parameters, List<T> column, NpgsqlDbType type) =>
            parameters.Add(new NpgsqlParameter<List<T>>
            {
                TypedValue = column,
                NpgsqlDbType = NpgsqlDbType.Array | type,
            });

        public void Fill(IReadOnlyList<AppendRow> rows)
        {
            _created.Clear();
            _persistenceIds.Clear();
            _sequenceNrs.Clear();
            _messages.Clear();
            _manifests.Clear();
            _identifiers.Clear();
            _writers.Clear();
            _areFirst.Clear();
            _last.Clear();
            for (var i = 0; i < rows.Count; i++)
            {
                var row = rows[i];
                _created.Add(row.CreatedTicks);
                _persistenceIds.Add(row.PersistenceId);
                _sequenceNrs.Add(row.SequenceNr);
                _messages.Add(row.Message);
                _manifests.Add(row.Manifest);
                _identifiers.Add(row.SerializerId);
                _writers.Add(row.WriterUuid);
                _areFirst.Add(IsFirst(row));
            }
        }

        /// <summary>Takes the rows whose predecessors are not among the rows; whether there are any.</summary>
        public bool FillFirst(IReadOnlyList<AppendRow> rows, HashSet<string>? known)
        {
            _firstPersistenceIds.Clear();
            _firstSequenceNrs.Clear();
            _last.Clear();
            for (var i = 0; i < rows.Count; i++)
            {
                var row = rows[i];
                if (IsFirst(row) && known?.Contains(row.PersistenceId) != true)
                {
                    _firstPersistenceIds.Add(row.PersistenceId);
                    _firstSequenceNrs.Add(row.SequenceNr);
                }
            }

            return _firstPersistenceIds.Count > 0;
        }

        public void Note(HashSet<string> known, int max)
        {
            if (known.Count > max)
            {
                known.Clear();
            }

            known.UnionWith(_firstPersistenceIds);
        }

        // A row that leaves a gap to the one before it in the list counts as a first one too: its predecessor must be
        // stored.
        private bool IsFirst(in AppendRow row)
        {
            var isNext = _last.TryGetValue(row.PersistenceId, out var last) && last == row.SequenceNr - 1;
            _last[row.PersistenceId] = row.SequenceNr;
            return !isNext;
        }
    }
}
