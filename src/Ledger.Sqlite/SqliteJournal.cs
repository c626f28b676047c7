using Akka.Configuration;
using Ledger.Actors.Storage;

namespace Ledger.Sqlite;

/// <summary>The journal on SQLite: one writer, one durable transaction for whatever is waiting.</summary>
internal class SqliteJournal : GroupCommitJournal
{
    private readonly string _connectionString;
    private readonly SqliteReaders _readers;

    /// <summary>Called by Akka.Persistence with the plugin's configuration.</summary>
    public SqliteJournal(Config config)
        : base(config)
    {
        _connectionString = config.GetString("connection-string");
        _readers = new SqliteReaders(_connectionString);
    }

    protected override IJournalAppender CreateAppender(DatabaseWatch database) =>
        new SqliteAppender(_connectionString, Clock, database);

    protected override Task<StoredPage> ReadPageAsync(PageQuestion question, CancellationToken cancellationToken)
        => _readers.ReadAsync(
            question, static (reader, page) => reader.ReadPage(page, descending: false), cancellationToken);

    // A statement has no time of its own, and one that met a lock would meet it with a smaller page too.
    protected override bool IsTimeout(Exception exception) => false;

    protected override Task<long> ReadHighestAsync(
        string persistenceId, long aboveSequenceNr, CancellationToken cancellationToken)
        => _readers.ReadAsync(
            (persistenceId, aboveSequenceNr),
            static (reader, q) => reader.ReadHighest(q.persistenceId, q.aboveSequenceNr),
            cancellationToken);

    protected override void PostStop()
    {
        base.PostStop();
        _readers.Dispose();
    }
}
