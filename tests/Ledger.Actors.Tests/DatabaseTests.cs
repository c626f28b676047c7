using Akka.Actor;
using Ledger.Actors.Accounts;
using Ledger.Actors.Storage;
using Ledger.Core;
using Ledger.Tests.Shared;

namespace Ledger.Actors.Tests;

/// <summary>R19: a row follows its predecessor, and a node its database. A ledger whose database loses rows that it had
/// acknowledged says so and answers nothing more.</summary>
public sealed class DatabaseTests : IClassFixture<PostgresCollection.Lifetime>
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);
    private static readonly Asset s_money = Asset.Parse("USD/2");
    private static readonly AccountAddress s_a = AccountAddress.Parse("a");
    private static readonly AccountAddress s_b = AccountAddress.Parse("b");
    private static readonly AccountAddress s_c = AccountAddress.Parse("c");

    [Theory]
    [InlineData("sqlite")]
    [InlineData("local")]
    [InlineData("clustered")]
    public async Task A_ledger_whose_journal_lacks_the_row_before_ends_and_answers_nothing_more(string store)
    {
        using TestStorage storage = store == "sqlite"
            ? new SqliteTestStorage()
            : new PostgresTestStorage(store == "clustered");
        await using var host = await LedgerHost.StartAsync(storage, LeaseLong);
        var ledger = host.Ledger;
        await ledger.OpenAccountsAsync([new AccountSpec(s_a, s_money, 1), new AccountSpec(s_b, s_money, 1)]);
        (await ledger.PostTransferAsync(Pay())).IsCommitted.ShouldBeTrue();

        // Two openings, and three rows of a transfer, the last of which is written later.
        await Until.TrueAsync(() => storage.Rows().Count == 5);
        storage.Execute(
            "DELETE FROM journal WHERE ordering = (SELECT max(ordering) FROM journal WHERE persistence_id LIKE '%-a')");
        var rows = storage.Rows().Count;

        (await Should.ThrowAsync<LedgerException>(ledger.PostTransferAsync(Pay()).WaitAsync(s_patience)))
            .OutcomeUnknown.ShouldBeTrue();
        await host.System.WhenTerminated.WaitAsync(s_patience);
        foreach (var call in (Func<Task>[])[() => ledger.PostTransferAsync(Pay()), () => ledger.GetAccountAsync(s_b)])
        {
            var halted = await Should.ThrowAsync<LedgerException>(call().WaitAsync(s_patience));
            halted.Reason.ShouldBe(LedgerErrorReason.LedgerHalted);
            // On SQLite whoever looks first says it.
            halted.Message.ShouldContain(
                store == "sqlite" && !halted.Message.Contains("lacks row", StringComparison.Ordinal)
                ? "was acknowledged" : "lacks row");
        }

        storage.Rows().Count.ShouldBe(rows);
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    public async Task After_a_failover_that_lost_commits_nothing_is_created_until_an_operator_begins_an_epoch(
        bool clustered, bool asleep)
    {
        using var server = new PostgresServer();
        using var storage = new PostgresTestStorage(clustered, server);
        string copy;
        LedgerException told;
        await using (var host = await LedgerHost.StartAsync(storage, options =>
        {
            options.CallTimeout = TimeSpan.FromSeconds(2);
            options.PassivateAfter = asleep ? TimeSpan.FromMilliseconds(200) : TimeSpan.FromMinutes(10);
        }))
        {
            await host.Ledger.OpenAccountsAsync([new AccountSpec(s_a, s_money, 1), new AccountSpec(s_b, s_money, 1)]);
            await PayAsync(host.Ledger, 3);
            copy = server.Copy(follows: false);
            await PayAsync(host.Ledger, 3);
            if (asleep)
            {
                await Until.TrueAsync(() => host.System.ActorSelection("/user/ledger-accounts/*")
                    .ResolveOne(TimeSpan.FromMilliseconds(50))
                    .ContinueWith(static one => one.IsFaulted, TaskScheduler.Default));
            }

            server.FailOverTo(copy, catchesUp: false);
            var rows = storage.Rows().Count;
            do
            {
                told = await Should.ThrowAsync<LedgerException>(host.Ledger.PostTransferAsync(Pay()));
            }
            while (told.Reason != LedgerErrorReason.LedgerHalted);

            (await Should.ThrowAsync<LedgerException>(host.Ledger.GetAccountAsync(s_b))).Reason
                .ShouldBe(LedgerErrorReason.LedgerHalted);
            storage.Rows().Count.ShouldBe(rows);
            await Until.TrueAsync(() => storage.Count("SELECT count(*) FROM ledger_loss WHERE epoch = 1") == 1);
            host.System.WhenTerminated.IsCompleted.ShouldBeFalse();
        }

        // Its next life knows nothing of what was lost, and is silent all the same.
        await using (var next = await LedgerHost.StartAsync(storage))
        {
            if (!clustered)
            {
                (await Should.ThrowAsync<LedgerException>(next.Ledger.PostTransferAsync(Pay())))
                    .Message.ShouldBe(told.Message);
            }

            var options = new LedgerOptions();
            storage.Use(options);
            options.Storage!.BeginEpoch("an operator", "the replica lacked the last payments").Epoch.Number.ShouldBe(2);
            await next.System.WhenTerminated.WaitAsync(s_patience);
        }

        await using var last = await LedgerHost.StartAsync(storage);
        LedgerExtension.Of(last.System).Identity.Epoch.Number.ShouldBe(2);
        await PayAsync(last.Ledger, 1);
        (await last.Ledger.GetAccountAsync(s_a))!.Balances.DebitsPosted.ShouldBe(Amount.Of(4));
        (await last.Ledger.GetAccountAsync(s_b))!.Balances.CreditsPosted.ShouldBe(Amount.Of(4));
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, true)]
    public async Task A_restart_or_a_failover_that_lost_nothing_goes_on_by_itself(bool clustered, bool failsOver)
    {
        using var server = new PostgresServer();
        using var storage = new PostgresTestStorage(clustered, server);
        await using var host = await LedgerHost.StartAsync(storage);
        await host.Ledger.OpenAccountsAsync([new AccountSpec(s_a, s_money, 1), new AccountSpec(s_b, s_money, 1)]);
        await PayAsync(host.Ledger, 3);
        if (failsOver)
        {
            var copy = server.Copy(follows: true);
            await PayAsync(host.Ledger, 3);
            server.FailOverTo(copy, catchesUp: true);
        }
        else
        {
            await PayAsync(host.Ledger, 3);
            server.Restart(immediate: true);
        }

        var transfer = Pay();
        await Until.TrueAsync(() => IsCommittedAsync(transfer));
        (await host.Ledger.GetAccountAsync(s_a))!.Balances.DebitsPosted.ShouldBe(Amount.Of(7));
        (await host.Ledger.GetAccountAsync(s_b))!.Balances.CreditsPosted.ShouldBe(Amount.Of(7));
        DatabaseWatch.Of(host.System).Generation.ShouldBe(failsOver ? 1 : 0);
        storage.Count("SELECT count(*) FROM ledger_loss").ShouldBe(0);

        async Task<bool> IsCommittedAsync(Transfer payment)
        {
            try
            {
                return (await host.Ledger.PostTransferAsync(payment)).IsCommitted;
            }
            catch (LedgerException e) when (e.Reason != LedgerErrorReason.LedgerHalted)
            {
                return false;
            }
        }
    }

    /// <summary>A last agent is asked to commit what its coordinator has prepared; but the row of that is lost, and who
    /// asks has not noticed yet, or the request was under way meanwhile. Money would come from nowhere.</summary>
    [Theory]
    [InlineData(0, "", true)]
    [InlineData(-1, "", false)]
    [InlineData(1, "", false)]
    [InlineData(0, "of another timeline", false)]
    public async Task An_account_takes_only_what_was_said_in_the_history_that_it_was_read_from(
        int epochs, string server, bool isTaken)
    {
        using var storage = new PostgresTestStorage(clustered: false);
        await using var host = await LedgerHost.StartAsync(storage);
        await host.Ledger.OpenAccountsAsync([new AccountSpec(s_a, s_money, 1), new AccountSpec(s_b, s_money, 1)]);
        await PayAsync(host.Ledger, 1);
        const string count = "SELECT count(*) FROM journal WHERE persistence_id = 'ledger-account-b'";
        var rows = storage.Count(count);
        var known = DatabaseWatch.Of(host.System).Known.ShouldNotBeNull();
        var payment = Pay();
        var part = new TransactionBranch
        {
            Id = payment.Id, Coordinator = s_a, CoordinatorAsset = s_money, LegCount = 1,
            Asked = TransferContent.DigestOf(payment),
            Legs = [new ResolvedLeg(0, payment, null) { Amount = payment.Amount }],
        };
        LedgerExtension.Of(host.System).Context.Accounts().Tell(
            new AccountEnvelope(s_b, new CommitRequest(part))
            {
                Mark = DatabaseMark.Of(known with { Epoch = known.Epoch + epochs, Server = known.Server + server }),
            },
            ActorRefs.NoSender);

        (await host.Ledger.GetAccountAsync(s_b))!.Balances.CreditsPosted.ShouldBe(Amount.Of(isTaken ? 2UL : 1));
        storage.Count(count).ShouldBe(isTaken ? rows + 1 : rows);
    }

    [Fact]
    public async Task A_server_that_no_longer_keeps_what_it_confirms_ends_the_node_with_its_reason()
    {
        using var server = new PostgresServer();
        using var storage = new PostgresTestStorage(clustered: false, server);
        await using var host = await LedgerHost.StartAsync(storage);
        await host.Ledger.OpenAccountsAsync([new AccountSpec(s_a, s_money, 1), new AccountSpec(s_b, s_money, 1)]);

        // For the database: the connection's own setting wins.
        storage.Execute(
            "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET synchronous_commit = off', current_database()); END $$");
        server.Restart();
        await Until.TrueAsync(() => LedgerExtension.Of(host.System).Lease.IsGood);
        await PayAsync(host.Ledger, 1);

        storage.Execute("ALTER SYSTEM SET fsync = off");
        storage.Execute("SELECT pg_reload_conf()");
        await host.System.WhenTerminated.WaitAsync(s_patience);
        var told = await Should.ThrowAsync<LedgerException>(host.Ledger.PostTransferAsync(Pay()));
        told.Reason.ShouldBe(LedgerErrorReason.LedgerHalted);
        told.Message.ShouldContain("fsync = off");
    }

    [Fact]
    public async Task A_SQLite_file_that_is_replaced_under_the_ledger_ends_it()
    {
        var directory = Directory.CreateTempSubdirectory("ledger-replaced-").FullName;
        var path = Path.Combine(directory, "ledger.db");
        var host = await LedgerHost.StartAsync(new FileStorage(path));
        await host.Ledger.OpenAccountsAsync([new AccountSpec(s_a, s_money, 1), new AccountSpec(s_b, s_money, 1)]);
        await PayAsync(host.Ledger, 1);
        await CopyAsync(path, path + ".older");
        File.Move(path + ".older", path, overwrite: true);
        await host.System.WhenTerminated.WaitAsync(s_patience);
        var told = await Should.ThrowAsync<LedgerException>(host.Ledger.PostTransferAsync(Pay()));
        told.Reason.ShouldBe(LedgerErrorReason.LedgerHalted);
        told.Message.ShouldContain("replaced");
        await host.DisposeAsync();
        Directory.Delete(directory, recursive: true);
    }

    /// <summary>Its path and its inode stay, and no account need write: those that sleep, or only read, have lost it
    /// too.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_backup_that_is_restored_into_the_open_SQLite_file_ends_the_ledger_until_an_epoch_begins(
        bool writes)
    {
        using var storage = new SqliteTestStorage();
        await using (var first = await LedgerHost.StartAsync(storage))
        {
            await first.Ledger.OpenAccountsAsync([new AccountSpec(s_a, s_money, 1), new AccountSpec(s_b, s_money, 1)]);
            await PayAsync(first.Ledger, 1);
        }

        storage.Execute($"VACUUM INTO '{storage.Path}.older'");
        await using (var before = await LedgerHost.StartAsync(storage))
        {
            await PayAsync(before.Ledger, 1);
        }

        // What this life of the process has not written itself is missed too.
        await using (var host = await LedgerHost.StartAsync(storage))
        {
            if (writes)
            {
                await PayAsync(host.Ledger, 1);
            }

            storage.Restore(storage.Path + ".older");
            if (writes)
            {
                // A first row needs no predecessor.
                await Should.ThrowAsync<LedgerException>(
                    host.Ledger.OpenAccountsAsync([new AccountSpec(s_c, s_money, 1)]).WaitAsync(s_patience));
            }

            await host.System.WhenTerminated.WaitAsync(s_patience);
            foreach (var call in (Func<Task>[])[
                () => host.Ledger.PostTransferAsync(Pay()), () => host.Ledger.GetAccountAsync(s_b)])
            {
                var halted = await Should.ThrowAsync<LedgerException>(call().WaitAsync(s_patience));
                halted.Reason.ShouldBe(LedgerErrorReason.LedgerHalted);
                halted.Message.ShouldContain("was acknowledged");
            }
        }

        storage.Count("SELECT count(*) FROM ledger_loss WHERE epoch = 1").ShouldBe(1);
        (await Should.ThrowAsync<InvalidOperationException>(() => LedgerHost.StartAsync(storage))).Message
            .ShouldContain("HALTED");
        var options = new LedgerOptions();
        storage.Use(options);
        options.Storage!.BeginEpoch("an operator", "the payment of today is booked again").Epoch.Number.ShouldBe(2);
        storage.DropSnapshots();
        await using var last = await LedgerHost.StartAsync(storage);
        await PayAsync(last.Ledger, 1);
        (await last.Ledger.GetAccountAsync(s_a))!.Balances.DebitsPosted.ShouldBe(Amount.Of(2));
        (await last.Ledger.GetAccountAsync(s_b))!.Balances.CreditsPosted.ShouldBe(Amount.Of(2));
    }

    // By a program that knows nothing of .NET's locks.
    private static async Task CopyAsync(string from, string to)
    {
        using var copy = System.Diagnostics.Process.Start("cp", [from, to]);
        await copy.WaitForExitAsync();
        copy.ExitCode.ShouldBe(0);
    }

    private static async Task PayAsync(ILedger ledger, int times)
    {
        for (var i = 0; i < times; i++)
        {
            (await ledger.PostTransferAsync(Pay())).IsCommitted.ShouldBeTrue();
        }
    }

    // On a machine that is busy for seconds an account would be taken up again from the journal, and miss nothing.
    private static void LeaseLong(LedgerOptions options) => options.LeaseTime = TimeSpan.FromSeconds(10);

    private static Transfer Pay() =>
        new(TransferId.FromGuid(Guid.CreateVersion7()), s_a, s_b, Amount.Of(1), 1) { Asset = s_money };

    private sealed class FileStorage(string path) : TestStorage
    {
        public override bool Clustered => false;

        public override void Use(LedgerOptions options) => options.UseSqlite(path);

        public override System.Data.Common.DbConnection Open() => throw new NotSupportedException();
    }
}
