namespace Ledger.Sqlite;

/// <summary>The tables of a ledger in SQLite, file by file, as a node makes them at its start: for whoever is to see or
/// make them beforehand. Each script can be run again without harm.</summary>
public static class SqliteScripts
{
    private const string Wal = "PRAGMA journal_mode = WAL;";

    /// <summary>The file that <c>Ledger:Sqlite:Path</c> names: the journal, and what is kept with it. Which ledger it
    /// is the first start says.</summary>
    public static string Journal { get; } = Script(
        SqliteSchema.Journal, SqliteSchema.Ids, SqliteSchema.Clock, SqliteSchema.Blocks, SqliteIdentity.Table);

    /// <summary>The file with <c>.snapshots</c> in its name. It can be made again.</summary>
    public static string Snapshots { get; } = Script(SqliteSchema.Snapshots);

    /// <summary>The file with <c>.work</c> in its name: the hold index, which can be made again.</summary>
    public static string Work { get; } = Script(SqliteSchema.Work);

    /// <summary>The file with <c>.index</c> in its name: the index of transfers and accounts, which can be made
    /// again.</summary>
    public static string Index { get; } = Script(SqliteSchema.Index);

    private static string Script(params string[] parts) => string.Join('\n', [Wal, .. parts]) + "\n";
}
