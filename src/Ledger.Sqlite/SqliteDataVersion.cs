using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace Ledger.Sqlite;

/// <summary>Tells a connection whether another one has changed the file. Not thread-safe.</summary>
/// <remarks>Asked with each commit, so without a command and its reader: less than a microsecond, and nothing
/// allocated.</remarks>
internal sealed class SqliteDataVersion : IDisposable
{
    private readonly sqlite3_stmt _statement;

    /// <summary>Prepares it; to be disposed before the connection.</summary>
    public SqliteDataVersion(SqliteConnection connection)
    {
        var result = raw.sqlite3_prepare_v2(connection.Handle!, "PRAGMA data_version;", out _statement);
        SqliteException.ThrowExceptionForRC(result, connection.Handle!);
    }

    /// <summary>A number that is another one after another connection, of whatever process, has committed.</summary>
    public int Read()
    {
        var result = raw.sqlite3_step(_statement);
        var version = result == raw.SQLITE_ROW ? raw.sqlite3_column_int(_statement, 0) : 0;
        _ = raw.sqlite3_reset(_statement);
        return result == raw.SQLITE_ROW
            ? version
            : throw new SqliteException("SQLite does not say whether another connection has changed the file.", result);
    }

    public void Dispose() => _statement.Dispose();
}
