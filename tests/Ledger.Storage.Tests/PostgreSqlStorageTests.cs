using System.Net;
using System.Net.Sockets;
using Akka.Actor;
using Ledger.Actors.Storage;
using Ledger.PostgreSql;
using Ledger.Tests.Shared;
using Npgsql;

namespace Ledger.Storage.Tests;

[Collection(PostgresCollection.Name)]
public sealed class PostgreSqlStorageTests : StorageTests
{
    private readonly string _database = PostgresServer.Shared.CreateDatabase();

    [Fact]
    public async Task After_a_restart_of_the_server_the_journal_goes_on()
    {
        await using var node = await Node.StartAsync(Open());
        var idle = node.Open("idle");
        var busy = Enumerable.Range(0, 20).Select(i => node.Open($"busy-{i}")).ToArray();
        await Node.WriteAsync(idle, new Noted("1"));
        await Task.WhenAll(busy.Select(actor => Node.WriteAsync(actor, new Noted("1"))));

        var confirmed = busy.Select(actor => Task.Run(async () =>
        {
            var last = 1L;
            while (await WriteOrStopAsync(actor, new Noted("x")))
            {
                last++;
            }

            return last;
        })).ToArray();
        await Task.Delay(200);
        PostgresServer.Shared.Stop(immediate: true);
        var lasts = await Task.WhenAll(confirmed);
        PostgresServer.Shared.Start();

        // Not one failed write was needed for the journal to notice.
        (await Node.WriteAsync(idle, new Noted("2"))).ShouldBe(2);
        for (var i = 0; i < busy.Length; i++)
        {
            // What was confirmed is there; at most the one write of unknown outcome more.
            var stored = (await node.TryUntilWokenAsync($"busy-{i}")).SequenceNr;
            stored.ShouldBeInRange(lasts[i], lasts[i] + 1);
            (await Node.WriteAsync(node.Open($"busy-{i}"), new Noted("on"))).ShouldBe(stored + 1);
        }
    }

    [Fact]
    public async Task An_idle_journal_outlives_a_restart_of_the_server()
    {
        await using var node = await Node.StartAsync(Open());
        var actors = Enumerable.Range(0, 5).Select(i => node.Open($"restart-{i}")).ToArray();
        await Task.WhenAll(actors.Select(actor => Node.WriteAsync(actor, new Noted("1"))));
        PostgresServer.Shared.Restart();
        (await Task.WhenAll(actors.Select(actor => WriteOrStopAsync(actor, new Noted("2"))))).ShouldAllBe(ok => ok);
        // A snapshot that can't be read over a connection of before is a failed recovery, which is tried again.
        (await node.TryUntilWokenAsync("restart-0")).SequenceNr.ShouldBe(2);
    }

    [Fact]
    public async Task A_frozen_transaction_holds_up_its_own_account_only()
    {
        await using var node = await Node.StartAsync(Open());
        var actors = Enumerable.Range(0, 50).Select(i => node.Open($"frozen-{i}")).ToArray();
        await Task.WhenAll(actors.Select(actor => Node.WriteAsync(actor, new Noted("1"))));

        // A node that froze in the middle of its transaction, before the server has noticed.
        await using var frozen = new NpgsqlConnection(_database + ";Pooling=False");
        await frozen.OpenAsync();
        await using var transaction = await frozen.BeginTransactionAsync();
        await using (var command = new NpgsqlCommand(Insert("frozen-7", 2), frozen, transaction))
        {
            await command.ExecuteNonQueryAsync();
        }

        var writes = await Task.WhenAll(actors.Select(actor => WriteOrStopAsync(actor, new Noted("2"))));
        await transaction.RollbackAsync();
        Enumerable.Range(0, 50).Where(i => !writes[i]).ShouldBe([7]);
        (await node.ReadAgainAsync("frozen-7")).SequenceNr.ShouldBe(1);
    }

    [Fact]
    public async Task Several_nodes_may_create_the_tables_at_once()
    {
        var storages = Enumerable.Range(0, 6).Select(_ => Open()).ToArray();
        await Task.WhenAll(storages.Select(storage => Task.Run(storage.Prepare)));
        Open().Prepare();
        storages.Select(storage => storage.ReadIdentity()).Distinct().Count().ShouldBe(1);
    }

