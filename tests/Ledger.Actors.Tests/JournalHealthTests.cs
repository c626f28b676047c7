using System.Diagnostics;
using Ledger.Actors.Accounts;
using Ledger.Actors.Journal;
using Ledger.Tests.Shared;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Ledger.Actors.Tests;

/// <summary>What an operator sees of a journal that is unavailable.</summary>
public sealed class JournalHealthTests
{
    [Fact]
    public async Task A_journal_that_is_away_is_seen_in_health_and_so_is_its_return()
    {
        using var storage = new SqliteTestStorage();
        await using var host = await LedgerHost.StartAsync(storage, static _ => { });
        using var services = new ServiceCollection().AddLogging().AddSingleton(host.System)
            .AddHealthChecks().AddLedgerJournal("tag").Services.BuildServiceProvider();
        var health = services.GetRequiredService<HealthCheckService>();
        var money = Asset.Parse("USD/2");
        var (a, b) = (AccountAddress.Parse("a"), AccountAddress.Parse("b"));
        await host.Ledger.OpenAccountsAsync([new AccountSpec(a, money, 1), new AccountSpec(b, money, 1)]);
        (await CheckAsync()).Status.ShouldBe(HealthStatus.Healthy);

        storage.Execute("ALTER TABLE journal RENAME TO journal_away");
        for (var id = 1; id <= 2; id++)
        {
            (await Should.ThrowAsync<LedgerException>(PostAsync(id))).OutcomeUnknown.ShouldBeTrue();
        }

        // The write failed, and then the account could not even be read.
        var away = await CheckAsync();
        away.Status.ShouldBe(HealthStatus.Unhealthy);
        away.Description.ShouldNotBeNull().ShouldContain("1 writes");
        await Until.TrueAsync(
            async () => (await CheckAsync()).Description!.Contains("reads", StringComparison.Ordinal));
        (await CheckAsync()).Description.ShouldNotBeNull().ShouldContain("tried again");

        storage.Execute("ALTER TABLE journal_away RENAME TO journal");
        await Until.TrueAsync(async () =>
        {
            try
            {
                return (await PostAsync(1)).IsCommitted;
            }
            catch (LedgerException e) when (e.OutcomeUnknown)
            {
                return false;
            }
        });
        await Until.TrueAsync(async () => (await CheckAsync()).Status == HealthStatus.Healthy);

        Task<TransferResult> PostAsync(int id) => host.Ledger.PostTransferAsync(
            new Transfer(new TransferId((UInt128)id), a, b, Amount.Of(1), 1) { Asset = money },
            TimeSpan.FromSeconds(2));

        async Task<HealthReportEntry> CheckAsync() => (await health.CheckHealthAsync()).Entries["ledger-journal"];
    }

