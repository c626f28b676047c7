using System.Globalization;
using Ledger.Actors.Storage;
using Ledger.Core;
using Npgsql;
using NpgsqlTypes;

namespace Ledger.PostgreSql;

/// <summary>Reads journal rows with prepared statements over pooled connections.</summary>
internal static class PostgreSqlReading
{
    private const int ContentColumn = 3;
    private const int PlaceColumn = 7;

    // What does not fit into a page any more comes without its content, which the server then does not even read: it says that
    // there is more. The first row comes however long it is.
    private const string PageSql =
        "SELECT sequence_number, created, deleted, CASE WHEN total <= $5 OR total = bytes THEN message END, identifier, manifest,"
        + " writer_uuid FROM (SELECT *, length(message) AS bytes, sum(length(message)) OVER (ORDER BY sequence_number {0}"
        + " ROWS UNBOUNDED PRECEDING) AS total FROM (SELECT sequence_number, created, deleted, message, identifier, manifest,"
        + " writer_uuid FROM journal WHERE persistence_id = $1 AND sequence_number BETWEEN $2 AND $3"
        + " ORDER BY sequence_number {0} LIMIT $4) AS page) AS sized ORDER BY sequence_number {0}";

    private static readonly string s_ascendingSql = string.Format(CultureInfo.InvariantCulture, PageSql, "ASC");
    private static readonly string s_descendingSql = string.Format(CultureInfo.InvariantCulture, PageSql, "DESC");

    // The pages of many streams. Each is one index scan; what comes first in the array comes first, and all of them together are no
    // more than one page may be.
    private const string ManySql = """
        SELECT sequence_number, created, deleted, CASE WHEN total <= $5 OR total = bytes THEN message END, identifier, manifest,
            writer_uuid, place
        FROM (
            SELECT j.*, r.place, length(j.message) AS bytes,
                sum(length(j.message)) OVER (ORDER BY r.place, j.sequence_number ROWS UNBOUNDED PRECEDING) AS total
            FROM unnest($1::varchar[], $2::bigint[], $3::bigint[], $4::int[]) WITH ORDINALITY
                AS r (persistence_id, lowest, highest, rows, place)
            CROSS JOIN LATERAL (
                SELECT sequence_number, created, deleted, message, identifier, manifest, writer_uuid FROM journal
                WHERE persistence_id = r.persistence_id AND sequence_number BETWEEN r.lowest AND r.highest
                ORDER BY sequence_number LIMIT r.rows) AS j) AS sized
        ORDER BY place, sequence_number
        """;

    private const string HighestSql =
        "SELECT max(sequence_number) FROM journal WHERE persistence_id = $1 AND sequence_number > $2";

    public static async Task<StoredPage> ReadPageAsync(
        PostgreSqlReaders readers, PageQuestion page, bool descending, CancellationToken cancellationToken)
    {
        await using var connection = await readers.OpenAsync(cancellationToken);
        await using var command = new NpgsqlCommand(descending ? s_descendingSql : s_ascendingSql, connection)
        {
            Parameters =
            {
                new NpgsqlParameter<string> { TypedValue = page.PersistenceId, NpgsqlDbType = NpgsqlDbType.Varchar },
                new NpgsqlParameter<long> { TypedValue = page.From },
                new NpgsqlParameter<long> { TypedValue = page.To },
                new NpgsqlParameter<int> { TypedValue = page.Size.Rows },
                new NpgsqlParameter<long> { TypedValue = page.Size.Bytes },
            },
        };

        // Kept with the physical connection: from the second use on this does nothing.
        await command.PrepareAsync(cancellationToken);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        var rows = new List<StoredRow>();
        var isCut = false;
        while (await reader.ReadAsync(cancellationToken))
        {
            if (reader.IsDBNull(ContentColumn))
            {
                isCut = true;
            }
            else
            {
                rows.Add(StoredRow.Read(reader));
            }
        }

        return new StoredPage(rows, isCut || rows.Count == page.Size.Rows);
    }

