using System.Collections.Concurrent;
using Ledger.Actors.Storage;
using Ledger.Core;
using Microsoft.Data.Sqlite;

namespace Ledger.Sqlite;

/// <summary>A few reading connections with their prepared statements. SQLite's driver is synchronous, so that reads
/// run on the thread pool, a bounded number at once.</summary>
internal sealed class SqliteReaders(string connectionString) : IDisposable
{
    private const int ReadersMax = 4;

    private readonly ConcurrentBag<SqliteReaderConnection> _idle = [];
    private readonly SemaphoreSlim _permits = new(ReadersMax);
    private volatile bool _disposed;

    public async Task<T> ReadAsync<T, TState>(
        TState state, Func<SqliteReaderConnection, TState, T> read, CancellationToken cancellationToken)
    {
        await _permits.WaitAsync(cancellationToken);
        try
        {
            return await Task.Run(() => Read(state, read), cancellationToken);
        }
        finally
        {
            _permits.Release();
        }
    }

    public void Dispose()
    {
        _disposed = true;
        while (_idle.TryTake(out var reader))
        {
            reader.Dispose();
        }
    }

    private T Read<T, TState>(TState state, Func<SqliteReaderConnection, TState, T> read)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (!_idle.TryTake(out var reader))
        {
            reader = new SqliteReaderConnection(connectionString);
        }

        T result;
        try
        {
            result = read(reader, state);
        }
        catch
        {
            // After an error a new connection is cheaper than knowing whether this one is still good.
            reader.Dispose();
            throw;
        }

        if (_disposed)
        {
            reader.Dispose();
        }
        else
        {
            _idle.Add(reader);
        }

        return result;
    }
}

/// <summary>One reading connection. Not thread-safe.</summary>
internal sealed class SqliteReaderConnection : IDisposable
{
    // The length without the content: SQLite need not read that for it.
    private const int BytesColumn = 7;

    private const string Columns =
        "SELECT sequence_number, created, deleted, message, identifier, manifest, writer_uuid, length(message) FROM journal"
        + " WHERE persistence_id = $id AND sequence_number BETWEEN $from AND $to ORDER BY sequence_number ";

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
            "SELECT sequence_number FROM ledger_id WHERE persistence_id = '' AND id = x'00000000000000000000000000000002';");
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

/// <summary>Accounts' streams, read from the file.</summary>
internal sealed class SqliteStreams(string path) : IIndexedStreams
{
    private readonly IdIndexStart _beginnings = new();
    private readonly SqliteReaders _readers = new(SqliteConnections.ConnectionString(path));

    public Task<IReadOnlyList<StreamRow>> ReadAsync(
        string persistenceId, long fromSequenceNr, long toSequenceNr, int maxRows, bool descending,
        CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(persistenceId);
        ArgumentOutOfRangeException.ThrowIfNegative(maxRows);
        return _readers.ReadAsync(
            (Page: new PageQuestion(
                persistenceId, fromSequenceNr, toSequenceNr, new PageSize(maxRows, LedgerSizes.PageMax)), descending),
            static (reader, q) => StreamRows.From(reader.ReadPage(q.Page, q.descending).Rows),
            cancellationToken);
    }

    public Task<IReadOnlyList<string>> ListStreamsAsync(
        string prefix, string? after, int limit, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(prefix);
        ArgumentOutOfRangeException.ThrowIfNegative(limit);
        return _readers.ReadAsync<IReadOnlyList<string>, (string, string?, int)>(
            (prefix, after, limit),
            static (reader, q) => reader.List(q.Item1, q.Item2, q.Item3),
            cancellationToken);
    }

    // One file and one writer: what is not there yet was not there when it was asked for.
    public async Task<IndexedRows> FindIdsAsync(
        string persistenceId, IReadOnlyCollection<TransferId> ids, long upTo, IndexedId newest,
        CancellationToken cancellationToken)
    {
        var (place, rows, notes, hasNewest) = await _readers.ReadAsync(
            (persistenceId, ids, upTo, newest),
            static (reader, q) =>
            {
                if (q.upTo > 0)
                {
                    reader.PlaceOf(q.persistenceId, q.upTo);
                }

                return (reader.IndexedSince(), reader.FindIds(q.persistenceId, q.ids),
                    reader.FindIds(q.persistenceId, [default]),
                    q.newest.SequenceNr == 0 || reader.HasEntry(q.persistenceId, q.newest));
            },
            cancellationToken);
        var after = notes.Contains(0) ? 0 : await _beginnings.OfAsync(
            persistenceId, place, upTo,
            number => new ValueTask<long>(_readers.ReadAsync(
                (persistenceId, number), static (reader, q) => reader.PlaceOf(q.persistenceId, q.number), cancellationToken)));
        return new IndexedRows(after, [.. rows], hasNewest && notes.Max <= 0);
    }

    public Task<long> PlaceOfAsync(string persistenceId, long sequenceNr, CancellationToken cancellationToken) =>
        _readers.ReadAsync(
            (persistenceId, sequenceNr), static (reader, q) => reader.PlaceOf(q.persistenceId, q.sequenceNr),
            cancellationToken);

    public Task AddIdsAsync(string persistenceId, IReadOnlyList<IndexedId> entries, CancellationToken cancellationToken) =>
        WriteAsync(
            writer =>
            {
                foreach (var entry in entries)
                {
                    writer.Write(
                        "INSERT OR IGNORE INTO ledger_id (id, persistence_id, sequence_number) VALUES ($id, $stream, $number);",
                        ("$id", SqliteStatements.Id(entry.Id)), ("$stream", persistenceId), ("$number", entry.SequenceNr));
                }
            },
            cancellationToken);

    public Task CompleteIdsAsync(string persistenceId, long upTo, CancellationToken cancellationToken) => WriteAsync(
        writer =>
        {
            writer.Write(
                "DELETE FROM ledger_id WHERE persistence_id = $stream AND id = zeroblob(16) AND sequence_number <= $upTo;",
                ("$stream", persistenceId), ("$upTo", upTo));
            writer.Write(
                "INSERT OR IGNORE INTO ledger_id (id, persistence_id, sequence_number) VALUES (zeroblob(16), $stream, 0);",
                ("$stream", persistenceId));
        },
        cancellationToken);

    private Task WriteAsync(Action<SqliteStatements> write, CancellationToken cancellationToken) => Task.Run(
        () =>
        {
            using var writer = new SqliteStatements(SqliteConnections.OpenDurable(SqliteConnections.ConnectionString(path)));
            writer.Write("BEGIN IMMEDIATE;");
            write(writer);
            writer.Write("COMMIT;");
        },
        cancellationToken);

    public ValueTask DisposeAsync()
    {
        _readers.Dispose();
        return ValueTask.CompletedTask;
    }
}
