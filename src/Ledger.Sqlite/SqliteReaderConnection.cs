using Ledger.Actors.Storage;
using Ledger.Core;
using Microsoft.Data.Sqlite;

namespace Ledger.Sqlite;

/// <summary>One reading connection. Not thread-safe.</summary>
internal sealed class SqliteReaderConnection : IDisposable
{
    // The length without the content: SQLite need not read that for it.
    private const int BytesColumn = 7;

    private const string Columns =
        "SELECT sequence_number, created, deleted, message, identifier, manifest, writer_uuid, length(message) FROM "
        + "journal WHERE persistence_id = $id AND sequence_number BETWEEN $from AND $to ORDER BY sequence_number ";

    // A loose index scan: from one id straight to the next, so that the cost is that of the ids and not of the rows.
    private const string ListSql = """
        WITH RECURSIVE ids(id) AS (
            SELECT * FROM (
                SELECT persistence_id FROM journal
                WHERE persistence_id >= $prefix AND persistence_id > $after
                ORDER BY persistence_id LIMIT 1)
            UNION ALL
            SELECT (SELECT persistence_id FROM journal WHERE persistence_id > ids.id ORDER BY persistence_id LIMIT 1)
            FROM ids WHERE substr(ids.id, 1, length($prefix)) = $prefix
            LIMIT $limit
        )
        SELECT id FROM ids WHERE substr(id, 1, length($prefix)) = $prefix;
        """;

    private readonly SqliteConnection _connection;
    private readonly SqliteCommand _ascending;
    private readonly SqliteCommand _descending;
    private readonly SqliteCommand _highest;
    private readonly SqliteCommand _list;
    private readonly SqliteCommand _since;
    private readonly SqliteCommand _place;
    private readonly SqliteCommand _find;
    private readonly SqliteCommand _entry;

    public SqliteReaderConnection(string connectionString)
    {
        _connection = SqliteConnections.OpenReading(connectionString);
        _ascending = Prepare(Columns + "ASC LIMIT $limit;", "$id", "$from", "$to", "$limit");
        _descending = Prepare(Columns + "DESC LIMIT $limit;", "$id", "$from", "$to", "$limit");
        _highest = Prepare(
            "SELECT max(sequence_number) FROM journal WHERE persistence_id = $id AND sequence_number > $above;",
            "$id", "$above");
        _list = Prepare(ListSql, "$prefix", "$after", "$limit");
        _since = Prepare(
            "SELECT sequence_number FROM ledger_id WHERE persistence_id = '' AND id = "
                + "x'00000000000000000000000000000002';");
        _place = Prepare(
            "SELECT ordering FROM journal WHERE persistence_id = $id AND sequence_number = $number;", "$id", "$number");
        _find = Prepare(
            "SELECT sequence_number FROM ledger_id WHERE persistence_id = $stream AND id = $id;", "$stream", "$id");
        _entry = Prepare(
            "SELECT 1 FROM ledger_id WHERE persistence_id = $stream AND id = $id AND sequence_number = $number;",
            "$stream", "$id", "$number");
    }

    public StoredPage ReadPage(PageQuestion page, bool descending)
    {
        var command = descending ? _descending : _ascending;
        command.Parameters[0].Value = page.PersistenceId;
        command.Parameters[1].Value = page.From;
        command.Parameters[2].Value = page.To;
        command.Parameters[3].Value = page.Size.Rows;
        using var reader = command.ExecuteReader();
        var rows = new List<StoredRow>();
        var left = page.Size.Bytes;
        while (reader.Read())
        {
            left -= reader.GetInt64(BytesColumn);
            if (left < 0 && rows.Count > 0)
            {
                return new StoredPage(rows, HasMore: true);
            }

            rows.Add(StoredRow.Read(reader));
        }

        return new StoredPage(rows, rows.Count == page.Size.Rows);
    }

    public long ReadHighest(string persistenceId, long aboveSequenceNr)
    {
        _highest.Parameters[0].Value = persistenceId;
        _highest.Parameters[1].Value = aboveSequenceNr;
        return _highest.ExecuteScalar() is long highest ? highest : 0;
    }

    /// <summary>The last place of the journal without an index of ids; null when that is not known.</summary>
    public long? IndexedSince() => _since.ExecuteScalar() as long?;

    public long PlaceOf(string persistenceId, long sequenceNr)
    {
        _place.Parameters[0].Value = persistenceId;
        _place.Parameters[1].Value = sequenceNr;
        return _place.ExecuteScalar() as long?
            ?? throw new InvalidOperationException($"Row {sequenceNr} of {persistenceId} is missing.");
    }

    public bool HasEntry(string persistenceId, IndexedId entry)
    {
        _entry.Parameters[0].Value = persistenceId;
        _entry.Parameters[1].Value = SqliteStatements.Id(entry.Id);
        _entry.Parameters[2].Value = entry.SequenceNr;
        return _entry.ExecuteScalar() is not null;
    }

    public SortedSet<long> FindIds(string persistenceId, IReadOnlyCollection<TransferId> ids)
    {
        var rows = new SortedSet<long>();
        foreach (var id in ids)
        {
            _find.Parameters[0].Value = persistenceId;
            _find.Parameters[1].Value = SqliteStatements.Id(id);
            using var reader = _find.ExecuteReader();
            while (reader.Read())
            {
                rows.Add(reader.GetInt64(0));
            }
        }

        return rows;
    }

    public List<string> List(string prefix, string? after, int limit)
    {
        _list.Parameters[0].Value = prefix;
        _list.Parameters[1].Value = after ?? string.Empty;
        _list.Parameters[2].Value = limit;
        var ids = new List<string>();
        using var reader = _list.ExecuteReader();
        while (reader.Read())
        {
            ids.Add(reader.GetString(0));
        }

        return ids;
    }

    public void Dispose()
    {
        _ascending.Dispose();
        _descending.Dispose();
        _highest.Dispose();
        _list.Dispose();
        _since.Dispose();
        _place.Dispose();
        _find.Dispose();
        _entry.Dispose();
        _connection.Dispose();
    }

    private SqliteCommand Prepare(string sql, params ReadOnlySpan<string> parameters)
    {
        var command = _connection.CreateCommand();
        command.CommandText = sql;
        foreach (var name in parameters)
        {
            command.Parameters.Add(new SqliteParameter { ParameterName = name });
        }

        return command;
    }
}
