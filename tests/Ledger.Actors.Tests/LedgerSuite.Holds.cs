using Akka.Actor;
using Ledger.Actors.Accounts;

namespace Ledger.Actors.Tests;

/// <content>Holds: reserved, posted, voided, expired, extended.</content>
public abstract partial class LedgerSuite
{
    [Fact]
    public async Task What_a_hold_says_is_shown_and_compared_though_a_snapshot_is_without_it()
    {
        Transfer hold;
        await using (var host = await StartAsync(static options => options.SnapshotEvery = 1))
        {
            var (a, b) = await OpenTwoAsync(host.Ledger);
            hold = Hold(a, b, 100) with { Reference = "order 7", Metadata = Metadata.Of([new("k", "v")]), Code = 5 };
            (await host.Ledger.PostTransferAsync(hold)).Status.ShouldBe(TransferStatus.Created);
            await ShouldShowAsync(host.Ledger);
        }

        await using (var host = await StartAsync(static options => options.SnapshotEvery = 1))
        {
            await ShouldShowAsync(host.Ledger);
            var post = Post(hold, 30, keepRest: true);
            (await host.Ledger.PostTransferAsync(post)).Status.ShouldBe(TransferStatus.Created);
            var own = Post(hold, 30, keepRest: true) with { Reference = "shipment 1" };
            (await host.Ledger.PostTransferAsync(own)).Status.ShouldBe(TransferStatus.Created);

            // What was left to the hold, said again; and something else.
            (await host.Ledger.PostTransferAsync(post with { Reference = hold.Reference, Metadata = hold.Metadata }))
                .Status
                .ShouldBe(TransferStatus.Exists);
            (await host.Ledger.PostTransferAsync(post with { Reference = "else" })).Status
                .ShouldBe(TransferStatus.ExistsWithDifferentReference);
            (await host.Ledger.PostTransferAsync(post with { Metadata = Metadata.Of([new("k", "w")]) })).Status
                .ShouldBe(TransferStatus.ExistsWithDifferentMetadata);
            foreach (var account in new[] { hold.DebitAccount, hold.CreditAccount })
            {
                var entries = (await host.Ledger.ListStatementAsync(new StatementQuery(account)))!.Entries;
                entries.Select(static entry => entry.Transfer.Reference).ShouldBe(["order 7", "shipment 1"]);
                entries.ShouldAllBe(entry => entry.Transfer.Metadata.Equals(hold.Metadata));
            }
        }

        async Task ShouldShowAsync(ILedger ledger)
        {
            foreach (var account in new[] { hold.DebitAccount, hold.CreditAccount })
            {
                var record = (await ledger.GetTransferAsync(account, hold.Id)).ShouldNotBeNull();
                record.Hold.ShouldBe(HoldState.Live);
                record.Transfer.ShouldBe(hold);
            }
        }
    }

    [Fact]
    public async Task A_hold_reserves_and_is_posted_whole()
    {
        await using var host = await StartAsync();
        var (a, b) = await OpenTwoAsync(host.Ledger);
        var hold = Hold(a, b, 100);
        var held = await host.Ledger.PostTransferAsync(hold);
        held.Status.ShouldBe(TransferStatus.Created);
        held.Amount.ShouldBe(Amount.Of(100));
        await ShouldBeAsync(host, a, debitsPending: 100, holds: 1);
        await ShouldBeAsync(host, b, creditsPending: 100, holds: 1);
        var record = (await host.Ledger.GetTransferAsync(a, hold.Id)).ShouldNotBeNull();
        record.Hold.ShouldBe(HoldState.Live);
        record.HoldRemaining.ShouldBe(Amount.Of(100));
        record.HoldDeadline.ShouldBeNull();

        var post = Post(hold);
        var posted = await host.Ledger.PostTransferAsync(post);

        posted.Status.ShouldBe(TransferStatus.Created);
        posted.Amount.ShouldBe(Amount.Of(100));
        (await host.Ledger.PostTransferAsync(post))
            .ShouldBe(posted with { Status = TransferStatus.Exists, Replayed = true, Position = default });
        await ShouldBeAsync(host, a, debitsPosted: 100);
        await ShouldBeAsync(host, b, creditsPosted: 100);
        foreach (var account in new[] { a, b })
        {
            (await host.Ledger.GetTransferAsync(account, hold.Id))!.Hold.ShouldBe(HoldState.Posted);

            // The hold itself is no entry.
            var entry = (await host.Ledger.ListStatementAsync(new StatementQuery(account)))!.Entries
                .ShouldHaveSingleItem();
            entry.Transfer.Id.ShouldBe(post.Id);
            entry.Transfer.Amount.ShouldBe(Amount.Of(100));
        }

        (await host.Ledger.PostTransferAsync(Post(hold))).Status.ShouldBe(TransferStatus.PendingTransferAlreadyPosted);
        (await host.Ledger.PostTransferAsync(Void(hold))).Status.ShouldBe(TransferStatus.PendingTransferAlreadyPosted);
    }