    [Fact]
    public void A_ledger_that_has_lost_its_identity_is_refused()
    {
        Open().Prepare();
        Execute("TRUNCATE ledger_identity");
        Should.Throw<InvalidOperationException>(Open().Prepare).Message.ShouldContain("ledger_identity");
    }

    [Fact]
    public void A_role_with_the_documented_rights_is_enough()
    {
        Open().Prepare();
        const string role = "ledger_least";
        Execute($"""
            DO $$ BEGIN
                IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}') THEN CREATE ROLE {role} LOGIN; END IF;
            END $$;
            GRANT SELECT, INSERT ON journal, tags, ledger_loss TO {role};
            GRANT SELECT ON ledger_identity TO {role};
            GRANT SELECT, INSERT, UPDATE, DELETE
                ON snapshot, ledger_id, ledger_hold, ledger_work_checkpoint, ledger_unfinished, ledger_block,
                    ledger_lease,
                ledger_shard, ledger_index TO {role};
            GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON ledger_transfer, ledger_transfer_metadata, ledger_account,
                ledger_account_metadata, ledger_index_prepared TO {role};
            """);
        var storage = new LedgerOptions().UsePostgreSql(
            new NpgsqlConnectionStringBuilder(_database) { Username = role }.ToString()).Storage!;
        storage.Prepare();
        storage.ReadIdentity().ShouldBe(Open().ReadIdentity());
    }

    [Fact]
    public void Missing_tables_are_named_when_they_may_not_be_created()
    {
        var storage = new LedgerOptions().UsePostgreSql(_database, o => o.AutoInitialize = false).Storage!;
        Should.Throw<InvalidOperationException>(storage.Prepare).Message.ShouldContain("PostgreSqlSchema.Script");
        Execute(PostgreSqlSchema.Script);
        Execute(PostgreSqlSchema.Script);
        storage.Prepare();
    }

    [Fact]
    public void A_server_that_may_lose_writes_is_refused()
    {
        var unsafely = _database + ";Options=-c synchronous_commit=off";
        Should.Throw<InvalidOperationException>(new LedgerOptions().UsePostgreSql(unsafely).Storage!.Prepare)
            .Message.ShouldContain("synchronous_commit = off");
        new LedgerOptions().UsePostgreSql(unsafely, o => o.AllowUnsafeDurability = true).Storage!.Prepare();
    }

    [Fact]
    public async Task A_connection_sets_what_its_commits_need_by_itself()
    {
        Execute($"ALTER DATABASE {new NpgsqlConnectionStringBuilder(_database).Database} SET synchronous_commit = off");
        Execute($"ALTER DATABASE {new NpgsqlConnectionStringBuilder(_database).Database}"
            + " SET default_transaction_isolation = 'repeatable read'");
        Open().Prepare();
        var completed = PostgreSqlConnections.Complete(_database, new PostgreSqlStorageOptions()).ToString();
        await using var connection = new NpgsqlConnection(PostgreSqlConnections.ForWriter(completed, Guid.NewGuid()));
        await connection.OpenAsync();
        await using (var command = new NpgsqlCommand(
            "SELECT current_setting('synchronous_commit') || ', ' || current_setting('transaction_isolation')",
            connection))
        {
            (await command.ExecuteScalarAsync()).ShouldBe("on, read committed");
        }

        var state = await PostgreSqlProbe.LookAsync(connection, []);
        state.Weakness.ShouldBeNull();
        state.Server.ShouldMatch("^[0-9]+/[0-9A-F]{8}$");
        state.Ledger.ShouldBe(Open().ReadIdentity().Id);

        // As behind a proxy that drops what a connection asks for.
        await using var dropped = new NpgsqlConnection(_database + ";Pooling=False");
        await dropped.OpenAsync();
        (await PostgreSqlProbe.LookAsync(dropped, [])).Weakness.ShouldNotBeNull().ShouldContain("PgBouncer");
        Should.Throw<InvalidOperationException>(
                new LedgerOptions().UsePostgreSql(_database + ";Options=-c default_transaction_isolation=serializable")
                    .Storage!.Prepare)
            .Message.ShouldContain("default_transaction_isolation = serializable");
    }

