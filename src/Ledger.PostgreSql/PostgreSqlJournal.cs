using Akka.Configuration;
using Ledger.Actors.Storage;

namespace Ledger.PostgreSql;

/// <summary>The journal on PostgreSQL: one statement for whatever is waiting, a binary COPY when that is
/// much.</summary>
internal sealed class PostgreSqlJournal : GroupCommitJournal
{
    private readonly string _connectionString;
    private readonly PostgreSqlReaders _readers;
    private readonly ReadBatcher<PageQuestion, StoredPage> _pages;

    /// <summary>Called by Akka.Persistence with the plugin's configuration.</summary>
    public PostgreSqlJournal(Config config)
        : base(config)
    {
        _connectionString = PostgreSqlSetup.Of(Context.System, config);
        _readers = new PostgreSqlReaders(_connectionString, DatabaseWatch.Of(Context.System));
        _pages = new ReadBatcher<PageQuestion, StoredPage>(
            new ReadBatcherOptions(),
            (pages, token) => PostgreSqlReading.ReadPagesAsync(_readers, pages, token),
            static page => page.PersistenceId,
            PostgreSqlReading.MayBeOfOne,
            PostgreSqlReading.IsTimeout,
            TookLong);
    }

    protected override IJournalAppender CreateAppender(DatabaseWatch database)
        => new PostgreSqlAppender(PostgreSqlConnections.ForWriter(_connectionString, database.Process), database);

    protected override async Task<StoredPage> ReadPageAsync(PageQuestion question, CancellationToken cancellationToken)
    {
        while (true)
        {
            var page = await _pages.AskAsync(question, cancellationToken);
            if (page.Rows.Count > 0 || !page.HasMore)
            {
                return page;
            }
        }
    }

    protected override bool IsTimeout(Exception exception) => PostgreSqlReading.IsTimeout(exception);

    protected override Task<long> ReadHighestAsync(
        string persistenceId, long aboveSequenceNr, CancellationToken cancellationToken)
        => PostgreSqlReading.ReadHighestAsync(
            _readers, persistenceId, aboveSequenceNr, cancellationToken);

    protected override void PostStop()
    {
        base.PostStop();

        // Idle connections go; those in use go when they are given back.
        _readers.ClearPool();
    }
}