    [Fact]
    public async Task A_hold_is_posted_in_part_and_the_rest_is_free()
    {
        await using var host = await StartAsync();
        var (a, b) = await OpenTwoAsync(host.Ledger);
        var hold = Hold(a, b, 100);
        await host.Ledger.PostTransferAsync(hold);
        (await host.Ledger.PostTransferAsync(Post(hold, 101))).Status
            .ShouldBe(TransferStatus.ExceedsPendingTransferAmount);
        var post = Post(hold, 30);
        (await host.Ledger.PostTransferAsync(post)).Amount.ShouldBe(Amount.Of(30));
        await ShouldBeAsync(host, a, debitsPosted: 30);
        await ShouldBeAsync(host, b, creditsPosted: 30);
        (await host.Ledger.PostTransferAsync(post with { Amount = Amount.Of(31) })).Status
            .ShouldBe(TransferStatus.ExistsWithDifferentAmount);
        (await host.Ledger.PostTransferAsync(Post(hold, 1))).Status
            .ShouldBe(TransferStatus.PendingTransferAlreadyPosted);
    }

    [Fact]
    public async Task A_hold_is_posted_in_several_parts_which_are_entries_of_both_statements()
    {
        await using var host = await StartAsync();
        var (a, b) = await OpenTwoAsync(host.Ledger);
        var hold = Hold(a, b, 100);
        await host.Ledger.PostTransferAsync(hold);
        var first = Post(hold, 30, keepRest: true);
        (await host.Ledger.PostTransferAsync(first)).Amount.ShouldBe(Amount.Of(30));
        (await host.Ledger.PostTransferAsync(first)).Status.ShouldBe(TransferStatus.Exists);
        await ShouldBeAsync(host, a, debitsPosted: 30, debitsPending: 70, holds: 1);
        await ShouldBeAsync(host, b, creditsPosted: 30, creditsPending: 70, holds: 1);
        (await host.Ledger.GetTransferAsync(b, hold.Id))!.HoldRemaining.ShouldBe(Amount.Of(70));
        (await host.Ledger.PostTransferAsync(Post(hold, 71, keepRest: true))).Status
            .ShouldBe(TransferStatus.ExceedsPendingTransferAmount);
        var second = Post(hold, 20, keepRest: true);
        (await host.Ledger.PostTransferAsync(second)).Amount.ShouldBe(Amount.Of(20));
        var last = Post(hold, 50, keepRest: true);
        (await host.Ledger.PostTransferAsync(last)).Amount.ShouldBe(Amount.Of(50));
        (await host.Ledger.GetTransferAsync(a, hold.Id))!.Hold.ShouldBe(HoldState.Posted);
        (await host.Ledger.PostTransferAsync(Post(hold, 0, keepRest: true))).Status
            .ShouldBe(TransferStatus.PendingTransferAlreadyPosted);
        await ShouldBeAsync(host, a, debitsPosted: 100);
        await ShouldBeAsync(host, b, creditsPosted: 100);
        foreach (var account in new[] { a, b })
        {
            var entries = (await host.Ledger.ListStatementAsync(new StatementQuery(account)))!.Entries;
            entries.Select(static entry => entry.Transfer.Id).ShouldBe([first.Id, second.Id, last.Id]);
            entries.Select(static entry => entry.Transfer.Amount)
                .ShouldBe([Amount.Of(30), Amount.Of(20), Amount.Of(50)]);
            entries.Select(entry => account == a ? entry.DebitsPosted : entry.CreditsPosted)
                .ShouldBe([Amount.Of(30), Amount.Of(50), Amount.Of(100)]);
        }
    }