    [Fact]
    public async Task A_session_that_reads_is_looked_at_once_and_again_when_the_database_has_changed()
    {
        Open().Prepare();
        var completed = PostgreSqlConnections.Complete(
            _database + ";Maximum Pool Size=1", new PostgreSqlStorageOptions()).ToString();
        var watch = new DatabaseWatch();
        var restarts = 0;
        watch.Notify(static () => { }, static _ => { }, () => restarts++);
        var readers = new PostgreSqlReaders(completed, watch);
        await using (await readers.OpenAsync(CancellationToken.None))
        {
            watch.Known.ShouldNotBeNull();
        }

        // As if another life of the server had been met meanwhile: the session in the pool is looked at again, which
        // tells.
        watch.Meet(watch.Known! with { Instance = "another" }).ShouldBeTrue();
        restarts.ShouldBe(1);
        await using (await readers.OpenAsync(CancellationToken.None))
        {
            restarts.ShouldBe(2);
        }

        await using (await readers.OpenAsync(CancellationToken.None))
        {
        }

        // Looked at, and not again: what would be missed now is not asked for.
        watch.Acknowledged(watch.AddWriter(), new AppendRow("nobody", 7, 0, [], 0, "", "w"));
        await using (await readers.OpenAsync(CancellationToken.None))
        {
            watch.Loss.ShouldBeNull();
        }

        // A new session is.
        using (var pool = new NpgsqlConnection(completed))
        {
            NpgsqlConnection.ClearPool(pool);
        }

        (await Should.ThrowAsync<NpgsqlException>(readers.OpenAsync(CancellationToken.None))).Message
            .ShouldContain("7 of nobody");
        watch.Loss.ShouldNotBeNull();
    }

    /// <summary>A writer that takes long to connect finds that its database is known: somebody else has met it
    /// meanwhile. What it was given to write was decided before.</summary>
    [Fact]
    public async Task What_was_decided_before_a_failover_is_not_written_by_who_connects_while_another_notices_it()
    {
        Open().Prepare();
        var actual = new DatabaseWatch();
        var completed = PostgreSqlConnections.Complete(_database, new PostgreSqlStorageOptions());
        await using (var first = new PostgreSqlAppender(
            PostgreSqlConnections.ForWriter(completed.ToString(), Guid.NewGuid()), actual))
        {
            await first.AppendAsync([Row(1)], isolating: false);
        }

        var watch = new DatabaseWatch { OthersLookWithin = TimeSpan.FromMinutes(5) };
        watch.Meet(actual.Known! with { Server = "before" }).ShouldBeTrue();
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var passing = PassOnAsync();
        var slow = new NpgsqlConnectionStringBuilder(completed.ToString())
        {
            Host = "127.0.0.1", Port = ((IPEndPoint)listener.LocalEndpoint).Port,
        };
        await using (var appender = new PostgreSqlAppender(
            PostgreSqlConnections.ForWriter(slow.ToString(), Guid.NewGuid()), watch))
        {
            await Should.ThrowAsync<DatabaseChangedException>(
                appender.AppendAsync([Row(2) with { Generation = 0 }], isolating: false));
            watch.Generation.ShouldBe(1);
            await appender.AppendAsync([Row(2) with { Generation = 1 }], isolating: false);
        }

        listener.Stop();
        await passing;

        static AppendRow Row(long number) => new("x", number, 0, [1], 8140, "b1", "w");

        async Task PassOnAsync()
        {
            var pairs = new List<Task>();
            try
            {
                while (true)
                {
                    var client = await listener.AcceptTcpClientAsync();
                    if (watch.Generation == 0)
                    {
                        watch.Meet(actual.Known!).ShouldBeFalse();
                        watch.Confirm(watch.Changes);
                    }

                    var server = new TcpClient();
                    await server.ConnectAsync(completed.Host!, completed.Port);
                    pairs.Add(Task.WhenAll(CopyAsync(client, server), CopyAsync(server, client)));
                }
            }
            catch (SocketException)
            {
                // It listens no more.
            }

            await Task.WhenAll(pairs);
        }

        static async Task CopyAsync(TcpClient from, TcpClient to)
        {
            try
            {
                await from.GetStream().CopyToAsync(to.GetStream());
                to.Client.Shutdown(SocketShutdown.Send);
            }
            catch (Exception e) when (e is IOException or SocketException or ObjectDisposedException)
            {
                to.Close();
            }
        }
    }

