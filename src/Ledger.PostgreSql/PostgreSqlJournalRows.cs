using System.Globalization;
using Ledger.Actors.Storage;
using Npgsql;
using NpgsqlTypes;

namespace Ledger.PostgreSql;

/// <summary>The journal's rows in the order of their places.</summary>
/// <remarks>
/// <para>Where the journal's end is settled. A row's place is taken from the identity sequence before its transaction
/// commits, and even before that has an id: the server evaluates the columns of a statement first, and a COPY those of
/// many rows, while their transaction may not have written anything yet. So <c>pg_snapshot_xmin</c> is no bound for
/// places: a transaction that holds a low one may be in no snapshot at all, get an id above those of rows that are
/// read, and commit after them. What it does hold, from before the sequence is asked until after its rows are visible,
/// is the lock of an inserting statement on the journal. Therefore: look at the highest place; then at who holds such a
/// lock; when all of those have let go of it, every place up to the highest is settled.</para>
/// <para>That takes a sequence that keeps no places back for a session (<c>CACHE 1</c>, the default, and what
/// <see cref="PostgreSqlSchema.Script"/> makes), and the server that is written to, not a replica.</para>
/// </remarks>
internal sealed class PostgreSqlJournalRows(PostgreSqlReaders readers) : IJournalRows
{
    private const string HighestSql = "SELECT max(ordering) FROM journal";

    // Granted ones only: whoever still waits for the lock has not asked the sequence.
    private const string WritersSql = """
        SELECT virtualtransaction FROM pg_locks
        WHERE locktype = 'relation' AND mode = 'RowExclusiveLock' AND granted AND relation = to_regclass('journal')
          AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
        """;

    // What does not fit into a page any more comes without its content, which says that there is more.
    private const string RowsSql =
        "SELECT ordering, persistence_id, sequence_number, CASE WHEN total <= $5 OR total = bytes THEN message END"
        + " FROM (SELECT *, length(message) AS bytes, sum(length(message)) OVER (ORDER BY ordering ROWS UNBOUNDED "
        + "PRECEDING) AS total FROM (SELECT ordering, persistence_id, sequence_number, message FROM journal"
        + " WHERE ordering > $1 AND ordering <= $2 AND {0} ORDER BY ordering LIMIT $4) AS page) AS sized ORDER BY "
        + "ordering";

    private static readonly string s_rowsOfManifestSql = string.Format(
        CultureInfo.InvariantCulture, RowsSql, "manifest = $3");
    private static readonly string s_rowsOfPrefixSql =
        string.Format(CultureInfo.InvariantCulture, RowsSql, "starts_with(manifest, $3)");

    private const string PlaceSql = "SELECT ordering FROM journal WHERE persistence_id = $1 AND sequence_number = $2";

    private const string TimeAfterSql =
        "SELECT created FROM journal WHERE ordering > $1 ORDER BY ordering LIMIT 1";

    private readonly HashSet<string> writers = [];
    private long fence;
    private long settled;
    private int seenIn;

    public async Task<JournalHead> ReadHeadAsync(int generation, CancellationToken cancellationToken)
    {
        if (generation != seenIn)
        {
            // Another server may give places again that were settled on the last one.
            seenIn = generation;
            fence = 0;
            settled = 0;
            writers.Clear();
        }

        await using var connection = await readers.OpenAsync(cancellationToken);

        // Two statements, one after the other, each with a look of its own.
        long highest;
        await using (var command = new NpgsqlCommand(HighestSql, connection))
        {
            await command.PrepareAsync(cancellationToken);
            highest = await command.ExecuteScalarAsync(cancellationToken) is long last ? last : 0;
        }

        var current = new HashSet<string>(StringComparer.Ordinal);
        await using (var command = new NpgsqlCommand(WritersSql, connection))
        {
            await command.PrepareAsync(cancellationToken);
            await using var reader = await command.ExecuteReaderAsync(cancellationToken);
            while (await reader.ReadAsync(cancellationToken))
            {
                current.Add(reader.GetString(0));
            }
        }

        writers.IntersectWith(current);
        if (writers.Count == 0)
        {
            settled = Math.Max(settled, fence);
            fence = highest;
            if (current.Count == 0)
            {
                settled = Math.Max(settled, highest);
            }

            writers.UnionWith(current);
        }

        return new JournalHead(highest, Math.Min(settled, highest));
    }

    public async Task<JournalPage> ReadRowsAsync(
        long after, long upTo, string manifest, bool isPrefix, PageSize size, CancellationToken cancellationToken)
    {
        var rows = await PostgreSqlReading.ReadAsync(
            readers, isPrefix ? s_rowsOfPrefixSql : s_rowsOfManifestSql,
            [Long(after), Long(upTo), Text(manifest), Int(size.Rows), Long(size.Bytes)],
            static reader => reader.IsDBNull(3)
                ? default(JournalPageRow?)
                : new JournalPageRow(
                    reader.GetInt64(0), reader.GetString(1), reader.GetInt64(2), reader.GetFieldValue<byte[]>(3)),
            cancellationToken);
        var page = rows.OfType<JournalPageRow>().ToList();
        return new JournalPage(page, page.Count < rows.Count || page.Count == size.Rows);
    }

    public bool IsTimeout(Exception exception) => PostgreSqlReading.IsTimeout(exception);

    public async Task<long?> FindPlaceAsync(string persistenceId, long sequenceNr, CancellationToken cancellationToken)
    {
        var found = await PostgreSqlReading.ReadAsync(
            readers, PlaceSql,
            [new NpgsqlParameter<string> { TypedValue = persistenceId, NpgsqlDbType = NpgsqlDbType.Varchar },
                Long(sequenceNr)],
            static reader => reader.GetInt64(0), cancellationToken);
        return found.Count == 0 ? null : found[0];
    }

    public async Task<long?> TimeAfterAsync(long place, CancellationToken cancellationToken)
    {
        var found = await PostgreSqlReading.ReadAsync(
            readers, TimeAfterSql, [Long(place)], static reader => reader.GetInt64(0), cancellationToken);
        return found.Count == 0 ? null : JournalTime.Micros(found[0]);
    }

    // The pool is the process's, shared with the journal when that runs.
    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private static NpgsqlParameter<long> Long(long value) => new() { TypedValue = value };

    private static NpgsqlParameter<int> Int(int value) => new() { TypedValue = value };

    private static NpgsqlParameter<string> Text(string value) =>
        new() { TypedValue = value, NpgsqlDbType = NpgsqlDbType.Text };
}