    [Fact]
    public async Task A_void_releases_the_hold_wherever_it_has_come_to()
    {
        await using var host = await StartAsync();
        var (a, b) = await OpenTwoAsync(host.Ledger);
        var hold = Hold(a, b, 100);
        await host.Ledger.PostTransferAsync(hold);
        await host.Ledger.PostTransferAsync(Post(hold, 40, keepRest: true));
        var voided = await host.Ledger.PostTransferAsync(Void(hold));
        voided.Status.ShouldBe(TransferStatus.Created);
        voided.Amount.ShouldBe(Amount.Of(60));
        await ShouldBeAsync(host, a, debitsPosted: 40);
        await ShouldBeAsync(host, b, creditsPosted: 40);
        (await host.Ledger.GetTransferAsync(a, hold.Id))!.Hold.ShouldBe(HoldState.Voided);
        (await host.Ledger.PostTransferAsync(Post(hold))).Status.ShouldBe(TransferStatus.PendingTransferAlreadyVoided);
        (await host.Ledger.PostTransferAsync(Void(hold))).Status.ShouldBe(TransferStatus.PendingTransferAlreadyVoided);
        (await host.Ledger.PostTransferAsync(
            new Transfer(NewId(), default, default, Amount.MaxValue, 0)
            {
                Flags = TransferFlags.PostPending, HoldId = NewId(),
            })).Status.ShouldBe(TransferStatus.PendingTransferNotFound);
        (await host.Ledger.PostTransferAsync(Void(Transfer(a, b, 1)) with { DebitAccount = a, CreditAccount = b }))
            .Status
            .ShouldBe(TransferStatus.PendingTransferNotFound);
        var plain = Transfer(a, b, 1);
        await host.Ledger.PostTransferAsync(plain);
        (await host.Ledger.PostTransferAsync(Post(plain))).Status.ShouldBe(TransferStatus.PendingTransferNotPending);
    }

    [Fact]
    public async Task A_hold_counts_against_the_limit_until_it_is_resolved()
    {
        await using var host = await StartAsync();
        var (bank, shop) = await OpenTwoAsync(host.Ledger);
        var poor = await OpenLimitedAsync(host.Ledger, "poor");
        await host.Ledger.PostTransferAsync(Transfer(bank, poor, 100));
        var hold = Hold(poor, shop, 80);
        (await host.Ledger.PostTransferAsync(hold)).Status.ShouldBe(TransferStatus.Created);
        (await host.Ledger.GetAccountAsync(poor))!.AvailableDebits.ShouldBe(Amount.Of(20));
        var refused = Hold(poor, shop, 21);
        (await host.Ledger.PostTransferAsync(refused)).Status.ShouldBe(TransferStatus.ExceedsCredits);
        (await host.Ledger.PostTransferAsync(refused)).ShouldSatisfyAllConditions(
            static again =>
                again.Status.ShouldBe(TransferStatus.ExceedsCredits), static again => again.Replayed.ShouldBeTrue());
        await host.Ledger.PostTransferAsync(Post(hold, 10));
        (await host.Ledger.PostTransferAsync(Hold(poor, shop, 90))).Status.ShouldBe(TransferStatus.Created);
    }

    [Fact]
    public async Task A_hold_is_posted_and_voided_by_its_id_alone_also_by_another_process()
    {
        Transfer posted, voided, left;
        await using (var host = await StartAsync())
        {
            var (a, b) = await OpenTwoAsync(host.Ledger);
            (posted, voided, left) = (Hold(a, b, 5), Hold(a, b, 7), Hold(b, a, 11));
            foreach (var hold in new[] { posted, voided, left })
            {
                (await host.Ledger.PostTransferAsync(hold)).Status.ShouldBe(TransferStatus.Created);
            }
        }

        await using (var host = await StartAsync())
        {
            (await host.Ledger.PostTransferAsync(Post(posted))).Status.ShouldBe(TransferStatus.Created);
            (await host.Ledger.PostTransferAsync(Void(voided))).Status.ShouldBe(TransferStatus.Created);
            var record = (await host.Ledger.GetTransferAsync(default, left.Id)).ShouldNotBeNull();
            record.Transfer.ShouldBe(left);
            record.Hold.ShouldBe(HoldState.Live);
            var batch = await host.Ledger.SubmitBatchAsync(
                [new BatchItem(TransactionLeg.Of(Post(left, 4, keepRest: true)))]);
            batch[0].Transfer!.Status.ShouldBe(TransferStatus.Created);
        }

        await using (var host = await StartAsync())
        {
            (await host.Ledger.PostTransferAsync(Post(posted))).Status
                .ShouldBe(TransferStatus.PendingTransferAlreadyPosted);
            (await host.Ledger.PostTransferAsync(Post(voided))).Status
                .ShouldBe(TransferStatus.PendingTransferAlreadyVoided);
            (await host.Ledger.PostTransferAsync(Post(left))).Amount.ShouldBe(Amount.Of(7));
            await ShouldBeAsync(host, posted.DebitAccount, debitsPosted: 5, creditsPosted: 11);
            await ShouldBeAsync(host, posted.CreditAccount, debitsPosted: 11, creditsPosted: 5);
        }
    }

