using Ledger.Actors;
using Ledger.Actors.Storage;
using Ledger.Sqlite;
using Microsoft.Data.Sqlite;

namespace Ledger.Storage.Tests;

public sealed class SqliteStorageTests : StorageTests, IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("ledger-sqlite-").FullName;

    private string FilePath => Path.Combine(_directory, "new", "ledger.db");

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public async Task A_second_ledger_on_the_file_is_refused()
    {
        await using (await Node.StartAsync(Open()))
        {
            var message = Should.Throw<InvalidOperationException>(() => Open().Prepare()).Message;
            message.ShouldContain(FilePath);
            message.ShouldContain("in use");
        }

        // The first one has gone, and with it its lock.
        await using (await Node.StartAsync(Open()))
        {
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_second_ledger_on_the_file_by_another_name_is_refused(bool symbolic)
    {
        await using (await Node.StartAsync(Open()))
        {
            var other = Path.Combine(_directory, "other.db");
            if (symbolic)
            {
                File.CreateSymbolicLink(other, FilePath);
            }
            else
            {
                using var link = System.Diagnostics.Process.Start("ln", [FilePath, other])!;
                await link.WaitForExitAsync();
                link.ExitCode.ShouldBe(0);
            }

            using var storage = new SqliteStorage(other);
            Should.Throw<InvalidOperationException>(storage.Prepare).Message.ShouldContain("another name");
        }
    }

    [Fact]
    public async Task A_file_that_has_lost_rows_is_refused_until_a_new_epoch_begins()
    {
        await using (var node = await Node.StartAsync(Open()))
        {
            await Node.WriteAsync(node.Open("halted"), new Noted("1"));
        }

        Open().RecordLoss(1, "Row 2 is gone.");
        Open().RecordLoss(1, "Row 3 is gone.");
        Should.Throw<InvalidOperationException>(Open().Prepare).Message.ShouldContain("HALTED");
        var identity = Open().BeginEpoch("an operator", "an older copy was put back");
        identity.Epoch.Number.ShouldBe(2);
        identity.Epoch.BegunBy.ShouldBe("an operator");
        identity.Epoch.Reason.ShouldBe("an older copy was put back");
        await using (var node = await Node.StartAsync(Open()))
        {
            (await node.ReadAgainAsync("halted")).SequenceNr.ShouldBe(1);
        }
    }

    [Fact]
    public void The_description_is_the_path() => Open().Description.ShouldBe(FilePath);

    [Theory]
    [InlineData("")]
    [InlineData(":memory:")]
    [InlineData("/tmp/")]
    public void A_path_that_is_no_file_is_refused(string path)
        => Should.Throw<ArgumentException>(() => new LedgerOptions().UseSqlite(path));

    [Fact]
    public async Task The_write_ahead_log_stays_short_though_somebody_reads_at_every_moment()
    {
        Open().Prepare();
        using var stop = new CancellationTokenSource();
        using var one = SqliteConnections.OpenReading(SqliteConnections.ConnectionString(FilePath));
        using var other = SqliteConnections.OpenReading(SqliteConnections.ConnectionString(FilePath));
        var reading = Task.Factory.StartNew(
            () =>
            {
                // Each begins before the other ends.
                Begin(one);
                while (!stop.IsCancellationRequested)
                {
                    Begin(other);
                    Thread.Sleep(1);
                    SqliteConnections.Execute(one, "COMMIT");
                    Begin(one);
                    Thread.Sleep(1);
                    SqliteConnections.Execute(other, "COMMIT");
                }

                SqliteConnections.Execute(one, "COMMIT");
            },
            CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        await using var appender = new SqliteAppender(SqliteConnections.ConnectionString(FilePath));
        var message = new byte[4000];
        for (var batch = 0; batch < 300; batch++)
        {
            await appender.AppendAsync(
                [.. Enumerable.Range(1, 100).Select(row => new AppendRow($"a{batch}", row, 1, message, 1, "m", "w"))], isolating: false);
        }

        await stop.CancelAsync();
        await reading;

        // Of some 250 MB of pages.
        new FileInfo(FilePath + "-wal").Length.ShouldBeLessThan(50 * 1024 * 1024);

        static void Begin(SqliteConnection connection) =>
            SqliteConnections.Execute(connection, "BEGIN; SELECT count(*) FROM (SELECT 1 FROM journal LIMIT 1)");
    }

    protected override LedgerStorage Open() => new LedgerOptions().UseSqlite(FilePath).Storage!;

    protected override void InsertBehind(string persistenceId, long sequenceNr)
        => Execute("INSERT INTO journal (created, deleted, persistence_id, sequence_number, message, manifest,"
            + $" identifier, writer_uuid) VALUES (1, 0, '{persistenceId}', {sequenceNr}, x'62', 'noted.v1', 7654321,"
            + " 'stranger')");

    protected override void Execute(string sql)
    {
        using var connection = new SqliteConnection($"Data Source={FilePath};Pooling=False");
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }

    protected override IDisposable LockSnapshots()
    {
        var connection = new SqliteConnection($"Data Source={Path.ChangeExtension(FilePath, ".snapshots.db")};Pooling=False");
        connection.Open();
        SqliteConnections.Execute(connection, "PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE;");
        return connection;
    }

    private protected override IJournalAppender OpenAppender() =>
        new SqliteAppender(SqliteConnections.ConnectionString(FilePath));

    protected override void PrepareEmpty() => Directory.CreateDirectory(Path.GetDirectoryName(FilePath)!);

    protected override void DropUniqueKey() => Execute("DROP INDEX journal_uq");
}
