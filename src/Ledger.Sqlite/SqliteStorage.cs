using Akka.Actor;
using Akka.Event;
using Akka.Hosting;
using Ledger.Actors.Index;
using Ledger.Actors.Storage;
using Ledger.Actors.Timing;
using Microsoft.Data.Sqlite;

namespace Ledger.Sqlite;

/// <summary>A ledger's storage in a SQLite file, for one process.</summary>
/// <remarks>The file is locked from <see cref="Prepare"/> until the actor system has terminated or the storage is
/// disposed, whichever is first.</remarks>
public sealed class SqliteStorage : LedgerStorage, IDisposable
{
    private static readonly TimeSpan s_lookEvery = TimeSpan.FromSeconds(1);

    private readonly string _path;
    private readonly string _snapshotPath;
    private readonly string _workPath;
    private readonly string _indexPath;
    private readonly Lock _gate = new();
    private FileStream? _lock;
    private SqliteFileLock? _file;

    /// <summary>Makes the storage; nothing is touched yet.</summary>
    /// <param name="path">The file; it and its directory are created by <see cref="Prepare"/> when missing.</param>
    /// <exception cref="ArgumentException">The path is empty or names no file.</exception>
    public SqliteStorage(string path)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        if (path.StartsWith(':') || path.StartsWith("file:", StringComparison.OrdinalIgnoreCase))
        {
            throw new ArgumentException(
                $"'{path}' is no file path. A ledger is kept in a file; for a test, name one in a temporary"
                + " directory.", nameof(path));
        }

        if (Path.EndsInDirectorySeparator(path) || Directory.Exists(path))
        {
            throw new ArgumentException($"'{path}' is a directory; name the file.", nameof(path));
        }

