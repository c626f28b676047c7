using System.Globalization;
using Ledger.Actors.Storage;
using Npgsql;
using NpgsqlTypes;

namespace Ledger.PostgreSql;

/// <summary>Reads journal rows with prepared statements over pooled connections.</summary>
internal static class PostgreSqlReading
{
    private const int ContentColumn = 3;
    private const int PlaceColumn = 7;

    // What does not fit into a page any more comes without its content, which the server then does not even read: it
    // says that there is more. The first row comes however long it is.
    private const string PageSql =
        "SELECT sequence_number, created, deleted, CASE WHEN total <= $5 OR total = bytes THEN message END, "
        + "identifier, manifest, writer_uuid FROM (SELECT *, length(message) AS bytes, sum(length(message)) OVER "
        + "(ORDER BY sequence_number {0} ROWS UNBOUNDED PRECEDING) AS total FROM (SELECT sequence_number, created, "
        + "deleted, message, identifier, manifest, writer_uuid FROM journal WHERE persistence_id = $1 AND "
        + "sequence_number BETWEEN $2 AND $3 ORDER BY sequence_number {0} LIMIT $4) AS page) AS sized ORDER BY "
        + "sequence_number {0}";

    private static readonly string s_ascendingSql = string.Format(CultureInfo.InvariantCulture, PageSql, "ASC");
    private static readonly string s_descendingSql = string.Format(CultureInfo.InvariantCulture, PageSql, "DESC");

    // The pages of many streams. Each is one index scan; what comes first in the array comes first, and all of them
    // together are no more than one page may be.
    private const string ManySql = """
        SELECT sequence_number, created, deleted, CASE WHEN total <= $5 OR total = bytes
            THEN message END, identifier, manifest,
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

    /// <summary>Reads a page of each of several streams, in one statement. One that had to leave its place to those
    /// before it is empty and has more.</summary>
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
            answers[i] =
                answers[i] with { HasMore = answers[i].HasMore || answers[i].Rows.Count == pages[i].Size.Rows };
        }

        return answers;
    }

    /// <summary>Whether a failure to read for many may be due to one of them, other than by taking too long: not where
    /// the connection is, nor where the server can serve nobody or a table is locked.</summary>
    public static bool MayBeOfOne(Exception exception) => exception switch
    {
        PostgresException { SqlState: PostgresErrorCodes.LockNotAvailable } => false,
        PostgresException { SqlState: { } state } => !state.StartsWith("53", StringComparison.Ordinal)
            && !state.StartsWith("57P", StringComparison.Ordinal),
        _ => exception is not (NpgsqlException or OperationCanceledException or TimeoutException),
    };

    /// <summary>Whether a failure says that the time was up, at the server or here.</summary>
    public static bool IsTimeout(Exception exception) => exception is TimeoutException
        or PostgresException { SqlState: PostgresErrorCodes.QueryCanceled }
        or NpgsqlException { InnerException: TimeoutException };

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

    /// <summary>Runs a query, prepared, and reads all of its rows.</summary>
    public static async Task<IReadOnlyList<T>> ReadAsync<T>(
        PostgreSqlReaders readers, string sql, NpgsqlParameter[] parameters, Func<NpgsqlDataReader, T> read,
        CancellationToken cancellationToken)
    {
        await using var connection = await readers.OpenAsync(cancellationToken);
        await using var command = new NpgsqlCommand(sql, connection);
        command.Parameters.AddRange(parameters);
        await command.PrepareAsync(cancellationToken);
        var found = new List<T>();
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            found.Add(read(reader));
        }

        return found;
    }
}
