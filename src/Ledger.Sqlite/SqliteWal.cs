using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace Ledger.Sqlite;

/// <summary>Keeps the write-ahead log of a file short, for its only writer.</summary>
/// <remarks>SQLite begins the log anew when all of it has been copied into the file and nobody reads from it at that
/// moment. Where somebody always reads that moment never comes: the log grows without end, and since it stays longer
/// than the limit, every single commit copies its own few pages and syncs the file once more. So the limit is kept
/// here, and when the log has grown in spite of it, the writer waits for the readers of the moment; those that come
/// meanwhile read the file alone.</remarks>
internal sealed class SqliteWal
{
    /// <summary>How many pages, about, are written between two copyings; as SQLite's own limit.</summary>
    private const int PagesMax = 1000;

    /// <summary>How long the log must be, in pages, before readers are waited for.</summary>
    private const int LengthMax = 4 * PagesMax;

    /// <summary>How long they are waited for. One that reads for longer is met again at the next time.</summary>
    private const int PatienceMilliseconds = 100;

    private const int PageSize = 4096;
    private readonly sqlite3 _connection;
    private int _pages;

    /// <summary>Takes over for a connection.</summary>
    public SqliteWal(SqliteConnection connection)
    {
        SqliteConnections.Execute(connection, "PRAGMA wal_autocheckpoint = 0;");
        _connection = connection.Handle!;
    }

    /// <summary>Notes a commit, and copies when it is time.</summary>
    /// <param name="rows">The rows that were written: each touches the end of the table and one place of the
    /// index.</param>
    /// <param name="bytes">How long they are.</param>
    public void Committed(int rows, long bytes)
    {
        _pages += 3 + (2 * rows) + (int)Math.Min(bytes / PageSize, PagesMax);
        if (_pages < PagesMax)
        {
            return;
        }

        // What was committed is safe, so a copy that fails fails nothing: it is tried again after as many pages, and a
        // disk that is full or broken fails the next commit.
        _pages = 0;
        _ = raw.sqlite3_wal_checkpoint_v2(_connection, "main", raw.SQLITE_CHECKPOINT_PASSIVE, out var length, out _);
        if (length > LengthMax)
        {
            _ = raw.sqlite3_busy_timeout(_connection, PatienceMilliseconds);
            _ = raw.sqlite3_wal_checkpoint_v2(_connection, "main", raw.SQLITE_CHECKPOINT_RESTART, out _, out _);
            _ = raw.sqlite3_busy_timeout(_connection, SqliteConnections.BusyTimeoutSeconds * 1000);
        }
    }
}