    /// <summary>Reads a page of each of several streams, in one statement. One that had to leave its place to those before it is
    /// empty and has more.</summary>
    public static async Task<IReadOnlyList<StoredPage>> ReadPagesAsync(
        PostgreSqlReaders readers, IReadOnlyList<PageQuestion> pages, CancellationToken cancellationToken)
    {
        if (pages is [var only])
        {
            return [await ReadPageAsync(readers, only, descending: false, cancellationToken)];
        }

        await using var connection = await readers.OpenAsync(cancellationToken);
        await using var command = new NpgsqlCommand(ManySql, connection)
        {
            Parameters =
            {
                Array(pages.Select(static page => page.PersistenceId), NpgsqlDbType.Varchar),
                Array(pages.Select(static page => page.From), NpgsqlDbType.Bigint),
                Array(pages.Select(static page => page.To), NpgsqlDbType.Bigint),
                Array(pages.Select(static page => page.Size.Rows), NpgsqlDbType.Integer),
                new NpgsqlParameter<long> { TypedValue = pages.Min(static page => page.Size.Bytes) },
            },
        };
        await command.PrepareAsync(cancellationToken);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        var answers = new StoredPage[pages.Count];
        for (var i = 0; i < answers.Length; i++)
        {
            answers[i] = new StoredPage([], HasMore: false);
        }

        while (await reader.ReadAsync(cancellationToken))
        {
            ref var answer = ref answers[(int)reader.GetInt64(PlaceColumn) - 1];
            if (reader.IsDBNull(ContentColumn))
            {
                answer = answer with { HasMore = true };
            }
            else
            {
                answer.Rows.Add(StoredRow.Read(reader));
            }
        }

        for (var i = 0; i < answers.Length; i++)
        {
            answers[i] = answers[i] with { HasMore = answers[i].HasMore || answers[i].Rows.Count == pages[i].Size.Rows };
        }

        return answers;
    }

    /// <summary>Whether a failure to read for many may be due to one of them, other than by taking too long: not where the
    /// connection is, nor where the server can serve nobody or a table is locked.</summary>
    public static bool MayBeOfOne(Exception exception) => exception switch
    {
        PostgresException { SqlState: PostgresErrorCodes.LockNotAvailable } => false,
        PostgresException { SqlState: { } state } => !state.StartsWith("53", StringComparison.Ordinal)
            && !state.StartsWith("57P", StringComparison.Ordinal),
        _ => exception is not (NpgsqlException or OperationCanceledException or TimeoutException),
    };

    /// <summary>Whether a failure says that the time was up, at the server or here.</summary>
    public static bool IsTimeout(Exception exception) => exception is TimeoutException
        or PostgresException { SqlState: PostgresErrorCodes.QueryCanceled } or NpgsqlException { InnerException: TimeoutException };

    /// <summary>A parameter that is an array.</summary>
    public static NpgsqlParameter Array<T>(IEnumerable<T> values, NpgsqlDbType type) =>
        new NpgsqlParameter<T[]> { TypedValue = [.. values], NpgsqlDbType = NpgsqlDbType.Array | type };

    public static async Task<long> ReadHighestAsync(
        PostgreSqlReaders readers, string persistenceId, long aboveSequenceNr, CancellationToken cancellationToken)
    {
        await using var connection = await readers.OpenAsync(cancellationToken);
        await using var command = new NpgsqlCommand(HighestSql, connection)
        {
            Parameters =
            {
                new NpgsqlParameter<string> { TypedValue = persistenceId, NpgsqlDbType = NpgsqlDbType.Varchar },
                new NpgsqlParameter<long> { TypedValue = aboveSequenceNr },
            },
        };
        await command.PrepareAsync(cancellationToken);
        return await command.ExecuteScalarAsync(cancellationToken) is long highest ? highest : 0;
    }
}

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
        SELECT 3, sequence_number FROM ledger_id WHERE persistence_id = $2 AND id = '00000000-0000-0000-0000-000000000000'
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
