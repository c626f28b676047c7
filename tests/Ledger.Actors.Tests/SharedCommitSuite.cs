using Akka.Actor;
using Akka.Hosting;
using Ledger.Actors.Accounts;
using Ledger.Actors.Journal;
using Ledger.Actors.Storage;
using Ledger.Core;
using Ledger.Tests.Shared;

namespace Ledger.Actors.Tests;

/// <summary>Goal: with shared commits a transfer between two accounts of a node costs one commit, and nothing becomes
/// true that rests on what is not (R8'). Method: commits are counted while one caller pays, with a writer that waits as
/// long as it takes for what is on its way; and requests are told to accounts with tickets that the test
/// decides.</summary>
public abstract class SharedCommitSuite(TestStorage storage) : IDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan s_impatience = TimeSpan.FromMilliseconds(300);
    private static readonly Asset s_money = Asset.Parse("USD/2");
    private static readonly AccountAddress s_a = AccountAddress.Parse("a");
    private static readonly AccountAddress s_b = AccountAddress.Parse("b");

    public void Dispose()
    {
        storage.Dispose();
        GC.SuppressFinalize(this);
    }

    [Theory]
    [InlineData(true, 100)]
    [InlineData(false, 200)]
    public async Task A_transfer_of_a_lone_caller_costs_one_commit_instead_of_two(bool isShared, int expected)
    {
        using var meter = new MeterRecorder();
        await using var host = await StartAsync(meter, isShared);
        await OpenAsync(host, "a", "b");
        await PayAsync(host, s_a, s_b);
        await AllAreCountedAsync(meter);
        var before = Commits(meter);
        var newest = storage.Count("SELECT MAX(ordering) FROM journal");

        for (var i = 0; i < 100; i++)
        {
            await PayAsync(host, s_a, s_b);
        }

        await AllAreCountedAsync(meter);
        (Commits(meter) - before).ShouldBe(expected);
        storage.Count($"SELECT COUNT(*) FROM journal WHERE ordering > {newest}").ShouldBe(200);
        if (storage is PostgresTestStorage)
        {
            // What the database says of it: rows that were stored together name the same transaction.
            storage.Count($"SELECT COUNT(DISTINCT xmin::text) FROM journal WHERE ordering > {newest}")
                .ShouldBe(expected);
        }

        (await host.Ledger.GetAccountAsync(s_b))!.Balances.CreditsPosted.ShouldBe(Amount.Of(101));
    }

    [Fact]
    public async Task All_preparations_of_a_transaction_share_a_commit()
    {
        using var meter = new MeterRecorder();
        await using var host = await StartAsync(meter);
        await OpenAsync(host, "a", "b", "c", "d", "e");
        foreach (var payee in (string[])["b", "c", "d", "e"])
        {
            await PayAsync(host, s_a, AccountAddress.Parse(payee));
        }

        await AllAreCountedAsync(meter);
        var before = Commits(meter);
        var result = await host.Ledger.PostTransactionAsync(Transaction.Of(
            NewId(),
            [.. ((string[])["b", "c", "d", "e"]).Select(payee => Transfer(s_a, AccountAddress.Parse(payee)))]));

        result.IsCommitted.ShouldBeTrue();
        await AllAreCountedAsync(meter);
        var groups = meter.Of("ledger.journal.batch.size").Skip(before).ToArray();

        // The coordinator and three participants; the last agent; and the outcomes, together or not.
        groups[0].ShouldBe(4);
        groups[1].ShouldBe(1);
        groups[2..].Sum().ShouldBe(3);
    }

    [Fact]
    public async Task An_account_that_sleeps_is_asked_when_the_row_is_durable()
    {
        using var meter = new MeterRecorder();
        await using var host = await StartAsync(meter);
        await OpenAsync(host, "a", "b");
        await PayAsync(host, s_a, s_b);
        await StopAsync(host, s_b);
        await PayAsync(host, s_a, s_b);
        (await host.Ledger.GetAccountAsync(s_b))!.Balances.CreditsPosted.ShouldBe(Amount.Of(2));
        Awake(host).Find(s_b).ShouldNotBeNull();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task What_an_account_has_taken_in_is_seen_by_nobody_before_it_is_durable(bool isDurable)
    {
        using var meter = new MeterRecorder();
        await using var host = await StartAsync(meter);
        await OpenAsync(host, "a", "b");
        var ticket = new WriteTicket();
        var asked = Ahead(ticket);
        Awake(host).Find(s_b)!.Tell(asked, ActorRefs.NoSender);
        await Until.TrueAsync(() => !ticket.HasFollowers);

        // Whoever reads it waits, for as long as he likes.
        await Should.ThrowAsync<LedgerException>(host.Ledger.GetAccountAsync(s_b, s_impatience));
        storage.Count("SELECT COUNT(*) FROM journal WHERE persistence_id = 'ledger-account-b'").ShouldBe(1);
        var first = Awake(host).Find(s_b);
        _ = isDurable ? ticket.TryMakeDurable() : ticket.TryFail();

        await Until.TrueAsync(() => ReadsAsync(host, isDurable ? 1UL : 0));
        (Awake(host).Find(s_b) == first).ShouldBe(isDurable);
        storage.Count("SELECT COUNT(*) FROM journal WHERE persistence_id = 'ledger-account-b'")
            .ShouldBe(isDurable ? 2 : 1);
    }

    /// <summary>It has committed the same before, so that it need not write anything.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task An_account_that_has_only_read_what_failed_starts_again(bool isDurable)
    {
        using var meter = new MeterRecorder();
        await using var host = await StartAsync(meter);
        await OpenAsync(host, "a", "b");
        var known = new WriteTicket();
        known.TryMakeDurable();
        var again = Ahead(known);
        Awake(host).Find(s_b)!.Tell(again, ActorRefs.NoSender);
        (await host.Ledger.GetAccountAsync(s_b))!.Balances.CreditsPosted.ShouldBe(Amount.Of(1));
        var first = Awake(host).Find(s_b)!;
        var ticket = new WriteTicket();
        first.Tell(new AheadRequest(again.Envelope, ticket), ActorRefs.NoSender);
        await Until.TrueAsync(() => !ticket.HasFollowers);
        await Should.ThrowAsync<LedgerException>(host.Ledger.GetAccountAsync(s_b, s_impatience));

        _ = isDurable ? ticket.TryMakeDurable() : ticket.TryFail();

        await Until.TrueAsync(() => ReadsAsync(host, 1));
        if (isDurable)
        {
            Awake(host).Find(s_b).ShouldBe(first);
        }
        else
        {
            await Until.TrueAsync(() => Awake(host).Find(s_b) is { } now && now != first);
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_request_that_meets_nobody_goes_the_usual_way_when_its_row_is_durable(bool isDurable)
    {
        using var meter = new MeterRecorder();
        await using var host = await StartAsync(meter);
        await OpenAsync(host, "a", "b");
        WriteTicket ticket = new(), other = new();
        host.System.DeadLetters.Tell(Ahead(ticket), ActorRefs.NoSender);
        await Until.TrueAsync(() => !ticket.HasFollowers);
        (await host.Ledger.GetAccountAsync(s_b))!.Balances.CreditsPosted.ShouldBe(default);

        _ = isDurable ? ticket.TryMakeDurable() : ticket.TryFail();

        // What comes after it has it behind it.
        host.System.DeadLetters.Tell(Ahead(other), ActorRefs.NoSender);
        other.TryMakeDurable();
        await Until.TrueAsync(async () =>
            (await host.Ledger.GetAccountAsync(s_b))!.Balances.CreditsPosted == Amount.Of(isDurable ? 2UL : 1));
    }

    private static async Task<bool> ReadsAsync(LedgerHost host, ulong credits)
    {
        try
        {
            return (await host.Ledger.GetAccountAsync(s_b))!.Balances.CreditsPosted == Amount.Of(credits);
        }
        catch (LedgerException e) when (e.Reason == LedgerErrorReason.JournalUnavailable)
        {
            // It starts again.
            return false;
        }
    }

    private static AheadRequest Ahead(WriteTicket ticket)
    {
        var payment = Transfer(s_a, s_b);
        return new AheadRequest(
            new AccountEnvelope(s_b, new CommitRequest(new TransactionBranch
            {
                Id = payment.Id, Coordinator = s_a, CoordinatorAsset = s_money, LegCount = 1,
                Asked = TransferContent.DigestOf(payment),
                Legs = [new ResolvedLeg(0, payment, null) { Amount = payment.Amount }],
            })),
            ticket);
    }

    private static AwakeAccounts Awake(LedgerHost host) =>
        LedgerExtension.Of(host.System).Context.Awake.ShouldNotBeNull();

    private static async Task StopAsync(LedgerHost host, AccountAddress account)
    {
        var actor = Awake(host).Find(account).ShouldNotBeNull();
        actor.Tell(StopAccount.Instance, ActorRefs.NoSender);
        await actor.WatchAsync().WaitAsync(s_patience);
        Awake(host).Find(account).ShouldBeNull();
    }

    private static int Commits(MeterRecorder meter) =>
        meter.Of("ledger.journal.write.duration", "outcome=stored").Count;

    private static TransferId NewId() => TransferId.FromGuid(Guid.CreateVersion7());

    private static Transfer Transfer(AccountAddress from, AccountAddress to) =>
        new(NewId(), from, to, Amount.Of(1), 1) { Asset = s_money };

    private static async Task PayAsync(LedgerHost host, AccountAddress from, AccountAddress to) =>
        (await host.Ledger.PostTransferAsync(Transfer(from, to))).Status.ShouldBe(TransferStatus.Created);

    private static async Task OpenAsync(LedgerHost host, params string[] accounts) =>
        (await host.Ledger.OpenAccountsAsync(
            [.. accounts.Select(static one => new AccountSpec(AccountAddress.Parse(one), s_money, 1))]))
            .ShouldAllBe(static one => one.Status == AccountStatus.Created);

    // What is measured follows the answer.
    private async Task AllAreCountedAsync(MeterRecorder meter) => await Until.TrueAsync(() =>
        (long)meter.SumOf("ledger.journal.rows") == storage.Count("SELECT COUNT(*) FROM journal"));

    private Task<LedgerHost> StartAsync(MeterRecorder meter, bool isShared = true) => LedgerHost.StartAsync(
        storage,
        options =>
        {
            options.MeterFactory = meter;
            options.SharedCommits = isShared;

            // No row but those of transfers; and a machine that is busy for seconds does not silence the node.
            options.CommitRecordDelay = TimeSpan.FromSeconds(10);
            options.LeaseTime = TimeSpan.FromSeconds(30);
            options.PassivateAfter = TimeSpan.FromMinutes(10);
        },
        static akka => akka.AddHocon(
            $"{StorageHocon.JournalPlugin} {{ writers = 1, followers-wait-max = 1m, circuit-breaker.call-timeout = 1m "
                + "}}", HoconAddMode.Prepend));
}

public sealed class SqliteSharedCommitTests() : SharedCommitSuite(new SqliteTestStorage());

public sealed class PostgreSqlSharedCommitTests()
    : SharedCommitSuite(new PostgresTestStorage(clustered: false)), IClassFixture<PostgresCollection.Lifetime>;
