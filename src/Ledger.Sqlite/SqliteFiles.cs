namespace Ledger.Sqlite;

/// <summary>Who may read the files of a ledger: its user alone. All accounts are in them.</summary>
internal static class SqliteFiles
{
    private const UnixFileMode Others =
        UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.OtherRead | UnixFileMode.OtherWrite;

    private const UnixFileMode Owner = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    /// <summary>Makes a directory where there is none.</summary>
    public static void MakeDirectory(string path)
    {
        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(path);
        }
        else if (!Directory.Exists(path))
        {
            Directory.CreateDirectory(path, Owner);
        }
    }

    /// <summary>Makes an empty file where there is none; SQLite would make it by the umask. To open one that is there
    /// and close it again would take away what SQLite has locked in it.</summary>
    public static void Make(string path)
    {
        if (OperatingSystem.IsWindows() || File.Exists(path))
        {
            return;
        }

        using var made = new FileStream(path, new FileStreamOptions
        {
            Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = SqliteFileLock.CreateMode,
        });
    }

    /// <summary>Which of the files others may read or change, named; null where there is none.</summary>
    public static string? Wider(params string[] paths)
    {
        if (OperatingSystem.IsWindows())
        {
            return null;
        }

        var wider = new List<string>();
        foreach (var path in paths.SelectMany(static path => (string[])[path, path + "-wal", path + "-shm"]))
        {
            if (File.Exists(path) && (File.GetUnixFileMode(path) & Others) != UnixFileMode.None)
            {
                wider.Add(path);
            }
        }

        return wider.Count == 0 ? null : string.Join(", ", wider);
    }
}