    /// <summary>What a process has in memory may rest on rows of another process that an older copy of the same server
    /// lacks, and only that one knows.</summary>
    [Theory]
    [InlineData("confirmed")]
    [InlineData("lost")]
    [InlineData("another history")]
    public async Task Where_the_server_is_another_nothing_is_written_before_all_have_looked(string what)
    {
        Open().Prepare();
        var watch = new DatabaseWatch { OthersLookWithin = TimeSpan.FromMinutes(5) };
        var completed = PostgreSqlConnections.Complete(_database, new PostgreSqlStorageOptions()).ToString();
        await using var appender = new PostgreSqlAppender(
            PostgreSqlConnections.ForWriter(completed, Guid.NewGuid()), watch);
        await appender.AppendAsync([Row(1)], isolating: false);
        watch.Meet(watch.Known! with { Instance = "another" }).ShouldBeTrue();
        var waiting = appender.AppendAsync([Row(2)], isolating: false);

        // Rows that don't wait pass it by.
        await using (var other = OpenAppender())
        {
            await other.AppendAsync([Row(1) with { PersistenceId = "y" }], isolating: false);
        }

        (await CountAsync()).ShouldBe(1);
        switch (what)
        {
            case "confirmed":
                watch.Confirm(watch.Changes);
                await waiting;
                break;
            case "lost":
                watch.ReportLoss("Another process has seen it.");
                (await Should.ThrowAsync<JournalWriteException>(waiting)).Message
                    .ShouldBe("Another process has seen it.");
                break;
            default:
                watch.Meet(watch.Known! with { Server = "another" }).ShouldBeFalse();
                watch.Confirm(watch.Changes);
                await Should.ThrowAsync<DatabaseChangedException>(waiting);
                break;
        }

        (await CountAsync()).ShouldBe(what == "confirmed" ? 2 : 1);

        static AppendRow Row(long number) => new("x", number, 0, [1], 8140, "b1", "w");

        async Task<long> CountAsync()
        {
            await using var connection = new NpgsqlConnection(_database + ";Pooling=False");
            await connection.OpenAsync();
            await using var command = new NpgsqlCommand(
                "SELECT count(*) FROM journal WHERE persistence_id = 'x'", connection);
            return (long)(await command.ExecuteScalarAsync())!;
        }
    }

    [Fact]
    public async Task A_commit_that_does_not_wait_for_the_standbys_which_are_named_is_refused()
    {
        using var server = new PostgresServer();
        var database = server.CreateDatabase();
        await using (var connection = new NpgsqlConnection(database + ";Pooling=False"))
        {
            await connection.OpenAsync();
            foreach (var sql in (string[])[
                "ALTER SYSTEM SET synchronous_standby_names = 'ANY 1 (s1, s2)'", "SELECT pg_reload_conf()"])
            {
                await using var command = new NpgsqlCommand(sql, connection);
                await command.ExecuteNonQueryAsync();
            }
        }

        foreach (var weaker in (string[])["local", "remote_write"])
        {
            var storage = new LedgerOptions()
                .UsePostgreSql(database + $";Options=-c synchronous_commit={weaker}").Storage!;
            await Until.TrueAsync(() =>
            {
                // Until the server has read its settings again, it has no standbys; and then it is refused before it
                // writes.
                try
                {
                    storage.Prepare();
                    return false;
                }
                catch (InvalidOperationException e)
                {
                    e.Message.ShouldContain($"synchronous_commit = {weaker}");
                    e.Message.ShouldContain("ANY 1 (s1, s2)");
                    return true;
                }
            });
        }
    }

    [Fact]
    public void The_description_shows_no_password()
    {
        var storage = new LedgerOptions().UsePostgreSql("Host=db;Username=me;Password=secret;Database=money").Storage!;
        storage.Description.ShouldBe("postgresql://me:***@db:5432/money");
        storage.Description.ShouldNotContain("secret");
    }

