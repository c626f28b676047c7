using Ledger.Actors.Storage;
using Ledger.Core;
using Npgsql;
using NpgsqlTypes;

namespace Ledger.PostgreSql;

/// <summary>Accounts' streams, read from the database.</summary>
internal sealed class PostgreSqlStreams(PostgreSqlReaders readers) : IIndexedStreams
{
    // One statement, so that all of it is true of one moment.
    private const string FindIdsSql = """
        SELECT 0, sequence_number FROM ledger_id
        WHERE persistence_id = '' AND id = '00000000-0000-0000-0000-000000000002'
        UNION ALL
        SELECT 1, sequence_number FROM journal WHERE persistence_id = $2 AND sequence_number = $3
        UNION ALL
        SELECT 2, sequence_number FROM ledger_id WHERE persistence_id = $2 AND id = ANY ($1)
        UNION ALL
        SELECT 3, sequence_number FROM ledger_id WHERE persistence_id = $2
            AND id = '00000000-0000-0000-0000-000000000000'
        UNION ALL
        SELECT 4, sequence_number FROM ledger_id WHERE persistence_id = $2 AND id = $4 AND sequence_number = $5
        """;

    private const string AddIdsSql = """
        INSERT INTO ledger_id (id, persistence_id, sequence_number)
        SELECT i.id, $1, i.sequence_number FROM unnest($2::uuid[], $3::bigint[]) AS i (id, sequence_number)
        ON CONFLICT DO NOTHING
        """;

    // One statement: that all is there from now on, and that what was missing is no longer.
    private const string CompleteIdsSql = """
        WITH gone AS (
            DELETE FROM ledger_id WHERE persistence_id = $1 AND id = '00000000-0000-0000-0000-000000000000'
                AND sequence_number > 0 AND sequence_number <= $2)
        INSERT INTO ledger_id (id, persistence_id, sequence_number)
        VALUES ('00000000-0000-0000-0000-000000000000', $1, 0) ON CONFLICT DO NOTHING
        """;

    private const string PlaceSql = "SELECT ordering FROM journal WHERE persistence_id = $1 AND sequence_number = $2";

    // A loose index scan: from one id straight to the next, so that the cost is that of the ids and not of the rows. In
    // the collation "C" the ids with one prefix stand together, so that the scan ends after them.
    private const string ListByteOrderSql = """
        WITH RECURSIVE ids(id) AS (
            (SELECT persistence_id FROM journal
             WHERE persistence_id >= $1 AND persistence_id > $2 ORDER BY persistence_id LIMIT 1)
            UNION ALL
            SELECT (SELECT persistence_id FROM journal WHERE persistence_id > ids.id ORDER BY persistence_id LIMIT 1)
            FROM ids WHERE starts_with(ids.id, $1)
        )
        SELECT id FROM ids WHERE starts_with(id, $1) LIMIT $3
        """;

    // In any other collation they may stand anywhere, so that all ids have to be looked at. This is the case only for
    // tables which this library has not created.
    private const string ListAnyOrderSql = """
        WITH RECURSIVE ids(id) AS (
            (SELECT persistence_id FROM journal WHERE persistence_id > $2 ORDER BY persistence_id LIMIT 1)
            UNION ALL
            SELECT (SELECT persistence_id FROM journal WHERE persistence_id > ids.id ORDER BY persistence_id LIMIT 1)
            FROM ids WHERE ids.id IS NOT NULL
        )
        SELECT id FROM ids WHERE starts_with(id, $1) LIMIT $3
        """;

    private const string CollationSql = """
        SELECT c.collname IN ('C', 'POSIX', 'ucs_basic')
            OR (c.collname = 'default' AND d.datcollate IN ('C', 'POSIX') AND d.datlocprovider = 'c')
        FROM pg_attribute a
        JOIN pg_collation c ON c.oid = a.attcollation
        JOIN pg_database d ON d.datname = current_database()
        WHERE a.attrelid = to_regclass('journal') AND a.attname = 'persistence_id'
        """;

    private const int PageRowsMax = 1_024;

    private readonly PageReads _pages = new(
        new PageSize(PageRowsMax, LedgerSizes.PageMax), PostgreSqlReading.IsTimeout);
    private readonly IdIndexStart _beginnings = new();
    private string? _listSql;

    public async Task<IReadOnlyList<StreamRow>> ReadAsync(
        string persistenceId, long fromSequenceNr, long toSequenceNr, int maxRows, bool descending,
        CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(persistenceId);
        ArgumentOutOfRangeException.ThrowIfNegative(maxRows);
        var page = await _pages.ReadAsync(
            persistenceId,
            maxRows,
            (size, token) => PostgreSqlReading.ReadPageAsync(
                readers, new PageQuestion(persistenceId, fromSequenceNr, toSequenceNr, size), descending, token),
            cancellationToken);
        return StreamRows.From(page.Rows);
    }

