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
            Should.Throw<InvalidOperationException>(storage.Prepare).Message
                .ShouldContain(symbolic ? "in use" : "another name");
        }
    }

    [Theory]
    [InlineData("ledger.db")]
    [InlineData("../new/ledger.db")]
    [InlineData("../linked/ledger.db")]
    [InlineData("../one.db")]
    [InlineData("../two.db")]
    public async Task A_ledger_is_the_same_by_each_name_and_its_files_lie_beside_it(string name)
    {
        File.CreateSymbolicLink(Path.Combine(_directory, "one.db"), Path.Combine("new", "ledger.db"));
        File.CreateSymbolicLink(Path.Combine(_directory, "two.db"), Path.Combine(_directory, "one.db"));
        Directory.CreateSymbolicLink(Path.Combine(_directory, "linked"), Path.Combine(_directory, "new"));
        Directory.CreateDirectory(Path.Combine(_directory, "new"));
        var named = Path.Combine(_directory, "new", name);

        // Not there yet; then there; then, while one is at work by its own name, in use.
        using (var first = new SqliteStorage(named))
        {
            first.Prepare();
        }

        await using (await Node.StartAsync(Open()))
        {
            using var second = new SqliteStorage(named);
            Should.Throw<InvalidOperationException>(second.Prepare).Message.ShouldContain("in use");
        }

        using (var third = new SqliteStorage(named))
        {
            third.Prepare();
            third.ReadIdentity().ShouldBe(Open().ReadIdentity());
        }

        Directory.GetFiles(_directory).Select(Path.GetFileName).ShouldBe(["one.db", "two.db"], ignoreOrder: true);
        Directory.GetFiles(Path.Combine(_directory, "new")).Select(Path.GetFileName).ShouldBe(
            ["ledger.db", "ledger.db.lock", "ledger.index.db", "ledger.snapshots.db", "ledger.work.db"],
            ignoreOrder: true);
    }

    [Fact]
    public async Task A_file_with_a_second_hard_link_is_refused_also_when_nobody_is_at_work()
    {
        await using (var node = await Node.StartAsync(Open()))
        {
            await Node.WriteAsync(node.Open("a"), new Noted("1"));
        }

        var other = Path.Combine(_directory, "other.db");
        using (var link = System.Diagnostics.Process.Start("ln", [FilePath, other])!)
        {
            await link.WaitForExitAsync();
            link.ExitCode.ShouldBe(0);
        }

        foreach (var name in new[] { FilePath, other })
        {
            using var storage = new SqliteStorage(name);
            var message = Should.Throw<InvalidOperationException>(storage.Prepare).Message;
            message.ShouldContain("2 names (hard links)");
            message.ShouldContain("Keep one name");
        }

        File.Delete(other);
        await using (var node = await Node.StartAsync(Open()))
        {
            (await node.ReadAgainAsync("a")).SequenceNr.ShouldBe(1);
        }
    }

    [Fact]
    public async Task A_name_under_proc_is_the_file_that_it_stands_for()
    {
        if (!OperatingSystem.IsLinux())
        {
            return;
        }

        await using (await Node.StartAsync(Open()))
        {
            // Another process has it open; .NET's own way to open a file would ask for a lock.
            using var other = System.Diagnostics.Process.Start(new System.Diagnostics.ProcessStartInfo(
                "sh", ["-c", "exec 9<\"$1\"; echo open; read line", "sh", FilePath])
            {
                RedirectStandardInput = true, RedirectStandardOutput = true, UseShellExecute = false,
            })!;
            (await other.StandardOutput.ReadLineAsync()).ShouldBe("open");
            using var storage = new SqliteStorage($"/proc/{other.Id}/fd/9");
            Should.Throw<InvalidOperationException>(storage.Prepare).Message.ShouldContain("in use");
            other.StandardInput.Close();
            await other.WaitForExitAsync();
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

    /// <summary>A backup that is restored into the open file keeps its name and its inode, and the next row of another
    /// account needs no predecessor that is gone.</summary>
    [Fact]
    public async Task What_was_acknowledged_and_is_gone_from_the_open_file_is_seen_before_anything_is_written()
    {
        Open().Prepare();
        var watch = new DatabaseWatch();
        await using var appender = new SqliteAppender(SqliteConnections.ConnectionString(FilePath), clock: null, watch);
        await WriteAsync(Row("a", 1));
        Execute($"VACUUM INTO '{FilePath}.older'");
        await WriteAsync(Row("b", 1));

        // Another connection has written, and nothing is lost: as the index of ids is fixed.
        Execute("INSERT INTO ledger_id (id, persistence_id, sequence_number) VALUES (zeroblob(16), 'a', 0)");
        await WriteAsync(Row("b", 2));
        watch.Loss.ShouldBeNull();

        // Who is told of a loss can put it on record at once.
        watch.Notify(
            () =>
                Open().RecordLoss(1, watch.Loss!), static _ => throw new InvalidOperationException(), static () => { });
        Restore(FilePath + ".older");
        (await Should.ThrowAsync<JournalWriteException>(WriteAsync(Row("a", 2)))).Message
            .ShouldContain("2 of b was acknowledged");
        watch.Loss.ShouldNotBeNull();
        (await Should.ThrowAsync<JournalWriteException>(WriteAsync(Row("c", 1)))).Message.ShouldBe(watch.Loss);
        using var connection = SqliteConnections.OpenReading(SqliteConnections.ConnectionString(FilePath));
        SqliteProbe.Look(connection, []).Loss.ShouldBe(watch.Loss);
        SqliteProbe.Newest(connection).ShouldBeNull("only accounts are told of");

        async Task WriteAsync(AppendRow row)
        {
            await appender.AppendAsync([row], isolating: false);
            watch.Acknowledged(0, row);
        }
    }

    [Fact]
    public async Task What_was_decided_in_another_epoch_than_the_file_holds_is_not_written()
    {
        Open().Prepare();
        var watch = new DatabaseWatch();
        await using var appender = new SqliteAppender(SqliteConnections.ConnectionString(FilePath), clock: null, watch);
        await appender.AppendAsync([Row("a", 1) with { Generation = 0 }], isolating: false);
        Execute(
            "INSERT INTO ledger_identity SELECT 2, ledger_id, begun_by, begun_at_us, reason, id_window_ms FROM "
                + "ledger_identity");
        await Should.ThrowAsync<DatabaseChangedException>(
            appender.AppendAsync([Row("a", 2) with { Generation = 0 }], isolating: false));
        watch.Generation.ShouldBe(1);
        await Should.ThrowAsync<DatabaseChangedException>(
            appender.AppendAsync([Row("a", 2) with { Generation = 0 }], isolating: false));
        await appender.AppendAsync([Row("a", 2) with { Generation = 1 }], isolating: false);

        // And an older one is a loss.
        Execute("DELETE FROM ledger_identity WHERE epoch = 2");
        await Should.ThrowAsync<JournalWriteException>(
            appender.AppendAsync([Row("a", 3) with { Generation = 1 }], isolating: false));
        watch.Loss.ShouldNotBeNull().ShouldContain("is in epoch 1, and was in epoch 2 before");
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
                [.. Enumerable.Range(1, 100).Select(row => new AppendRow($"a{batch}", row, 1, message, 1, "m", "w"))],
                isolating: false);
        }

        await stop.CancelAsync();
        await reading;

        // Of some 250 MB of pages.
        new FileInfo(FilePath + "-wal").Length.ShouldBeLessThan(50 * 1024 * 1024);

        static void Begin(SqliteConnection connection) =>
            SqliteConnections.Execute(connection, "BEGIN; SELECT count(*) FROM (SELECT 1 FROM journal LIMIT 1)");
    }

    private static AppendRow Row(string stream, long number) =>
        new(stream, number, 1, [1], 7_654_321, "noted.v1", "writer");

    // As the command of the same name does.
    private void Restore(string copy)
    {
        using var from = new SqliteConnection($"Data Source={copy};Mode=ReadOnly;Pooling=False");
        using var to = new SqliteConnection($"Data Source={FilePath};Pooling=False");
        from.Open();
        to.Open();
        from.BackupDatabase(to);
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
        var connection = new SqliteConnection(
            $"Data Source={Path.ChangeExtension(FilePath, ".snapshots.db")};Pooling=False");
        connection.Open();
        SqliteConnections.Execute(connection, "PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE;");
        return connection;
    }

    private protected override IJournalAppender OpenAppender() =>
        new SqliteAppender(SqliteConnections.ConnectionString(FilePath));

    protected override void PrepareEmpty() => Directory.CreateDirectory(Path.GetDirectoryName(FilePath)!);

    protected override void DropUniqueKey() => Execute("DROP INDEX journal_uq");
}
