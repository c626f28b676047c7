using Ledger.Actors.Storage;
using Ledger.Core;

namespace Ledger.Sqlite;

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
                (persistenceId, number), static (reader, q) =>
                    reader.PlaceOf(q.persistenceId, q.number), cancellationToken)));
        return new IndexedRows(after, [.. rows], hasNewest && notes.Max <= 0);
    }

    public Task<long> PlaceOfAsync(string persistenceId, long sequenceNr, CancellationToken cancellationToken) =>
        _readers.ReadAsync(
            (persistenceId, sequenceNr), static (reader, q) => reader.PlaceOf(q.persistenceId, q.sequenceNr),
            cancellationToken);

    public Task AddIdsAsync(
        string persistenceId, IReadOnlyList<IndexedId> entries, CancellationToken cancellationToken) =>
        WriteAsync(
            writer =>
            {
                foreach (var entry in entries)
                {
                    writer.Write(
                        "INSERT OR IGNORE INTO ledger_id (id, persistence_id, sequence_number) VALUES ($id, $stream, "
                            + "$number);",
                        ("$id", SqliteStatements.Id(entry.Id)), ("$stream", persistenceId),
                        ("$number", entry.SequenceNr));
                }
            },
            cancellationToken);

    public Task CompleteIdsAsync(string persistenceId, long upTo, CancellationToken cancellationToken) => WriteAsync(
        writer =>
        {
            writer.Write(
                "DELETE FROM ledger_id WHERE persistence_id = $stream AND id = zeroblob(16) AND sequence_number <= "
                    + "$upTo;",
                ("$stream", persistenceId), ("$upTo", upTo));
            writer.Write(
                "INSERT OR IGNORE INTO ledger_id (id, persistence_id, sequence_number) VALUES (zeroblob(16), $stream, "
                    + "0);",
                ("$stream", persistenceId));
        },
        cancellationToken);

    private Task WriteAsync(Action<SqliteStatements> write, CancellationToken cancellationToken) => Task.Run(
        () =>
        {
            using var writer = new SqliteStatements(SqliteConnections.OpenDurable(
                SqliteConnections.ConnectionString(path)));
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