    [Fact]
    public async Task A_post_of_an_unknown_hold_is_refused_for_ever_where_it_names_the_account()
    {
        await using var host = await StartAsync();
        var (a, b) = await OpenTwoAsync(host.Ledger);
        var hold = Hold(a, b, 100);
        var placed = Post(hold) with { DebitAccount = a };
        var unplaced = Post(hold);
        (await host.Ledger.PostTransferAsync(placed)).Status.ShouldBe(TransferStatus.PendingTransferNotFound);
        (await host.Ledger.PostTransferAsync(unplaced)).Status.ShouldBe(TransferStatus.PendingTransferNotFound);
        (await host.Ledger.PostTransferAsync(hold)).Status.ShouldBe(TransferStatus.Created);

        var again = await host.Ledger.PostTransferAsync(placed);
        again.Status.ShouldBe(TransferStatus.PendingTransferNotFound);
        again.Replayed.ShouldBeTrue();
        await ShouldBeAsync(host, a, debitsPending: 100, holds: 1);

        // Nothing was decided about this one.
        (await host.Ledger.PostTransferAsync(unplaced)).Status.ShouldBe(TransferStatus.Created);
        await ShouldBeAsync(host, a, debitsPosted: 100);
    }

    [Fact]
    public async Task A_transaction_about_an_unknown_hold_is_decided_once_the_hold_is_made()
    {
        await using var host = await StartAsync();
        var (a, b) = await OpenTwoAsync(host.Ledger);
        var poor = Address($"{a.Text}:poor");
        await host.Ledger.OpenAccountsAsync(
            [new AccountSpec(poor, Usd, 1) { DebitsMustNotExceedCredits = Amount.Zero }]);
        var hold = Hold(a, b, 100);
        var transaction = Transaction.Of(
            NewId(), Transfer(poor, b, 1) with { Asset = Usd }, Post(hold) with { Asset = Usd });

        // The first leg is blamed, by nobody who could write it down.
        (await host.Ledger.PostTransactionAsync(transaction)).Status.ShouldBe(TransferStatus.ExceedsCredits);
        (await host.Ledger.PostTransferAsync(hold)).Status.ShouldBe(TransferStatus.Created);
        (await host.Ledger.PostTransferAsync(Transfer(a, poor, 1))).Status.ShouldBe(TransferStatus.Created);

        (await host.Ledger.PostTransactionAsync(transaction)).Status.ShouldBe(TransferStatus.Created);
        await ShouldBeAsync(host, a, debitsPosted: 101);
    }

    [Fact]
    public async Task A_hold_expires_while_both_its_accounts_sleep()
    {
        await using var host = await StartAsync(static options =>
        {
            options.PassivateAfter = TimeSpan.FromMilliseconds(100);
            options.CommitRecordDelay = TimeSpan.FromMilliseconds(10);
            options.HoldExpiryInterval = TimeSpan.FromMilliseconds(50);
        });
        var (a, b) = await OpenTwoAsync(host.Ledger);
        var hold = Hold(a, b, 100) with { Timeout = TimeSpan.FromSeconds(2) };
        var held = await host.Ledger.PostTransferAsync(hold);
        await host.Ledger.PostTransferAsync(Post(hold, 10, keepRest: true));

        // Counted from the decision of the debit account, which comes a little before the commit.
        var deadline = (await host.Ledger.GetTransferAsync(a, hold.Id))!.HoldDeadline.ShouldNotBeNull();
        deadline.UnixMicroseconds.ShouldBeInRange(
            held.CreateTime.UnixMicroseconds + 1_000_000, held.CreateTime.Add(hold.Timeout).UnixMicroseconds);
        if (!storage.Clustered)
        {
            await EventuallyAsync(() => IsAsleepAsync(host));
        }

        // Nobody asks for anything: what happens is the hold expiry's doing.
        var stream = AccountActor.PersistenceIdOf(b);
        var rows = RowsOf(stream);
        await EventuallyAsync(() => Task.FromResult(RowsOf(stream) > rows));

        await ShouldBeAsync(host, a, debitsPosted: 10);
        await ShouldBeAsync(host, b, creditsPosted: 10);
        (await host.Ledger.GetTransferAsync(b, hold.Id))!.Hold.ShouldBe(HoldState.Expired);
        (await host.Ledger.PostTransferAsync(Post(hold))).Status.ShouldBe(TransferStatus.PendingTransferExpired);
        (await host.Ledger.PostTransferAsync(Void(hold))).Status.ShouldBe(TransferStatus.PendingTransferExpired);
        (await host.Ledger.PostTransferAsync(hold)).Status.ShouldBe(TransferStatus.Exists);
        (await host.Ledger.ListStatementAsync(new StatementQuery(a)))!.Entries.Count.ShouldBe(1);
        (LedgerTime.From(TimeProvider.System.GetUtcNow()) >= deadline).ShouldBeTrue();
    }

