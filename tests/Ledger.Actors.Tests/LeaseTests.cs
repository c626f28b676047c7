using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Diagnostics;
using System.Globalization;
using Akka;
using Akka.Actor;
using Akka.Cluster;
using Akka.Cluster.Sharding;
using Akka.Configuration;
using Akka.Hosting;
using Ledger.Actors.Leasing;
using Ledger.Actors.Storage;
using Ledger.Actors.Timing;
using Ledger.PostgreSql;
using Ledger.Sqlite;
using Ledger.Tests.Shared;

namespace Ledger.Actors.Tests;

/// <summary>R9: who speaks for an account, and who does not any more.</summary>
public sealed class LeaseTests : IClassFixture<PostgresCollection.Lifetime>, IDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan s_duration = TimeSpan.FromMilliseconds(400);
    private static readonly Asset s_money = Asset.Parse("USD/2");

    private readonly string directory = Directory.CreateTempSubdirectory("ledger-lease-").FullName;
    private readonly FakeLeases leases = new();

    public void Dispose() => Directory.Delete(directory, recursive: true);

    // ---------------------------------------------------------------- accounts

    [Fact]
    public async Task What_is_said_while_the_lease_has_lapsed_waits_until_it_is_renewed()
    {
        await using var host = await StartAsync(TimeSpan.FromSeconds(4));
        var (a, b) = await OpenTwoAsync(host.Ledger);
        var lease = LedgerExtension.Of(host.System).Lease;
        leases.Fails = true;
        await Until.TrueAsync(() => !lease.IsGood);
        lease.Failure.ShouldBe("The lease store is unavailable.");

        var posting = host.Ledger.PostTransferAsync(Transfer(1, a, b));
        var reading = host.Ledger.GetAccountAsync(a);
        await Task.WhenAny(posting, reading, Task.Delay(500));
        posting.IsCompleted.ShouldBeFalse();
        reading.IsCompleted.ShouldBeFalse();

        leases.Fails = false;
        (await posting).Status.ShouldBeOneOf(TransferStatus.Created, TransferStatus.Exists);
        (await reading).ShouldNotBeNull();
        lease.IsGood.ShouldBeTrue();
        lease.Failure.ShouldBeNull();
    }

    [Fact]
    public async Task Whoever_waits_for_what_can_not_be_said_learns_long_before_the_deadline_that_it_is_unknown()
    {
        await using var host = await StartAsync();
        var (a, b) = await OpenTwoAsync(host.Ledger);
        var lease = LedgerExtension.Of(host.System).Lease;
        leases.Fails = true;
        await Until.TrueAsync(() => !lease.IsGood);

        // The account has nothing to say to its caller yet: what it can't say is its question to the other account.
        var wait = Timeout.InfiniteTimeSpan;
        var posting = host.Ledger.PostTransferAsync(Transfer(1, a, b), wait);
        var reading = host.Ledger.GetAccountAsync(a, wait);
        foreach (var call in new Task[] { posting, reading })
        {
            (await Should.ThrowAsync<LedgerException>(call.WaitAsync(s_patience)))
                .Reason.ShouldBe(LedgerErrorReason.JournalUnavailable);
        }

        leases.Fails = false;
        (await host.Ledger.PostTransferAsync(Transfer(1, a, b), wait).WaitAsync(s_patience)).IsCommitted.ShouldBeTrue();
        (await host.Ledger.GetAccountAsync(b, wait).WaitAsync(s_patience))!.Balances.CreditsPosted
            .ShouldBe(Amount.Of(1));
    }

    [Fact]
    public async Task A_node_whose_lease_is_revoked_says_nothing_more_and_ends()
    {
        await using var host = await StartAsync();
        var (a, b) = await OpenTwoAsync(host.Ledger);
        leases.Fails = true;
        var lease = LedgerExtension.Of(host.System).Lease;
        await Until.TrueAsync(() => !lease.IsGood);
        Task[] calls =
        [
            .. Enumerable.Range(1, 20).Select(i => (Task)host.Ledger.PostTransferAsync(Transfer(i, a, b))),
            .. Enumerable.Range(1, 20).Select(_ => (Task)host.Ledger.GetAccountAsync(a)),
        ];
        leases.RevokeAll();
        leases.Fails = false;
        await host.System.WhenTerminated.WaitAsync(s_patience);
        foreach (var call in calls)
        {
            // Not one of them was told anything but that it is not known here.
            (await Should.ThrowAsync<LedgerException>(call.WaitAsync(s_patience))).OutcomeUnknown.ShouldBeTrue();
        }

        lease.IsLost.ShouldBeTrue();

        // What comes later is refused by another name than where a database has lost rows, which calls for an operator.
        var refused = await Should.ThrowAsync<LedgerException>(host.Ledger.GetAccountAsync(a));
        (refused.Reason, refused.OutcomeUnknown).ShouldBe((LedgerErrorReason.LeaseLost, false), refused.Message);
    }

    // ---------------------------------------------------------------- one process that must be alone

    [Fact]
    public async Task A_second_local_process_on_one_database_is_refused_while_the_first_lives()
    {
        using var storage = new PostgresTestStorage(clustered: false);
        var first = await LedgerHost.StartAsync(storage, Briefly);
        (await Should.ThrowAsync<InvalidOperationException>(() => LedgerHost.StartAsync(storage, Briefly)))
            .Message.ShouldContain("serves the accounts of this database");
        var (a, _) = await OpenTwoAsync(first.Ledger);
        await first.DisposeAsync();
        storage.Count("SELECT count(*) FROM ledger_lease").ShouldBe(0);
        await using var second = await LedgerHost.StartAsync(storage, Briefly);
        (await second.Ledger.GetAccountAsync(a)).ShouldNotBeNull();
    }

    [Fact]
    public async Task A_local_process_that_died_a_moment_ago_is_waited_for_and_no_longer()
    {
        using var storage = new PostgresTestStorage(clustered: false);
        await (await LedgerHost.StartAsync(storage, Briefly)).DisposeAsync();
        storage.Execute("""
            INSERT INTO ledger_lease (holder, address, uid, shards, duration_ms, renewed_at, is_leaving, is_revoked)
            VALUES ('00000000-0000-0000-0000-000000000001', 'dead', 0, 0, 400, clock_timestamp(), false, false)
            """);
        var clock = Stopwatch.StartNew();
        await using var next = await LedgerHost.StartAsync(storage, Briefly);
        clock.Elapsed.ShouldBeGreaterThan(s_duration);
        storage.Count("SELECT count(*) FROM ledger_lease WHERE address = 'dead' AND is_revoked").ShouldBe(1);
    }

    [Fact]
    public async Task A_clustered_process_does_not_start_beside_a_local_one()
    {
        using var alone = new PostgresTestStorage(clustered: false);
        using var clustered = new PostgresTestStorage(clustered: true);
        await using var first = await LedgerHost.StartAsync(alone, Briefly);
        (await Should.ThrowAsync<InvalidOperationException>(() => LedgerHost.StartAsync(clustered, options =>
        {
            Briefly(options);
            alone.Use(options);
        }))).Message.ShouldContain("Mode = Local must be the only one");
        var (a, _) = await OpenTwoAsync(first.Ledger);
        (await first.Ledger.GetAccountAsync(a)).ShouldNotBeNull();
    }

    [Fact]
    public async Task A_node_practises_before_it_is_given_accounts_and_writes_nothing()
    {
        const string rows = "SELECT (SELECT count(*) FROM journal) + (SELECT count(*) FROM snapshot)"
            + " + (SELECT count(*) FROM ledger_id WHERE persistence_id LIKE 'ledger-%')"
            + " + (SELECT count(*) FROM ledger_hold) + (SELECT count(*) FROM ledger_unfinished)";
        using var storage = new PostgresTestStorage(clustered: true);
        await using (var first = await LedgerHost.StartAsync(storage, Briefly))
        {
            LedgerExtension.Of(first.System).HasWarmedUp.ShouldBeTrue();
            storage.Count(rows).ShouldBe(0);

            // Nor does anything come later, now that there is a region to which it could be said.
            await Task.Delay(TimeSpan.FromMilliseconds(300));
            storage.Count(rows).ShouldBe(0);
            var (a, b) = await OpenTwoAsync(first.Ledger);
            (await first.Ledger.PostTransferAsync(Transfer(1, a, b))).IsCommitted.ShouldBeTrue();
        }

        var before = storage.Count(rows);
        await using (var second = await LedgerHost.StartAsync(storage, Briefly))
        {
            LedgerExtension.Of(second.System).HasWarmedUp.ShouldBeTrue();
            storage.Count(rows).ShouldBe(before);
        }

        // What it finds wrong is for the account to say, when it is asked for.
        storage.Count(
            "WITH spoilt AS (UPDATE journal SET message = '\\x00' WHERE persistence_id = 'ledger-account-a' AND "
            + "sequence_number = 1 RETURNING 1) SELECT count(*) FROM spoilt").ShouldBe(1);
        await using var third = await LedgerHost.StartAsync(storage, Briefly);
        LedgerExtension.Of(third.System).HasWarmedUp.ShouldBeFalse();
        (await third.Ledger.GetAccountAsync(AccountAddress.Parse("b")))!.Balances.CreditsPosted.ShouldBe(Amount.Of(1));
    }

    [Fact]
    public async Task A_node_that_leaves_gives_its_lease_back_before_it_is_no_member_any_more()
    {
        const string count = "SELECT count(*) FROM ledger_lease";
        using var storage = new PostgresTestStorage(clustered: true);
        await using var host = await LedgerHost.StartAsync(
            storage, static options => options.LeaseTime = TimeSpan.FromSeconds(10));
        var (a, _) = await OpenTwoAsync(host.Ledger);
        (await host.Ledger.GetAccountAsync(a)).ShouldNotBeNull();
        storage.Count(count).ShouldBe(1);

        // In this order: the accounts end, the lease is given back, the member leaves.
        var counts = new ConcurrentDictionary<string, long>();
        var shutdown = CoordinatedShutdown.Get(host.System);
        Count(CoordinatedShutdown.PhaseBeforeClusterShutdown);
        Count(CoordinatedShutdown.PhaseClusterExiting);
        await shutdown.Run(CoordinatedShutdown.ClrExitReason.Instance).WaitAsync(s_patience);
        counts[CoordinatedShutdown.PhaseBeforeClusterShutdown].ShouldBe(1);
        counts[CoordinatedShutdown.PhaseClusterExiting].ShouldBe(0);

        void Count(string phase) => shutdown.AddTask(phase, "count-leases", () =>
        {
            counts[phase] = storage.Count(count);
            return Task.FromResult(Done.Instance);
        });
    }

    [Fact]
    public async Task A_node_that_divides_the_accounts_otherwise_is_refused_while_others_live()
    {
        using var storage = new PostgresTestStorage(clustered: true);
        var first = await LedgerHost.StartAsync(storage, Briefly);
        var (a, _) = await OpenTwoAsync(first.Ledger);
        (await Should.ThrowAsync<InvalidOperationException>(() => LedgerHost.StartAsync(storage, Otherwise)))
            .Message.ShouldContain("ShardCount is one for a cluster");
        (await first.Ledger.GetAccountAsync(a)).ShouldNotBeNull();
        await first.DisposeAsync();
        await using var second = await LedgerHost.StartAsync(storage, Otherwise);
        (await second.Ledger.GetAccountAsync(a)).ShouldNotBeNull();

        static void Otherwise(LedgerOptions options)
        {
            Briefly(options);
            options.ShardCount++;
        }
    }

    // ---------------------------------------------------------------- the table

    [Fact]
    public void A_revoked_lease_is_never_renewed_again()
    {
        var storage = new PostgreSqlStorage(PostgresServer.Shared.CreateDatabase());
        storage.Prepare();
        using var store = new WatchedLeases(storage.OpenLeases(), new LedgerClock(TimeProvider.System));
        var mine = new LeaseHolder(Guid.NewGuid(), "akka.tcp://ledger@a:1", 4711, Shards: 10);
        var other = mine with { Id = Guid.NewGuid(), Address = "akka.tcp://ledger@b:1" };
        store.Enter(mine, TimeSpan.FromSeconds(2));
        store.Enter(other, TimeSpan.FromSeconds(2));
        Renew(mine, 0).ShouldBe(LeaseOutcome.Renewed);
        store.Revoke([mine.Id]);
        Renew(mine, 1).ShouldBe(LeaseOutcome.Revoked);
        store.Enter(mine, TimeSpan.FromSeconds(2));
        Renew(mine, 1).ShouldBe(LeaseOutcome.Revoked);
        store.Leave(other.Id);
        var rows = store.List().OrderBy(static row => row.Holder.Address, StringComparer.Ordinal).ToArray();
        rows.Select(static row => row.Holder).ShouldBe([mine, other]);
        rows.Select(static row => (row.IsLeaving, row.IsRevoked)).ShouldBe([(false, true), (true, false)]);
        rows[1].Left.ShouldBeInRange(TimeSpan.FromMilliseconds(1), TimeSpan.FromSeconds(2) + NodeLease.Margin);
        Renew(other, 0).ShouldBe(LeaseOutcome.Renewed);
        store.Release(other.Id);
        Renew(other, 1).ShouldBe(LeaseOutcome.Missing);

        LeaseOutcome Renew(LeaseHolder holder, long renewals) =>
            store.Renew(holder.Id, renewals, renewals + 1, [], default).Outcome;
    }

    private static ILeaseStore LeasesIn(PostgresTestStorage database)
    {
        var options = new LedgerOptions();
        database.Use(options);
        options.Storage!.Prepare();
        return options.Storage.OpenLeases()!;
    }

    [Fact]
    public void A_lease_that_is_not_as_it_was_left_is_not_renewed()
    {
        using var database = new PostgresTestStorage(clustered: false);
        using var store = LeasesIn(database);
        var mine = new LeaseHolder(Guid.NewGuid(), "akka.tcp://ledger@a:1", 4711, Shards: 10);
        store.Enter(mine, TimeSpan.FromSeconds(2));
        Renew(confirmed: 0, number: 1).Outcome.ShouldBe(LeaseOutcome.Renewed);
        Renew(confirmed: 1, number: 2).Outcome.ShouldBe(LeaseOutcome.Renewed);

        // The answer to the second was lost, and the third arrives behind the fourth.
        Renew(confirmed: 1, number: 4).Outcome.ShouldBe(LeaseOutcome.Renewed);
        Should.Throw<InvalidOperationException>(() => Renew(confirmed: 1, number: 3));
        Renew(confirmed: 4, number: 5).Outcome.ShouldBe(LeaseOutcome.Renewed);

        database.Execute("UPDATE ledger_lease SET renewals = 3");
        var older = Renew(confirmed: 5, number: 6);
        older.Outcome.ShouldBe(LeaseOutcome.Altered);
        older.Found.ShouldBe(3);
        database.Execute("DELETE FROM ledger_lease");
        Renew(confirmed: 5, number: 7).Outcome.ShouldBe(LeaseOutcome.Missing);

        LeaseRenewal Renew(long confirmed, long number) => store.Renew(mine.Id, confirmed, number, [], default);
    }

    [Fact]
    public void A_lease_is_not_renewed_where_an_acknowledged_row_is_missing_or_a_loss_is_on_record()
    {
        using var database = new PostgresTestStorage(clustered: false);
        var options = new LedgerOptions();
        database.Use(options);
        options.Storage!.Prepare();
        using var store = options.Storage.OpenLeases()!;
        var mine = new LeaseHolder(Guid.NewGuid(), "akka.tcp://ledger@a:1", 4711, Shards: 10);
        store.Enter(mine, TimeSpan.FromSeconds(2));
        database.Append(AccountAddress.Parse("a"), 1, [1]);
        AcknowledgedRow stored = new("ledger-account-a", 1, "test");
        store.Renew(mine.Id, 0, 1, [stored], default).Outcome.ShouldBe(LeaseOutcome.Renewed);
        foreach (var lost in new[] { stored with { SequenceNr = 2 }, stored with { WriterUuid = "another" } })
        {
            var renewal = store.Renew(mine.Id, 1, 2, [stored, lost], default);
            renewal.Outcome.ShouldBe(LeaseOutcome.NotTried);
            renewal.Database.Missing.ShouldBe($"{lost.SequenceNr} of ledger-account-a");
        }

        store.RecordLoss(1, "a", "first");
        store.RecordLoss(1, "b", "second");
        var silent = store.Renew(mine.Id, 1, 2, [stored], default);
        silent.Outcome.ShouldBe(LeaseOutcome.NotTried);
        silent.Database.Loss.ShouldBe("first");
        options.Storage.BeginEpoch("somebody", "a test").Epoch.Number.ShouldBe(2);
        var again = store.Renew(mine.Id, 1, 2, [stored], default);
        again.Outcome.ShouldBe(LeaseOutcome.Renewed);
        again.Database.Epoch.ShouldBe(2);
    }

    [Fact]
    public async Task Whoever_revokes_a_lease_ends_the_sessions_that_wait_for_their_holder_within_a_statement()
    {
        using var database = new PostgresTestStorage(clustered: false);
        using var store = LeasesIn(database);
        var frozen = new LeaseHolder(Guid.NewGuid(), "akka.tcp://ledger@a:1", 4711, Shards: 10);
        store.Enter(frozen, TimeSpan.FromSeconds(2));

        // A process that was stopped within a COPY, of which the server has some rows.
        await using var client = new Npgsql.NpgsqlConnection(
            PostgreSqlConnections.ForWriter(database.ConnectionString, frozen.Id));
        await client.OpenAsync();
        await using var importer = await client.BeginBinaryImportAsync(
            "COPY journal (created, deleted, persistence_id, sequence_number, message) FROM STDIN (FORMAT BINARY)");
        for (var i = 1; i <= 2_000; i++)
        {
            // The server stores a thousand at a time.
            await importer.StartRowAsync();
            await importer.WriteAsync(1L);
            await importer.WriteAsync(false);
            await importer.WriteAsync($"ledger-account-{i}");
            await importer.WriteAsync(1L);
            await importer.WriteAsync(new byte[1_000]);
        }

        // It has the key of the first, and nothing of the server's own takes that away.
        await Until.TrueAsync(() => IsLocked());
        store.Revoke([frozen.Id]);
        await Until.TrueAsync(() => !IsLocked());
        database.Append(AccountAddress.Parse("1"), 1, [1]);
        await Should.ThrowAsync<Npgsql.NpgsqlException>(async () => await importer.CompleteAsync());

        bool IsLocked()
        {
            using var other = database.Open();
            using var transaction = other.BeginTransaction();
            using var command = other.CreateCommand();
            command.Transaction = transaction;
            command.CommandText = """
                SET LOCAL lock_timeout = 100;
                INSERT INTO journal (created, deleted, persistence_id, sequence_number, message)
                VALUES (1, false, 'ledger-account-1', 1, '')
                """;
            try
            {
                command.ExecuteNonQuery();
                return false;
            }
            catch (Npgsql.PostgresException e) when (e.SqlState == Npgsql.PostgresErrorCodes.LockNotAvailable)
            {
                return true;
            }
        }
    }

    [Fact]
    public async Task A_lease_is_not_good_on_a_machine_that_has_stood_still_with_its_monotonic_clock()
    {
        var wall = new SettableClock();
        using var lease = new NodeLease(
            leases, new LeaseHolder(Guid.NewGuid(), "akka.tcp://ledger@a:1", 1, Shards: 10), TimeSpan.FromMinutes(1),
            Akka.Event.NoLogger.Instance, static _ => { }, new DatabaseWatch(), wall);
        await lease.EnterAndWaitAsync(s_patience);
        leases.Fails = true;
        wall.Now += TimeSpan.FromSeconds(59);
        lease.IsGood.ShouldBeTrue();
        wall.Now += TimeSpan.FromSeconds(2);
        lease.IsGood.ShouldBeFalse();
    }

    /// <summary>Else the next process would serve what the database has left.</summary>
    [Fact]
    public async Task A_process_that_is_stopped_as_it_falls_silent_puts_the_loss_on_record_first()
    {
        var watch = new DatabaseWatch();
        using var lease = new NodeLease(
            leases, new LeaseHolder(Guid.NewGuid(), "akka.tcp://ledger@a:1", 1, Shards: 10), TimeSpan.FromMinutes(1),
            Akka.Event.NoLogger.Instance, static _ => { }, watch);
        await lease.EnterAndWaitAsync(s_patience);

        // Who renews it sleeps for a quarter of a minute; and the database is not back yet.
        leases.Fails = true;
        watch.ReportLoss("Row 7 is gone.", 1);
        leases.Losses.ShouldBeEmpty();
        var releasing = Task.Run(lease.Release);
        await Task.Delay(300);
        leases.Fails = false;
        await releasing.WaitAsync(s_patience);
        leases.Losses.ShouldBe(["Row 7 is gone."]);
    }

    [Fact]
    public async Task After_a_failover_accounts_start_again_from_the_journal_when_all_have_looked_at_it()
    {
        await using var host = await StartAsync();
        var (a, b) = await OpenTwoAsync(host.Ledger);
        (await host.Ledger.PostTransferAsync(Transfer(1, a, b))).IsCommitted.ShouldBeTrue();
        var watch = DatabaseWatch.Of(host.System);
        watch.Generation.ShouldBe(0);
        var before = await host.System.ActorSelection("/user/ledger-accounts/*").ResolveOne(s_patience);
        var lease = LedgerExtension.Of(host.System).Lease;

        leases.AreOthersBehind = true;
        leases.Database = leases.Database with { Server = "1/00000002", Instance = "second" };
        await Until.TrueAsync(() => watch.Generation == 1);
        await before.WatchAsync().WaitAsync(s_patience);
        lease.IsGood.ShouldBeFalse("The others may know of rows that are lost.");
        await Until.TrueAsync(() => IsCommittedAsync(Transfer(2, a, b)));
        (await host.Ledger.GetAccountAsync(a))!.Balances.DebitsPosted.ShouldBe(Amount.Of(2));
        lease.IsGood.ShouldBeTrue("The others' leases are over.");
        leases.Losses.ShouldBeEmpty();

        async Task<bool> IsCommittedAsync(Transfer transfer)
        {
            try
            {
                return (await host.Ledger.PostTransferAsync(transfer)).IsCommitted;
            }
            catch (LedgerException e) when (e.OutcomeUnknown)
            {
                return false;
            }
        }
    }

    [Fact]
    public async Task After_a_restart_of_the_server_nothing_is_said_before_all_have_looked_at_it_and_no_account_stops()
    {
        var duration = TimeSpan.FromSeconds(20);
        await using var host = await StartAsync(duration);
        var (a, _) = await OpenTwoAsync(host.Ledger);
        var lease = LedgerExtension.Of(host.System).Lease;
        leases.AreOthersBehind = true;
        leases.Database = leases.Database with { Instance = "second" };
        await Until.TrueAsync(() => !lease.IsGood);
        lease.Age.ShouldNotBeNull().ShouldBeLessThan(duration / 2, "It has not run out: it counts for nothing.");
        leases.AreOthersBehind = false;
        await Until.TrueAsync(() => lease.IsGood);
        (await host.Ledger.GetAccountAsync(a)).ShouldNotBeNull();
        DatabaseWatch.Of(host.System).Generation.ShouldBe(0);
    }

    [Theory]
    [InlineData("another ledger")]
    [InlineData("an older epoch")]
    [InlineData("on record")]
    [InlineData("missing")]
    public async Task At_evidence_of_a_loss_a_node_is_silent_until_a_new_epoch_and_then_begins_anew(string evidence)
    {
        leases.Database = leases.Database with { Epoch = 3 };
        await using var host = await StartAsync();
        var (a, b) = await OpenTwoAsync(host.Ledger);
        leases.Database = evidence switch
        {
            "another ledger" => leases.Database with { Ledger = Guid.NewGuid() },
            "an older epoch" => leases.Database with { Epoch = 2 },
            "on record" => leases.Database with { Loss = "Somebody has seen it." },
            _ => leases.Database with { Missing = "7 of ledger-account-a" },
        };
        var ledger = LedgerExtension.Of(host.System);
        await Until.TrueAsync(() => ledger.Lease.Halted is not null);
        foreach (var call in (Func<Task>[])[
            () => host.Ledger.PostTransferAsync(Transfer(1, a, b)), () => host.Ledger.GetAccountAsync(a)])
        {
            (await Should.ThrowAsync<LedgerException>(call())).Reason.ShouldBe(LedgerErrorReason.LedgerHalted);
        }

        await Until.TrueAsync(() => leases.Losses.Count == 1);
        var health = await new LeaseHealthCheck(host.System).CheckHealthAsync(Registration());
        health.Status.ShouldBe(Microsoft.Extensions.Diagnostics.HealthChecks.HealthStatus.Unhealthy);
        health.Description.ShouldNotBeNull().ShouldContain("epoch begin");
        health.Description.ShouldContain(leases.Losses.Single());

        // It is well again, and stays silent: only a person says that the ledger goes on.
        leases.Database = leases.Database with { Missing = null, Loss = null, Epoch = 3 };
        (await Should.ThrowAsync<LedgerException>(host.Ledger.GetAccountAsync(a))).Reason
            .ShouldBe(LedgerErrorReason.LedgerHalted);
        host.System.WhenTerminated.IsCompleted.ShouldBeFalse();
        leases.Database = leases.Database with { Epoch = 4 };
        await host.System.WhenTerminated.WaitAsync(s_patience);
        ledger.IsForNewEpoch.ShouldBeTrue();

        static Microsoft.Extensions.Diagnostics.HealthChecks.HealthCheckContext Registration() => new()
        {
            Registration = new Microsoft.Extensions.Diagnostics.HealthChecks.HealthCheckRegistration(
                "lease", _ => throw new NotSupportedException(), null, null),
        };
    }

    [Fact]
    public void A_renewal_brings_the_databases_clock_and_the_time_of_the_holder_that_is_furthest_ahead()
    {
        var storage = new PostgreSqlStorage(PostgresServer.Shared.CreateDatabase());
        storage.Prepare();
        using var store = storage.OpenLeases();
        LeaseHolder[] holders = [.. Enumerable.Range(1, 3).Select(
            static i => new LeaseHolder(Guid.NewGuid(), $"akka.tcp://ledger@{i}:1", i, Shards: 10))];
        foreach (var holder in holders)
        {
            store.Enter(holder, TimeSpan.FromSeconds(2));
        }

        var now = store.ReadTimes().Database;
        Renew(0, 1, now).Lead.ShouldBeNull();
        Renew(1, 1, now.Add(TimeSpan.FromHours(1))).RenewedAt.ShouldBeGreaterThan(now);
        var lead = Renew(2, 1, now).Lead.ShouldNotBeNull();
        lead.ShouldBeInRange(TimeSpan.FromMinutes(59), TimeSpan.FromHours(1));

        var times = store.ReadTimes();
        times.Holders.Count.ShouldBe(3);
        times.Holders.Single(one => one.Holder == holders[1].Id).Lead.ShouldBe(lead);
        store.Revoke([holders[1].Id]);
        Renew(2, 2, now).Lead.ShouldNotBeNull().ShouldBeLessThan(TimeSpan.FromMinutes(1));

        LeaseRenewal Renew(int holder, long number, LedgerTime time)
        {
            var renewal = store!.Renew(holders[holder].Id, number - 1, number, [], time);
            renewal.Outcome.ShouldBe(LeaseOutcome.Renewed);
            return renewal;
        }
    }

    [Fact]
    public async Task A_ledger_on_postgresql_goes_on_with_the_newest_time_that_it_knows()
    {
        // The database was set back by 40 s since: what it says now is behind the newest row.
        using var storage = new PostgresTestStorage(clustered: false);
        await using (var first = await LedgerHost.StartAsync(storage, Briefly))
        {
            await OpenTwoAsync(first.Ledger);
        }

        storage.Execute("UPDATE journal SET created = created + 400000000");
        await using var second = await LedgerHost.StartAsync(storage, Briefly);
        var clock = LedgerExtension.Of(second.System).Clock;
        clock.Now.ShouldBeGreaterThan(LedgerTime.From(TimeProvider.System.GetUtcNow()).Add(TimeSpan.FromSeconds(20)));
        clock.Problem.ShouldNotBeNull();
    }

    [Fact]
    public async Task A_shard_is_had_by_one_life_of_a_process_at_a_time()
    {
        var storage = new PostgreSqlStorage(PostgresServer.Shared.CreateDatabase());
        storage.Prepare();
        using var store = new WatchedLeases(storage.OpenLeases(), new LedgerClock(TimeProvider.System));
        var mine = new LeaseHolder(Guid.NewGuid(), "akka.tcp://ledger@a:1", 4711, Shards: 10);
        var other = mine with { Id = Guid.NewGuid(), Address = "akka.tcp://ledger@b:1" };
        (await Claim(mine, 1)).ShouldBeFalse("It has no lease.");
        store.Enter(mine, s_duration);
        store.Enter(other, s_duration);
        (await Claim(mine, 1)).ShouldBeTrue();
        (await Claim(mine, 1)).ShouldBeTrue();
        (await Claim(other, 1)).ShouldBeFalse();
        store.List().Single(row => row.Holder.Id == mine.Id).Claims.ShouldBe(["7"]);
        store.List().Single(row => row.Holder.Id == other.Id).Claims.ShouldBeEmpty();

        // What is late of an earlier claim, or of its return, does nothing to a later one.
        (await Claim(mine, 3)).ShouldBeTrue();
        await GiveBack(mine, 2);
        await GiveBack(other, 9);
        (await Claim(mine, 1)).ShouldBeFalse();
        (await Claim(other, 1)).ShouldBeFalse();
        await GiveBack(mine, 3);
        (await Claim(other, 1)).ShouldBeTrue();

        // A lease that is over, as of a process that is paused, may be renewed; one that is revoked too can't.
        var clock = Stopwatch.StartNew();
        while (clock.Elapsed < s_duration + NodeLease.Margin + TimeSpan.FromMilliseconds(50))
        {
            (await Claim(mine, 4)).ShouldBeFalse();
        }

        store.Renew(other.Id, 0, 1, [], default).Outcome.ShouldBe(LeaseOutcome.Renewed);
        store.Revoke([other.Id]);
        (await Claim(mine, 5)).ShouldBeFalse("It is revoked, and may be good for a while.");
        (await Claim(other, 2)).ShouldBeFalse();
        clock.Restart();
        while (!await Claim(mine, 6))
        {
            clock.Elapsed.ShouldBeLessThan(s_patience);
        }

        clock.Elapsed.ShouldBeGreaterThan(s_duration - TimeSpan.FromMilliseconds(50));

        // A lease that was given back has no claims.
        store.Release(mine.Id);
        var third = mine with { Id = Guid.NewGuid() };
        store.Enter(third, s_duration);
        (await Claim(third, 1)).ShouldBeTrue();

        Task<bool> Claim(LeaseHolder who, long number) =>
            store.ClaimAsync(who.Id, "7", number, []);

        Task GiveBack(LeaseHolder who, long number) => store.GiveBackAsync(
            who.Id, new Dictionary<string, long> { ["7"] = number, ["8"] = number });
    }

    [Fact]
    public async Task Of_many_that_claim_the_shard_of_a_dead_one_a_single_one_has_it()
    {
        var storage = new PostgreSqlStorage(PostgresServer.Shared.CreateDatabase());
        storage.Prepare();
        using var store = new WatchedLeases(storage.OpenLeases(), new LedgerClock(TimeProvider.System));
        for (var round = 0; round < 50; round++)
        {
            var shard = round.ToString(CultureInfo.InvariantCulture);
            var dead = new LeaseHolder(Guid.NewGuid(), $"dead-{shard}", 1, Shards: 10);
            store.Enter(dead, TimeSpan.Zero - NodeLease.Margin);
            (await store.ClaimAsync(dead.Id, shard, 1, [])).ShouldBeTrue();
            store.Revoke([dead.Id]);

            // Each with a lease that is as new as its claim. Whether the dead one's time is over is looked at now and
            // then, so who claims asks again.
            Guid[] results = [];
            await Until.TrueAsync(async () =>
            {
                results = await Task.WhenAll(Enumerable.Range(0, 8).Select(number => Task.Run(async () =>
                {
                    var holder = new LeaseHolder(Guid.NewGuid(), $"{shard}-{number}", 1, Shards: 10);
                    store.Enter(holder, TimeSpan.FromMinutes(1));
                    return await store.ClaimAsync(holder.Id, shard, 1, []) ? holder.Id : default;
                })));
                return results.Any(static id => id != default);
            });
            var owner = results.Single(static id => id != default);
            store.List().Single(row => row.Claims.Contains(shard)).Holder.Id.ShouldBe(owner);
        }
    }

    [Fact]
    public async Task Claims_are_given_back_when_the_database_is_there_again()
    {
        using var lease = new NodeLease(
            leases, new LeaseHolder(Guid.NewGuid(), "akka.tcp://ledger@a:1", 1, Shards: 10), TimeSpan.FromMinutes(1),
            Akka.Event.NoLogger.Instance, static _ => { }, new DatabaseWatch());
        await lease.EnterAndWaitAsync(s_patience);
        var returns = new ShardClaimReleaser(leases, lease, Akka.Event.NoLogger.Instance);
        (await leases.ClaimAsync(lease.Holder.Id, "1", 1, [])).ShouldBeTrue();
        (await leases.ClaimAsync(lease.Holder.Id, "2", 1, [])).ShouldBeTrue();
        leases.Fails = true;
        returns.Add("1", 1);
        returns.Add("2", 1);
        await Task.Delay(100);
        leases.Fails = false;
        var started = Stopwatch.StartNew();
        while (leases.List().Single().Claims.Count > 0)
        {
            started.Elapsed.ShouldBeLessThan(s_patience);
            await Task.Delay(10);
        }
    }

    // ---------------------------------------------------------------- homes for shards

    [Fact]
    public async Task A_shard_gets_a_home_only_when_nobody_else_can_speak_for_it()
    {
        using var system = ActorSystem.Create("ledger", ConfigurationFactory.ParseString("""
            akka.actor.provider = cluster
            akka.remote.dot-netty.tcp { hostname = 127.0.0.1, port = 0 }
            akka.loglevel = ERROR
            """).WithFallback(ClusterSharding.DefaultConfig()));
        var cluster = Cluster.Get(system);
        await cluster.JoinAsync(cluster.SelfAddress).WaitAsync(s_patience);
        var self = cluster.SelfUniqueAddress;
        var region = system.ActorOf(Props.Empty, "region");
        var homes = ImmutableDictionary<IActorRef, IImmutableList<string>>.Empty.Add(
            region, ImmutableList<string>.Empty);
        var allocation = new LeaseAllocation(leases, new First());
        allocation.Start(system);

        var here = new LeaseHolder(Guid.NewGuid(), self.Address.ToString(), self.Uid, Shards: 10);
        var earlier = here with { Id = Guid.NewGuid(), Uid = here.Uid + 1 };
        var gone = new LeaseHolder(Guid.NewGuid(), "akka.tcp://ledger@127.0.0.1:1", 1, Shards: 10);
        var longDead = gone with { Id = Guid.NewGuid() };
        leases.Enter(longDead, TimeSpan.Zero - NodeLease.Margin);
        leases.Enter(here, TimeSpan.FromMinutes(1));
        leases.Enter(earlier, s_duration);
        leases.Enter(gone, s_duration);
        var clock = Stopwatch.StartNew();
        (await allocation.AllocateShard(region, "1", homes).WaitAsync(s_patience)).ShouldBe(region);
        clock.Elapsed.ShouldBeGreaterThanOrEqualTo(s_duration);
        leases.Renew(here.Id).ShouldBeTrue();
        foreach (var revoked in new[] { earlier, gone, longDead })
        {
            leases.Renew(revoked.Id).ShouldBeFalse();
        }

        // A node that says that it leaves hands its shards over; one whose region is gone without a word is given up.
        var other = ImmutableDictionary<IActorRef, IImmutableList<string>>.Empty.Add(
            new Elsewhere(), ImmutableList<string>.Empty);
        leases.Leave(here.Id);
        await allocation.AllocateShard(region, "2", other).WaitAsync(s_patience);
        leases.Renew(here.Id).ShouldBeTrue();
        leases.Release(here.Id);
        leases.Enter(here, s_duration);
        await allocation.AllocateShard(region, "3", other).WaitAsync(s_patience);
        leases.Renew(here.Id).ShouldBeFalse();

        // A shard that a region has, without the coordinator's knowing, is left there; one that it has handed over is
        // not.
        leases.Release(here.Id);
        leases.Enter(here, TimeSpan.FromMinutes(1));
        var knowing = other.Add(region, ImmutableList<string>.Empty);
        (await leases.ClaimAsync(here.Id, "5", 1, [])).ShouldBeTrue();
        (await leases.ClaimAsync(here.Id, "6", 1, [])).ShouldBeTrue();
        var elsewhere = new LeaseAllocation(leases, new Never(region));
        elsewhere.Start(system);
        (await elsewhere.AllocateShard(region, "5", knowing).WaitAsync(s_patience)).ShouldBe(region);
        var six = elsewhere.AllocateShard(region, "6", knowing);
        await GiveBackSixAsync(1);
        (await six.WaitAsync(s_patience)).ShouldNotBe(region);

        // What one region has and another one was given is taken from this, unless it has moved at the second look.
        var wrong = knowing.SetItem(knowing.Keys.Single(key => !key.Equals(region)), ["5", "6"]);
        (await leases.ClaimAsync(here.Id, "6", 2, [])).ShouldBeTrue();
        (await elsewhere.Rebalance(wrong, ImmutableHashSet<string>.Empty)).ShouldBeEmpty();
        await GiveBackSixAsync(2);
        (await elsewhere.Rebalance(wrong, ImmutableHashSet<string>.Empty)).ShouldBe(["5"]);
        (await elsewhere.Rebalance(wrong, ImmutableHashSet.Create("5"))).ShouldBeEmpty();

        // Nobody can be asked: no home.
        leases.Fails = true;
        await Should.ThrowAsync<InvalidOperationException>(
            allocation.AllocateShard(region, "4", homes).WaitAsync(s_patience));
        await system.Terminate().WaitAsync(s_patience);

        Task GiveBackSixAsync(long number) =>
            leases.GiveBackAsync(here.Id, new Dictionary<string, long> { ["6"] = number });
    }

    // ---------------------------------------------------------------- what the tests need

    private static void Briefly(LedgerOptions options) => options.LeaseTime = s_duration;

    private static Transfer Transfer(int id, AccountAddress debit, AccountAddress credit) =>
        new(new TransferId((UInt128)id), debit, credit, Amount.Of(1), 1) { Asset = s_money };

    private static async Task<(AccountAddress A, AccountAddress B)> OpenTwoAsync(ILedger ledger)
    {
        var a = AccountAddress.Parse("a");
        var b = AccountAddress.Parse("b");
        await ledger.OpenAccountsAsync([new AccountSpec(a, s_money, 1), new AccountSpec(b, s_money, 1)]);
        return (a, b);
    }

    private async Task<LedgerHost> StartAsync(TimeSpan? lease = null)
    {
        using var unused = new SqliteTestStorage();
        return await LedgerHost.StartAsync(unused, options =>
        {
            options.LeaseTime = lease ?? s_duration;
            options.Storage = new LeasedStorage(
                new SqliteStorage(Path.Combine(directory, "ledger.db")), leases, Path.Combine(directory, "ledger"));
        });
    }

    private sealed class First : IShardAllocationStrategy
    {
        public Task<IActorRef> AllocateShard(
            IActorRef requester, string shardId,
            IImmutableDictionary<IActorRef, IImmutableList<string>> currentShardAllocations) =>
            Task.FromResult(currentShardAllocations.Keys.First());

        public Task<IImmutableSet<string>> Rebalance(
            IImmutableDictionary<IActorRef, IImmutableList<string>> currentShardAllocations,
            IImmutableSet<string> rebalanceInProgress) => throw new NotSupportedException();
    }

    // Gives a shard to any other region than one, and moves none.
    private sealed class Never(IActorRef region) : IShardAllocationStrategy
    {
        public Task<IActorRef> AllocateShard(
            IActorRef requester, string shardId,
            IImmutableDictionary<IActorRef, IImmutableList<string>> currentShardAllocations) =>
            Task.FromResult(currentShardAllocations.Keys.First(key => !key.Equals(region)));

        public Task<IImmutableSet<string>> Rebalance(
            IImmutableDictionary<IActorRef, IImmutableList<string>> currentShardAllocations,
            IImmutableSet<string> rebalanceInProgress) =>
            Task.FromResult<IImmutableSet<string>>(ImmutableHashSet<string>.Empty);
    }

    private sealed class SettableClock : TimeProvider
    {
        public DateTimeOffset Now { get; set; } = DateTimeOffset.UtcNow;

        public override DateTimeOffset GetUtcNow() => Now;
    }

    // A region on another node.
    private sealed class Elsewhere : MinimalActorRef
    {
        public override ActorPath Path { get; } =
            ActorPath.Parse("akka.tcp://ledger@127.0.0.1:2/system/sharding/account");

        public override IActorRefProvider Provider => throw new NotSupportedException();
    }

    private sealed class LeasedStorage(LedgerStorage inner, ILeaseStore leases, string path) : LedgerStorage
    {
        public override string Description => inner.Description;

        public override bool SupportsCluster => true;

        public override void Prepare() => inner.Prepare();

        // The leases say which database it is; the file would say otherwise.
        public override void Configure(AkkaConfigurationBuilder builder) => StorageHocon.Add(
            builder,
            "SQLite.MS",
            typeof(UnwatchedJournal),
            SqliteConnections.ConnectionString(path + ".db"),
            typeof(SqliteSnapshotStore),
            SqliteConnections.ConnectionString(path + ".snapshots.db"),
            writers: 1);

        public override IAccountStreams OpenStreams() => inner.OpenStreams();

        internal override LedgerIdentity ReadIdentity() => inner.ReadIdentity();

        internal override IHoldIndexStore OpenHoldIndex() => inner.OpenHoldIndex();

        internal override IJournalRows OpenJournalRows() => inner.OpenJournalRows();

        internal override Index.IIndexStore OpenIndex() => inner.OpenIndex();

        internal override ILeaseStore OpenLeases() => leases;
    }

    private sealed class FakeLeases : ILeaseStore
    {
        private readonly ConcurrentDictionary<Guid, Row> rows = [];

        private readonly ConcurrentDictionary<string, (Guid Holder, long Number)> claims = [];

        private sealed record Row(
            LeaseHolder Holder, TimeSpan Duration, long RenewedAt, bool IsLeaving, bool IsRevoked);

        public bool Fails { get; set; }

        public DatabaseState Database { get; set; } = new("1/00000001", "first", Guid.NewGuid(), 1);

        public bool AreOthersBehind { get; set; }

        public ConcurrentBag<string> Losses { get; } = [];

        public void Enter(LeaseHolder holder, TimeSpan duration)
        {
            Check();
            rows[holder.Id] = new Row(holder, duration, Stopwatch.GetTimestamp(), false, false);
        }

        public DatabaseState Look(IReadOnlyList<AcknowledgedRow> acknowledged)
        {
            Check();
            return Database;
        }

        public LeaseRenewal Renew(
            Guid id, long confirmed, long number, IReadOnlyList<AcknowledgedRow> acknowledged, LedgerTime time)
        {
            Check();
            return rows.TryGetValue(id, out var row) && !row.IsRevoked
                && rows.TryUpdate(id, row with { RenewedAt = Stopwatch.GetTimestamp() }, row)
                    ? new LeaseRenewal(LeaseOutcome.Renewed, Database)
                    {
                        RenewedAt = LedgerTime.From(TimeProvider.System.GetUtcNow()), AreOthersBehind = AreOthersBehind,
                    }
                    : new LeaseRenewal(LeaseOutcome.Revoked, Database);
        }

        public bool Renew(Guid id) => Renew(id, 0, 1, [], default).Outcome == LeaseOutcome.Renewed;

        public void RecordLoss(long epoch, string noticedBy, string evidence)
        {
            Check();
            Losses.Add(evidence);
        }

        public LeaseTimes ReadTimes() => new(LedgerTime.From(TimeProvider.System.GetUtcNow()), []);

        public void Leave(Guid id) => rows[id] = rows[id] with { IsLeaving = true };

        public void Release(Guid id) => rows.TryRemove(id, out _);

        public void Revoke(IReadOnlyCollection<Guid> ids)
        {
            foreach (var id in ids)
            {
                rows[id] = rows[id] with { IsRevoked = true };
            }
        }

        public void RevokeAll() => Revoke([.. rows.Keys]);

        public IReadOnlyList<LeaseRow> List()
        {
            Check();
            return
            [
                .. rows.Values.Select(row => new LeaseRow(
                    row.Holder, row.IsLeaving, row.IsRevoked,
                    row.Duration + NodeLease.Margin - Stopwatch.GetElapsedTime(row.RenewedAt),
                    [.. claims.Where(claim => claim.Value.Holder == row.Holder.Id).Select(static claim => claim.Key)])),
            ];
        }

        public Task<bool> ClaimAsync(Guid id, string shard, long number, IReadOnlyCollection<Guid> ended)
        {
            Check();
            return Task.FromResult(claims.AddOrUpdate(
                shard, (id, number), (_, old) => rows.ContainsKey(old.Holder) ? old : (id, number)).Holder == id);
        }

        public Task GiveBackAsync(Guid id, IReadOnlyDictionary<string, long> returned)
        {
            Check();
            foreach (var (shard, number) in returned)
            {
                claims.TryRemove(KeyValuePair.Create(shard, (id, number)));
            }

            return Task.CompletedTask;
        }

        public void Dispose()
        {
        }

        private void Check()
        {
            if (Fails)
            {
                throw new IOException("The lease store is unavailable.");
            }
        }
    }
}