    /// <summary>Method: the journal goes away from under fifty accounts that sleep, and for each of them somebody asks
    /// again as soon as there is an answer, but for five milliseconds.</summary>
    [Fact]
    public async Task Accounts_that_cannot_be_read_are_not_tried_by_every_call_and_their_callers_learn_it_soon()
    {
        using var storage = new SqliteTestStorage();
        var accounts = Enumerable.Range(0, 50).Select(n => AccountAddress.Parse($"a:{n}")).ToArray();
        await using var host = await StartAsleepAsync(storage, accounts);
        var recoveries = LedgerExtension.Of(host.System).Context.Recoveries;
        storage.Execute("ALTER TABLE journal RENAME TO journal_away");
        var asked = 0;
        var longest = TimeSpan.Zero;
        using var end = new CancellationTokenSource(TimeSpan.FromSeconds(8));
        await Task.WhenAll(accounts.Select(async account =>
        {
            while (!end.IsCancellationRequested)
            {
                var clock = Stopwatch.StartNew();
                var failed = await Should.ThrowAsync<LedgerException>(
                    host.Ledger.GetAccountAsync(account, TimeSpan.FromSeconds(30)));
                failed.Reason.ShouldBe(LedgerErrorReason.JournalUnavailable);
                lock (accounts)
                {
                    asked++;
                    longest = clock.Elapsed > longest ? clock.Elapsed : longest;
                }

                // Two hundred times a second, so that what runs beside this test is left a processor.
                await Task.Delay(5);
            }
        }));

        // Each account once or a few times before it was known that it is not theirs alone; then four times a second in
        // all.
        longest.ShouldBeLessThan(TimeSpan.FromSeconds(15));
        asked.ShouldBeGreaterThan(1000);
        recoveries.Reads.Failures.ShouldBeLessThan(300);

        storage.Execute("ALTER TABLE journal_away RENAME TO journal");
        await Task.WhenAll(accounts.Select(account => Until.TrueAsync(async () =>
        {
            try
            {
                return await host.Ledger.GetAccountAsync(account, TimeSpan.FromSeconds(30)) is not null;
            }
            catch (LedgerException e) when (e.Reason == LedgerErrorReason.JournalUnavailable)
            {
                return false;
            }
        })));
        await Until.TrueAsync(() => Task.FromResult(recoveries.Count == 0));
    }

    /// <summary>Method: five accounts whose rows are damaged are asked for without pause until their callers are told
    /// at once; then others that sleep are read.</summary>
    [Fact]
    public async Task Accounts_that_are_damaged_keep_no_others_from_being_read()
    {
        using var storage = new SqliteTestStorage();
        var accounts = Enumerable.Range(0, 50).Select(n => AccountAddress.Parse($"a:{n}")).ToArray();
        await using var host = await StartAsleepAsync(storage, accounts);
        var damaged = accounts[..5];
        foreach (var account in damaged)
        {
            storage.Execute(
                $"UPDATE journal SET message = zeroblob(8) WHERE persistence_id = "
                    + $"'{AccountActor.PersistenceIdOf(account)}'");
        }

        for (var round = 0; round < 2; round++)
        {
            await Task.WhenAll(damaged.Select(async account =>
                (await Should.ThrowAsync<LedgerException>(
                    host.Ledger.GetAccountAsync(account, TimeSpan.FromSeconds(30))))
                    .Reason.ShouldBe(LedgerErrorReason.JournalUnavailable)));
        }

        var views = await Task.WhenAll(accounts[5..].Select(account => host.Ledger.GetAccountAsync(account)));
        views.ShouldAllBe(static view => view != null);
        LedgerExtension.Of(host.System).Context.Recoveries.Count.ShouldBe(5);
    }

    [Fact]
    public void An_open_breaker_is_told()
    {
        var watch = new JournalOutcomes();
        watch.Cause.ShouldBeNull();
        watch.Failed(new InvalidOperationException("one"));
        watch.Failed(new InvalidOperationException("two"));
        watch.Cause.ShouldNotBeNull().Message.ShouldBe("two");
        watch.Failures.ShouldBe(2);
        JournalHealthCheck.Describe("writes", watch).Single().ShouldContain("2 writes");
        watch.Failed(new Akka.Pattern.OpenCircuitException("open"));
        JournalHealthCheck.Describe("writes", watch).Last().ShouldContain("circuit breaker is open");
        watch.Succeeded();
        JournalHealthCheck.Describe("writes", watch).ShouldBeEmpty();
    }

    // A ledger whose accounts have gone to sleep.
    private static async Task<LedgerHost> StartAsleepAsync(SqliteTestStorage storage, AccountAddress[] accounts)
    {
        var host = await LedgerHost.StartAsync(
            storage, static options => options.PassivateAfter = TimeSpan.FromMilliseconds(200));
        var money = Asset.Parse("USD/2");
        await host.Ledger.OpenAccountsAsync([.. accounts.Select(account => new AccountSpec(account, money, 1))]);
        await Task.Delay(TimeSpan.FromSeconds(1));
        return host;
    }
}
