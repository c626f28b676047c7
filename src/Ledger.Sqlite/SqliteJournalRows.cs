using System.Globalization;
using Ledger.Actors.Storage;

namespace Ledger.Sqlite;

/// <summary>The journal's rows in the order of their places.</summary>
/// <remarks>The journal has one writer, so the order of places is that of commits and its end is always
/// settled.</remarks>
internal sealed class SqliteJournalRows(string path) : IJournalRows
{
    private const string RowsSql =
        "SELECT ordering, persistence_id, sequence_number, message, length(message) FROM journal"
        + " WHERE ordering > $after AND ordering <= $to AND {0} ORDER BY ordering LIMIT $limit;";

    private static readonly string s_rowsOfManifestSql =
        string.Format(CultureInfo.InvariantCulture, RowsSql, "manifest = $manifest");

    private static readonly string s_rowsOfPrefixSql =
        string.Format(CultureInfo.InvariantCulture, RowsSql, "substr(manifest, 1, length($manifest)) = $manifest");

    private readonly SqliteGate _connection = new(
        () => new SqliteStatements(SqliteConnections.OpenReading(SqliteConnections.ConnectionString(path))));

    public Task<JournalHead> ReadHeadAsync(int generation, CancellationToken cancellationToken) => _connection.RunAsync(
        static connection =>
        {
            var highest = Highest(connection);
            return new JournalHead(highest, highest);
        },
        cancellationToken);

    public Task<JournalPage> ReadRowsAsync(
        long after, long upTo, string manifest, bool isPrefix, PageSize size, CancellationToken cancellationToken) =>
        _connection.RunAsync(
            connection =>
            {
                using var reader = connection.Read(
                    isPrefix ? s_rowsOfPrefixSql : s_rowsOfManifestSql,
                    ("$after", after), ("$to", upTo), ("$manifest", manifest), ("$limit", size.Rows));
                var rows = new List<JournalPageRow>();
                var left = size.Bytes;
                while (reader.Read())
                {
                    left -= reader.GetInt64(4);
                    if (left < 0 && rows.Count > 0)
                    {
                        return new JournalPage(rows, HasMore: true);
                    }

                    rows.Add(new JournalPageRow(
                        reader.GetInt64(0), reader.GetString(1), reader.GetInt64(2), reader.GetFieldValue<byte[]>(3)));
                }

                return new JournalPage(rows, rows.Count == size.Rows);
            },
            cancellationToken);

    public bool IsTimeout(Exception exception) => false;

    public Task<long?> FindPlaceAsync(string persistenceId, long sequenceNr, CancellationToken cancellationToken) =>
        _connection.RunAsync(
            connection => connection.Scalar(
                "SELECT ordering FROM journal WHERE persistence_id = $stream AND sequence_number = $number;",
                ("$stream", persistenceId), ("$number", sequenceNr)) as long?,
            cancellationToken);

    public Task<long?> TimeAfterAsync(long place, CancellationToken cancellationToken) => _connection.RunAsync(
        connection => connection.Scalar(
            "SELECT created FROM journal WHERE ordering > $place ORDER BY ordering LIMIT 1;", ("$place", place))
                is long ticks
                ? JournalTime.Micros(ticks)
                : default(long?),
        cancellationToken);

    public ValueTask DisposeAsync() => _connection.DisposeAsync();

    /// <summary>The end of the journal.</summary>
    public static long Highest(SqliteStatements journal) =>
        journal.Scalar("SELECT max(ordering) FROM journal;") is long highest ? highest : 0;
}