    public async Task<IReadOnlyList<string>> ListStreamsAsync(
        string prefix, string? after, int limit, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(prefix);
        ArgumentOutOfRangeException.ThrowIfNegative(limit);
        await using var connection = await readers.OpenAsync(cancellationToken);
        _listSql ??= await ListSqlAsync(connection, cancellationToken);
        await using var command = new NpgsqlCommand(_listSql, connection)
        {
            Parameters =
            {
                new NpgsqlParameter<string> { TypedValue = prefix, NpgsqlDbType = NpgsqlDbType.Text },
                new NpgsqlParameter<string> { TypedValue = after ?? string.Empty, NpgsqlDbType = NpgsqlDbType.Text },
                new NpgsqlParameter<int> { TypedValue = limit },
            },
        };
        await command.PrepareAsync(cancellationToken);
        var ids = new List<string>();
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            ids.Add(reader.GetString(0));
        }

        return ids;
    }

    public async Task<IndexedRows> FindIdsAsync(
        string persistenceId, IReadOnlyCollection<TransferId> ids, long upTo, IndexedId newest,
        CancellationToken cancellationToken)
    {
        await using var connection = await readers.OpenAsync(cancellationToken);
        long? place = null;
        var isThere = upTo == 0;
        var isWhole = true;
        var isFromFirst = false;
        var hasNewest = newest.SequenceNr == 0;
        var rows = new SortedSet<long>();
        await using (var find = new NpgsqlCommand(FindIdsSql, connection)
        {
            Parameters =
            {
                new NpgsqlParameter<Guid[]>
                {
                    TypedValue = [.. ids.Select(static id => id.ToGuid())],
                    NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Uuid,
                },
                new NpgsqlParameter<string> { TypedValue = persistenceId, NpgsqlDbType = NpgsqlDbType.Varchar },
                new NpgsqlParameter<long> { TypedValue = upTo },
                new NpgsqlParameter<Guid> { TypedValue = newest.Id.ToGuid() },
                new NpgsqlParameter<long> { TypedValue = newest.SequenceNr },
            },
        })
        {
            await find.PrepareAsync(cancellationToken);
            await using var reader = await find.ExecuteReaderAsync(cancellationToken);
            while (await reader.ReadAsync(cancellationToken))
            {
                var number = reader.GetInt64(1);
                switch (reader.GetInt32(0))
                {
                    case 0:
                        place = Math.Max(place ?? 0, number);
                        break;
                    case 1:
                        isThere = true;
                        break;
                    case 3:
                        isFromFirst |= number == 0;
                        isWhole &= number == 0;
                        break;
                    case 4:
                        hasNewest = true;
                        break;
                    default:
                        rows.Add(number);
                        break;
                }
            }
        }

        if (!isThere)
        {
            throw new InvalidOperationException($"Row {upTo} of {persistenceId} is missing: the server lags behind.");
        }

        var after = isFromFirst ? 0 : await _beginnings.OfAsync(
            persistenceId, place, upTo,
            async number => await PlaceOfAsync(connection, persistenceId, number, cancellationToken));
        return new IndexedRows(after, [.. rows], isWhole && hasNewest);
    }

    public async Task<long> PlaceOfAsync(string persistenceId, long sequenceNr, CancellationToken cancellationToken)
    {
        await using var connection = await readers.OpenAsync(cancellationToken);
        return await PlaceOfAsync(connection, persistenceId, sequenceNr, cancellationToken);
    }

    private static async Task<long> PlaceOfAsync(
        NpgsqlConnection connection, string persistenceId, long sequenceNr, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(PlaceSql, connection)
        {
            Parameters =
            {
                new NpgsqlParameter<string> { TypedValue = persistenceId, NpgsqlDbType = NpgsqlDbType.Varchar },
                new NpgsqlParameter<long> { TypedValue = sequenceNr },
            },
        };
        await command.PrepareAsync(cancellationToken);
        return await command.ExecuteScalarAsync(cancellationToken) is long found
            ? found
            : throw new InvalidOperationException($"Row {sequenceNr} of {persistenceId} is missing.");
    }

    public async Task AddIdsAsync(
        string persistenceId, IReadOnlyList<IndexedId> entries, CancellationToken cancellationToken)
    {
        await using var connection = await readers.OpenAsync(cancellationToken);
        await using var command = new NpgsqlCommand(AddIdsSql, connection)
        {
            Parameters =
            {
                new NpgsqlParameter<string> { TypedValue = persistenceId, NpgsqlDbType = NpgsqlDbType.Varchar },
                PostgreSqlReading.Array(entries.Select(static one => one.Id.ToGuid()), NpgsqlDbType.Uuid),
                PostgreSqlReading.Array(entries.Select(static one => one.SequenceNr), NpgsqlDbType.Bigint),
            },
        };
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    public async Task CompleteIdsAsync(string persistenceId, long upTo, CancellationToken cancellationToken)
    {
        await using var connection = await readers.OpenAsync(cancellationToken);
        await using var command = new NpgsqlCommand(CompleteIdsSql, connection)
        {
            Parameters =
            {
                new NpgsqlParameter<string> { TypedValue = persistenceId, NpgsqlDbType = NpgsqlDbType.Varchar },
                new NpgsqlParameter<long> { TypedValue = upTo },
            },
        };
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    // The pool is the process's, shared with the journal when that runs.
    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private static async Task<string> ListSqlAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(CollationSql, connection);
        return await command.ExecuteScalarAsync(cancellationToken) is true ? ListByteOrderSql : ListAnyOrderSql;
    }
}