    [Fact]
    public async Task A_hold_that_fell_due_while_no_process_ran_expires_after_the_start()
    {
        Transfer hold;
        await using (var host = await StartAsync())
        {
            var (a, b) = await OpenTwoAsync(host.Ledger);
            hold = Hold(a, b, 100) with { Timeout = TimeSpan.FromMilliseconds(500) };
            await host.Ledger.PostTransferAsync(hold);
        }

        // Counted while no process runs: the hold may expire before the start has returned.
        await Task.Delay(600);
        var stream = AccountActor.PersistenceIdOf(hold.CreditAccount);
        var rows = RowsOf(stream);
        await using (await StartAsync())
        {
            await EventuallyAsync(() => Task.FromResult(RowsOf(stream) > rows));
        }

        await using (var host = await StartAsync())
        {
            (await host.Ledger.GetTransferAsync(default, hold.Id))!.Hold.ShouldBe(HoldState.Expired);
            await ShouldBeAsync(host, hold.DebitAccount);
            await ShouldBeAsync(host, hold.CreditAccount);
        }
    }

    [Fact]
    public async Task A_hold_that_is_extended_expires_at_its_new_time_and_no_earlier()
    {
        await using var host = await StartAsync(static options =>
        {
            options.PassivateAfter = TimeSpan.FromMilliseconds(100);
            options.HoldExpiryInterval = TimeSpan.FromMilliseconds(50);
        });
        var (a, b) = await OpenTwoAsync(host.Ledger);
        var hold = Hold(a, b, 100) with { Timeout = TimeSpan.FromSeconds(1) };
        var held = await host.Ledger.PostTransferAsync(hold);
        var deadline = held.CreateTime.Add(TimeSpan.FromSeconds(3));
        var extended = await host.Ledger.ExtendHoldAsync(new ExtendHold(hold.Id, deadline));
        extended.ShouldBe(
            new ExtendHoldResult(hold.Id, TransferStatus.Created, deadline) { Position = extended.Position });
        (await host.Ledger.ExtendHoldAsync(new ExtendHold(hold.Id, deadline) { Account = a }))
            .ShouldBe(extended with { Status = TransferStatus.Exists, Position = default });
        (await host.Ledger.ExtendHoldAsync(new ExtendHold(NewId(), deadline))).Status
            .ShouldBe(TransferStatus.PendingTransferNotFound);

        await Task.Delay(1500);
        (await host.Ledger.GetTransferAsync(b, hold.Id))!.Hold.ShouldBe(HoldState.Live);
        (await host.Ledger.GetTransferAsync(a, hold.Id))!.HoldDeadline.ShouldBe(deadline);
        var rows = RowsOf(AccountActor.PersistenceIdOf(b));
        await EventuallyAsync(() => Task.FromResult(RowsOf(AccountActor.PersistenceIdOf(b)) > rows));
        (LedgerTime.From(TimeProvider.System.GetUtcNow()) >= deadline).ShouldBeTrue();
        (await host.Ledger.GetTransferAsync(b, hold.Id))!.Hold.ShouldBe(HoldState.Expired);
        (await host.Ledger.ExtendHoldAsync(new ExtendHold(hold.Id, deadline))).Status
            .ShouldBe(TransferStatus.PendingTransferExpired);
    }