    [Theory]
    [InlineData("")]
    [InlineData("Nonsense=1")]
    [InlineData("Database=money")]
    public void A_bad_connection_string_is_refused(string connectionString)
        => Should.Throw<ArgumentException>(() => new LedgerOptions().UsePostgreSql(connectionString));

    [Fact]
    public void A_server_that_is_not_there_is_named()
        => Should.Throw<InvalidOperationException>(
                new LedgerOptions().UsePostgreSql("Host=127.0.0.1;Port=1;Username=u").Storage!.Prepare)
            .Message.ShouldContain("127.0.0.1:1");

    [Theory]
    [InlineData("-c deadlock_timeout=5000", "-c lock_timeout=2000")]
    [InlineData("-c application.note=lock_timeout", "-c lock_timeout=2000")]
    [InlineData("--lock-timeout=1234", "--lock-timeout=1234")]
    public void A_setting_is_filled_in_unless_it_is_given_by_its_whole_name(string given, string expected)
    {
        var options = PostgreSqlConnections.Complete(
            $"{_database};Options={given}", new PostgreSqlStorageOptions()).Options!;
        options.ShouldContain(expected);
        (options.Split("lock_timeout=2000").Length - 1 + (expected == given ? 1 : 0)).ShouldBe(1);
    }

    [Fact]
    public async Task Safe_settings_are_filled_in_and_given_ones_kept()
    {
        await using var node = await Node.StartAsync(
            new LedgerOptions().UsePostgreSql(_database + ";Options=-c lock_timeout=1234;Command Timeout=9").Storage!);
        var builder = new NpgsqlConnectionStringBuilder(
            node.System.Settings.Config.GetString("akka.persistence.journal.ledger.connection-string"));
        builder.Timeout.ShouldBe(3);
        builder.CommandTimeout.ShouldBe(9);
        builder.KeepAlive.ShouldBe(5);
        builder.MaxPoolSize.ShouldBe(25);
        builder.Options!.ShouldContain("lock_timeout=1234");
        builder.Options!.ShouldContain("statement_timeout=4000");
        builder.Options!.ShouldContain("idle_in_transaction_session_timeout=2000");
        await using var connection = new NpgsqlConnection(builder.ToString());
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand("SHOW statement_timeout", connection);
        (await command.ExecuteScalarAsync()).ShouldBe("4s");
    }

    [Fact]
    public async Task No_password_stands_in_the_configuration_which_applications_print()
    {
        await using var node = await Node.StartAsync(
            new LedgerOptions().UsePostgreSql(_database + ";Password=hidden-1;SSL Password=hidden-2").Storage!);
        var all = node.System.Settings.Config.Root.ToString()!;
        all.ShouldContain("connection-string");
        all.ShouldNotContain("hidden");
        node.System.Settings.Config.GetString("akka.persistence.query.journal.ledger.connection-string")
            .ShouldNotContain("hidden");
    }

    [Fact]
    public async Task The_configuration_reaches_the_running_system()
    {
        await using var node = await Node.StartAsync(Open());
        var config = node.System.Settings.Config;
        config.GetString("akka.persistence.journal.ledger.class").ShouldContain("PostgreSqlJournal");
        config.GetString("akka.persistence.journal.ledger.replay-filter.mode").ShouldBe("fail");
        config.GetInt("akka.persistence.journal.ledger.circuit-breaker.max-failures").ShouldBe(500);
        config.GetBoolean("akka.persistence.journal.ledger.auto-initialize").ShouldBeFalse();
        config.GetInt("akka.persistence.max-concurrent-recoveries").ShouldBe(50);
    }

