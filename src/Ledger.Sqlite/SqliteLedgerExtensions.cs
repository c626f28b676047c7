using Ledger.Sqlite;

namespace Ledger;

/// <summary>Chooses SQLite as a ledger's storage.</summary>
public static class SqliteLedgerExtensions
{
    /// <summary>Keeps the journal in a SQLite file, for one process.</summary>
    /// <remarks>Every acknowledged write is on the disk (<c>synchronous = FULL</c>). Beside the file there will be one
    /// with <c>.snapshots</c> and one with <c>.work</c> in its name, which may be deleted while the ledger is stopped
    /// and are made again from the journal, one with <c>.lock</c>, and SQLite's own <c>-wal</c> and <c>-shm</c>, which
    /// belong to the file and must be kept and copied with it.</remarks>
    /// <param name="options">The ledger's options.</param>
    /// <param name="path">The file; it and its directory are created when missing.</param>
    /// <returns>The options.</returns>
    /// <exception cref="ArgumentException">The path is empty or names no file.</exception>
    public static LedgerOptions UseSqlite(this LedgerOptions options, string path)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Storage = new SqliteStorage(path);
        return options;
    }
}