    [Fact]
    public async Task What_a_hold_has_become_is_known_when_memory_has_forgotten_it()
    {
        await using var host = await StartAsync(static options =>
        {
            options.IdempotencyWindowMax = 1;
            options.SnapshotEvery = 2;
        });
        var (a, b) = await OpenTwoAsync(host.Ledger);
        var holds = Enumerable.Range(0, 6).Select(_ => Hold(a, b, 10)).ToArray();
        foreach (var hold in holds)
        {
            await host.Ledger.PostTransferAsync(hold);
        }

        var posts = holds.Select(
            (hold, i) => i % 3 == 0 ? Post(hold, 3) : i % 3 == 1 ? Void(hold) : Post(hold, 4, keepRest: true))
                .ToArray();
        foreach (var post in posts)
        {
            (await host.Ledger.PostTransferAsync(post)).Status.ShouldBe(TransferStatus.Created);
        }

        HoldState[] expected = [HoldState.Posted, HoldState.Voided, HoldState.Live];
        for (var i = 0; i < holds.Length; i++)
        {
            (await host.Ledger.GetTransferAsync(a, holds[i].Id))!.Hold.ShouldBe(expected[i % 3]);
            (await host.Ledger.GetTransferAsync(b, holds[i].Id))!.Hold.ShouldBe(expected[i % 3]);
            (await host.Ledger.PostTransferAsync(posts[i])).Status.ShouldBe(TransferStatus.Exists);
            (await host.Ledger.PostTransferAsync(holds[i])).Status.ShouldBe(TransferStatus.Exists);
            (await host.Ledger.PostTransferAsync(Post(holds[i], 5))).Status.ShouldBe((i % 3) switch
            {
                0 => TransferStatus.PendingTransferAlreadyPosted,
                1 => TransferStatus.PendingTransferAlreadyVoided,
                _ => TransferStatus.Created,
            });
        }

        await ShouldBeAsync(host, a, debitsPosted: 2 * (3 + 4 + 5));
        await ShouldBeAsync(host, b, creditsPosted: 2 * (3 + 4 + 5));
    }

    // ---------------------------------------------------------------- helpers

    protected Transfer Hold(AccountAddress debit, AccountAddress credit, ulong amount) =>
        Transfer(debit, credit, amount) with { Flags = TransferFlags.Pending };

    protected Transfer Post(Transfer hold, ulong? amount = null, bool keepRest = false) =>
        new(NewId(), default, default, amount is { } some ? Amount.Of(some) : Amount.MaxValue, 0)
        {
            HoldId = hold.Id,
            Flags = TransferFlags.PostPending | (keepRest ? TransferFlags.KeepRest : TransferFlags.None),
        };

    protected Transfer Void(Transfer hold) =>
        new(NewId(), default, default, Amount.Zero, 0) { HoldId = hold.Id, Flags = TransferFlags.VoidPending };

    protected static async Task<AccountAddress> OpenLimitedAsync(ILedger ledger, string address, ulong allowance = 0)
    {
        (await ledger.OpenAccountsAsync(
            [new AccountSpec(Address(address), Usd, 1) { DebitsMustNotExceedCredits = Amount.Of(allowance) }]))[0]
            .Status.ShouldBe(AccountStatus.Created);
        return Address(address);
    }

    protected static async Task ShouldBeAsync(
        LedgerHost host, AccountAddress account, ulong debitsPosted = 0, ulong creditsPosted = 0,
        ulong debitsPending = 0,
        ulong creditsPending = 0, int holds = 0)
    {
        var view = (await host.Ledger.GetAccountAsync(account)).ShouldNotBeNull();
        view.Balances.ShouldBe(
            new Balances(
                Amount.Of(debitsPending), Amount.Of(debitsPosted), Amount.Of(creditsPending), Amount.Of(creditsPosted),
                default, default),
            account.Text);
        view.HoldCount.ShouldBe(holds);
    }

    protected long RowsOf(string stream) =>
        storage.Count($"SELECT COUNT(*) FROM journal WHERE persistence_id = '{stream}'");

    // Asleep: their parent has no child.
    private static async Task<bool> IsAsleepAsync(LedgerHost host)
    {
        try
        {
            await host.System.ActorSelection("/user/ledger-accounts/*").ResolveOne(TimeSpan.FromMilliseconds(200));
            return false;
        }
        catch (ActorNotFoundException)
        {
            return true;
        }
    }
}