    [Fact]
    public void Snapshots_are_not_compressed_in_vain()
    {
        const string isExternal =
            "SELECT attstorage = 'e' FROM pg_attribute WHERE attrelid = 'snapshot'::regclass AND attname = 'snapshot'";
        Execute(PostgreSqlSchema.Script);
        Ask(isExternal).ShouldBe(true);

        // Somebody reads from it all the time: it waits a little, goes on, and leaves the setting as it was.
        Execute("ALTER TABLE snapshot ALTER COLUMN snapshot SET STORAGE EXTENDED");
        using (var reader = new NpgsqlConnection(_database))
        {
            reader.Open();
            using var transaction = reader.BeginTransaction();
            using var read = new NpgsqlCommand("SELECT count(*) FROM snapshot", reader, transaction);
            read.ExecuteScalar();
            Ask("SET lock_timeout = '7s';" + PostgreSqlSchema.Script + "SHOW lock_timeout").ShouldBe("7s");
        }

        Ask(isExternal).ShouldBe(false);

        // Who owns the others alone may not change it, and need not.
        var role = $"guest_{Guid.NewGuid():N}";
        try
        {
            Execute($"""
                CREATE ROLE {role};
                GRANT ALL ON SCHEMA public TO {role};
                DO $$
                DECLARE one TEXT;
                BEGIN
                    FOR one IN SELECT tablename FROM pg_tables WHERE schemaname = 'public'
                        AND tablename <> 'snapshot' LOOP
                        EXECUTE format('ALTER TABLE %I OWNER TO {role}', one);
                    END LOOP;
                END $$
                """);
            Execute($"DROP TABLE ledger_unfinished; SET ROLE {role};" + PostgreSqlSchema.Script);
            Ask(isExternal).ShouldBe(false);
            Ask("SELECT to_regclass('ledger_unfinished') IS NOT NULL").ShouldBe(true);
            Execute(PostgreSqlSchema.Script);
            Ask(isExternal).ShouldBe(true);
        }
        finally
        {
            Execute($"DROP OWNED BY {role} CASCADE; DROP ROLE {role}");
        }

        object? Ask(string question)
        {
            using var connection = new NpgsqlConnection(_database);
            connection.Open();
            using var command = new NpgsqlCommand(question, connection);
            return command.ExecuteScalar();
        }
    }

    [Fact]
    public void A_table_of_somebody_elses_is_refused()
    {
        Execute(
            "CREATE TABLE journal (ordering BIGSERIAL PRIMARY KEY, persistence_id VARCHAR(255), sequence_nr BIGINT)");
        var message = Should.Throw<InvalidOperationException>(Open().Prepare).Message;
        message.ShouldContain("is not a ledger's");
        message.ShouldContain("sequence_number bigint");
    }

    [Fact]
    public void A_server_that_is_not_PostgreSQL_is_refused()
    {
        // Others say of themselves what they are; here a function of ours says it for the server.
        Execute(
            "CREATE FUNCTION public.version() RETURNS text LANGUAGE sql AS $$ SELECT 'SomeDatabase 1.0 (speaks "
                + "pgwire)' $$");
        var storage = new LedgerOptions()
            .UsePostgreSql(_database + ";Options=-c search_path=public,pg_catalog").Storage!;
        var message = Should.Throw<InvalidOperationException>(storage.Prepare).Message;
        message.ShouldContain("SomeDatabase 1.0");
        message.ShouldContain("PostgreSQL 12");
    }

    [Fact]
    public async Task Rows_that_were_put_into_new_tables_are_not_taken_for_indexed()
    {
        // As when only the journal is moved to another server, where the script has made the tables.
        Execute(PostgreSqlSchema.Script);
        InsertBehind("moved", 1);
        InsertBehind("moved", 2);
        var storage = Open();
        storage.Prepare();
        await using var streams = (IIndexedStreams)storage.OpenStreams();
        (await AfterAsync(2)).ShouldBe(2);

        // After the first start nobody else writes rows.
        InsertBehind("moved", 3);
        Open().Prepare();
        (await AfterAsync(3)).ShouldBe(2);

        async Task<long> AfterAsync(long upTo) =>
            (await streams.FindIdsAsync(
                "moved", [TransferId.FromGuid(Guid.NewGuid())], upTo, default, CancellationToken.None)).After;
    }

