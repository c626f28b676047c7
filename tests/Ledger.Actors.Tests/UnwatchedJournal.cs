using Akka.Configuration;
using Ledger.Actors.Storage;
using Ledger.Sqlite;

namespace Ledger.Actors.Tests;

/// <summary>A journal on SQLite that does not look at its file: where leases that are made up say which database it is,
/// the file would say otherwise.</summary>
internal sealed class UnwatchedJournal(Config config) : SqliteJournal(config)
{
    private readonly string connection = config.GetString("connection-string");

    protected override IJournalAppender CreateAppender(DatabaseWatch database) => new SqliteAppender(connection);
}