        _path = Target(Path.GetFullPath(path));
        _snapshotPath = Path.ChangeExtension(_path, ".snapshots" + Path.GetExtension(_path));
        _workPath = Path.ChangeExtension(_path, ".work" + Path.GetExtension(_path));
        _indexPath = Path.ChangeExtension(_path, ".index" + Path.GetExtension(_path));
    }

    /// <inheritdoc/>
    public override string Description => _path;

    /// <inheritdoc/>
    public override bool SupportsCluster => false;

    /// <inheritdoc/>
    public override void Prepare()
    {
        lock (_gate)
        {
            try
            {
                SqliteFiles.MakeDirectory(Path.GetDirectoryName(_path)!);
                Acquire();
                try
                {
                    SqliteFiles.Make(_snapshotPath);
                    SqliteFiles.Make(_workPath);
                    SqliteFiles.Make(_indexPath);
                    SqliteSchema.PrepareJournal(_path);
                    SqliteIdentity.RefuseLoss(_path);
                    SqliteSchema.PrepareSnapshots(_snapshotPath);
                    SqliteSchema.PrepareWork(_workPath, _path);
                    SqliteSchema.PrepareIndex(_indexPath, _path);
                }
                catch
                {
                    Release();
                    throw;
                }
            }
            catch (Exception e) when (e is SqliteException or IOException or UnauthorizedAccessException)
            {
                throw new InvalidOperationException($"The SQLite file '{_path}' can't be used: {e.Message}", e);
            }
        }
    }

    /// <inheritdoc/>
    public override void Configure(AkkaConfigurationBuilder builder)
    {
        ArgumentNullException.ThrowIfNull(builder);
        StorageHocon.Add(
            builder,
            "SQLite.MS",
            typeof(SqliteJournal),
            SqliteConnections.ConnectionString(_path),
            typeof(SqliteSnapshotStore),
            SqliteConnections.ConnectionString(_snapshotPath),
            writers: 1);
        builder.AddStartup((system, _) => Started(system));
    }

    /// <inheritdoc/>
    public override IAccountStreams OpenStreams() => new SqliteStreams(_path);

    internal override LedgerIdentity ReadIdentity() => SqliteIdentity.Read(_path);

    internal override ClockMark ReadClockMark() => SqliteSchema.ReadClockMark(_path);

    internal override LedgerIdentity BeginEpoch(string by, string reason)
    {
        lock (_gate)
        {
            if (!File.Exists(_path))
            {
                throw new InvalidOperationException($"There is no SQLite file '{_path}'.");
            }

            Acquire();
            try
            {
                return SqliteIdentity.Begin(_path, by, reason);
            }
            finally
            {
                Release();
            }
        }
    }

    internal override void RecordLoss(long epoch, string evidence) => SqliteIdentity.RecordLoss(_path, epoch, evidence);

    internal override IHoldIndexStore OpenHoldIndex() => new SqliteHoldIndexStore(_workPath);

    internal override IBlockStore OpenBlocks() => new SqliteBlockStore(_path);

    internal override IIndexStore OpenIndex() => new SqliteIndexStore(_indexPath);

    internal override IJournalRows OpenJournalRows() => new SqliteJournalRows(_path);

    /// <summary>Gives the file free for another process. Done by itself when the actor system has
    /// terminated.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            Release();
        }
    }

    private void Started(ActorSystem system)
    {
        // Before whoever waits for the end is told of it: an application may start the next ledger at once.
        system.RegisterOnTermination(() =>
        {
            lock (_gate)
            {
                try
                {
                    FoldLogs();
                }
                finally
                {
                    Release();
                }
            }
        });
        if (SqliteFiles.Wider(_path, _snapshotPath, _workPath, _indexPath) is { } wider)
        {
            system.Log.Warning(
                "Others than the ledger's user may read or change {0}: chmod go-rwx takes that away", wider);
        }

        var database = DatabaseWatch.Of(system);
        Look(database, isFirst: true);
        _ = WatchFileAsync(database, system.WhenTerminated);
    }

    // So that whoever copies the file of a ledger that has stopped in good order has all of it. SQLite does that itself
    // when the last connection closes, but two that close at once may each take the other for the last.
    private void FoldLogs()
    {
        if (_lock is null || _file?.FindMove() is not null)
        {
            return;
        }

        foreach (var path in (string[])[_path, _snapshotPath, _workPath, _indexPath])
        {
            if (!File.Exists(path + "-wal"))
            {
                continue;
            }

            try
            {
                using var connection = SqliteConnections.OpenDurable(SqliteConnections.ConnectionString(
                    path, mayCreate: false));
                SqliteConnections.Execute(connection, "PRAGMA wal_checkpoint(TRUNCATE);");
            }
            catch (SqliteException)
            {
                // What is committed is in the log, and the next start finds it there.
            }
        }
    }

    // R19 f. What is written into a file that is not at its path any more is lost with the process.
    private async Task WatchFileAsync(DatabaseWatch database, Task terminated)
    {
        while (await Task.WhenAny(terminated, Task.Delay(s_lookEvery)) != terminated)
        {
            SqliteFileLock? file;
            lock (_gate)
            {
                file = _file;
            }

            if (file?.FindMove() is { } where)
            {
                database.ReportLoss(
                    $"The SQLite file '{_path}' was replaced, moved or deleted while the ledger ran; what it had open "
                    + $"is now '{where}'. Put that file back, if it still exists.",
                    mustEnd: true);
                return;
            }

            Look(database, isFirst: false);
        }
    }

    // R19 b. What is restored into the open file changes neither its path nor its inode. By a connection of its own:
    // what one has in its cache is no evidence of what the file holds.
    private void Look(DatabaseWatch database, bool isFirst)
    {
        try
        {
            DatabaseState state;

            // Not once the file is given free: who waits for that may move it, or delete its directory.
            lock (_gate)
            {
                if (_lock is null)
                {
                    return;
                }

                using var connection = SqliteConnections.OpenReading(
                    SqliteConnections.ConnectionString(_path, mayCreate: false));
                if (isFirst && SqliteProbe.Newest(connection) is { } newest)
                {
                    // What accounts are read from begins with it.
                    database.Acknowledged(database.AddWriter(), newest);
                }

                state = SqliteProbe.Look(connection, database.AcknowledgedRows());
            }

            database.Meet(state);
        }
        catch (InvalidOperationException e)
        {
            database.ReportLoss($"The SQLite file '{_path}' no longer holds the ledger: {e.Message}", mustEnd: true);
        }
        catch (SqliteException)
        {
            // Busy, damaged, or the disk fails: whoever writes meets that too, and it is looked again.
        }
    }

    // The files beside it belong to the file, and not to a link to it that may come to lead to another one.
    private static string Target(string path)
    {
        try
        {
            return File.ResolveLinkTarget(path, returnFinalTarget: true)?.FullName ?? path;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return path; // Of no use or not there: who opens it says so.
        }
    }

    private void Acquire()
    {
        if (_lock is not null)
        {
            return;
        }

        // A file of its own: SQLite's locks live only as long as a transaction, and two processes that take turns
        // are just what must not be. The operating system releases it with the process, however that ends.
        // And the file itself, which may have several names; the lock beside it is looked at first, since to close the
        // file again would take away what SQLite has locked in it for a ledger of this process.
        var lockPath = _path + ".lock";
        try
        {
            var options = new FileStreamOptions
            {
                Mode = FileMode.OpenOrCreate, Access = FileAccess.ReadWrite, Share = FileShare.None,
            };
            if (!OperatingSystem.IsWindows())
            {
                options.UnixCreateMode = SqliteFileLock.CreateMode;
            }

            _lock = new FileStream(lockPath, options);
        }
        catch (IOException e) when (e is not DirectoryNotFoundException and not PathTooLongException)
        {
            throw new InvalidOperationException(
                $"The SQLite file '{_path}' is in use by another process or ledger (its lock '{lockPath}' is held)."
                + " A SQLite ledger runs in one process; stop the other one, or use PostgreSQL for several.", e);
        }

        try
        {
            _file = SqliteFileLock.Acquire(_path);
            if (_file?.FaultInName() is { } fault)
            {
                throw new InvalidOperationException($"The SQLite file '{_path}' can't be used: {fault}");
            }
        }
        catch
        {
            Release();
            throw;
        }
    }

    private void Release()
    {
        _file?.Dispose();
        _file = null;
        _lock?.Dispose();
        _lock = null;
    }
}