    [Fact]
    public async Task A_row_under_way_when_the_index_of_ids_is_made_is_not_taken_for_indexed()
    {
        Execute(PostgreSqlSchema.Script);
        Execute("DROP TABLE ledger_id");

        // It has its place already, and is committed only later.
        await using var writer = new NpgsqlConnection(_database + ";Pooling=False");
        await writer.OpenAsync();
        await using var transaction = await writer.BeginTransactionAsync();
        await using (var command = new NpgsqlCommand(Insert("under way", 1), writer, transaction))
        {
            await command.ExecuteNonQueryAsync();
        }

        var storage = Open();
        var preparing = Task.Run(storage.Prepare);
        (await Task.WhenAny(preparing, Task.Delay(500))).ShouldNotBe(preparing, "it waits for whoever writes");
        await transaction.CommitAsync();
        await preparing;
        await using var streams = (IIndexedStreams)storage.OpenStreams();
        (await streams.FindIdsAsync(
            "under way", [TransferId.FromGuid(Guid.NewGuid())], 1, default, CancellationToken.None)).After.ShouldBe(1);
    }

    [Fact]
    public async Task Accounts_that_can_not_be_read_keep_no_other_from_waking()
    {
        // As many of them as there are places to read at; a statement would take far longer than anybody waits.
        await using (var node = await Node.StartAsync(Open()))
        {
            for (var i = 0; i < 6; i++)
            {
                await Node.WriteAsync(node.Open($"slow-{i}"), new Noted("1"));
            }

            for (var i = 0; i < 40; i++)
            {
                await Node.WriteAsync(node.Open($"fast-{i}"), new Noted("1"));
            }
        }

        Execute("ALTER TABLE journal RENAME TO journal_rows");
        Execute("CREATE FUNCTION slowly(bytea, text) RETURNS bytea STABLE LANGUAGE plpgsql AS"
            + " 'BEGIN IF starts_with($2, ''slow'') THEN PERFORM pg_sleep(60); END IF; RETURN $1; END'");
        Execute(
            "CREATE VIEW journal AS SELECT ordering, created, deleted, persistence_id, sequence_number, manifest, "
            + "identifier, writer_uuid, slowly(message, persistence_id) AS message FROM journal_rows");
        var patient = new PostgreSqlStorage(
            _database + ";Command Timeout=60",
            new PostgreSqlStorageOptions { StatementTimeout = TimeSpan.FromMinutes(1) });
        await using var woken = await Node.StartAsync(patient, prepare: false);

        // At first nobody knows which they are; from then on they are read alone, and hold up nobody.
        for (var round = 0; round < 2; round++)
        {
            var slow = Enumerable.Range(0, 6).Select(i => woken.StopsAsync(woken.Open($"slow-{i}"))).ToArray();
            var fast = await Task.WhenAll(Enumerable.Range(0, 40).Select(i => woken.TryUntilWokenAsync($"fast-{i}")));
            fast.ShouldAllBe(contents => contents.SequenceNr == 1);
            if (round > 0)
            {
                slow.ShouldAllBe(one => !one.IsCompleted);
            }

            (await Task.WhenAll(slow)).ShouldAllBe(stopped => stopped);
        }
    }

    protected override IDisposable LockSnapshots()
    {
        var connection = new NpgsqlConnection(_database + ";Pooling=False");
        connection.Open();
        using var command = new NpgsqlCommand("BEGIN; LOCK TABLE snapshot IN ACCESS EXCLUSIVE MODE", connection);
        command.ExecuteNonQuery();
        return connection;
    }

    private protected override IJournalAppender OpenAppender() =>
        new PostgreSqlAppender(PostgreSqlConnections.ForWriter(_database, Guid.NewGuid()));

    protected override LedgerStorage Open() => new LedgerOptions().UsePostgreSql(_database).Storage!;

    protected override void InsertBehind(string persistenceId, long sequenceNr)
        => Execute(Insert(persistenceId, sequenceNr));

    protected override void Execute(string sql)
    {
        using var connection = new NpgsqlConnection(_database + ";Pooling=False");
        connection.Open();
        using var command = new NpgsqlCommand(sql, connection);
        command.ExecuteNonQuery();
    }

    protected override void DropUniqueKey() => Execute("ALTER TABLE journal DROP CONSTRAINT journal_uq");

    private static string Insert(string persistenceId, long sequenceNr)
        => "INSERT INTO journal (created, deleted, persistence_id, sequence_number, message, manifest,"
            + $" identifier, writer_uuid) VALUES (1, false, '{persistenceId}', {sequenceNr}, '\\x62', 'noted.v1',"
            + " 7654321, 'stranger')";
}
