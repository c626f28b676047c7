using Ledger.Actors.Accounts;
using Ledger.Actors.Journal;
using Ledger.Core;

namespace Ledger.Actors.Tests;

/// <content>Transactions over many accounts: all or nothing, also across a crash.</content>
public abstract partial class LedgerSuite
{
    private static readonly Asset Eur = Asset.Parse("EUR/2");

    [Fact]
    public async Task A_transaction_over_many_accounts_and_assets_happens_as_one()
    {
        await using var host = await StartAsync();
        foreach (var count in new[] { 2, 3, 5, 20, 50 })
        {
            var accounts = Enumerable.Range(0, count).Select(i => Address($"t{count}:{i}")).ToArray();
            var euros = new[] { Address($"t{count}:eur:a"), Address($"t{count}:eur:b") };
            await host.Ledger.OpenAccountsAsync(
            [
                .. accounts.Select(static a => new AccountSpec(a, Usd, 1)),
                .. euros.Select(static a => new AccountSpec(a, Eur, 1)),
            ]);
            var legs = accounts.Zip(accounts.Skip(1), (from, to) => Transfer(from, to, 7) with { Asset = Usd })
                .Append(Transfer(euros[0], euros[1], 3) with { Asset = Eur, Reference = "fx" }).ToArray();
            var transaction = Transaction.Of(NewId(), legs);

            var result = await host.Ledger.PostTransactionAsync(transaction);

            result.Status.ShouldBe(TransferStatus.Created);
            result.IsCommitted.ShouldBeTrue();
            result.FailedLeg.ShouldBe(-1);
            result.Replayed.ShouldBeFalse();
            result.Legs.ShouldBe(legs.Select(static leg =>
                new LegResult(TransferStatus.Created, AccountStatus.None, leg.Amount)));
            await ShouldBeAsync(host, accounts[0], debitsPosted: 7);
            await ShouldBeAsync(host, accounts[^1], creditsPosted: 7);
            foreach (var middle in accounts[1..^1])
            {
                await ShouldBeAsync(host, middle, debitsPosted: 7, creditsPosted: 7);
            }

            await ShouldBeAsync(host, euros[0], debitsPosted: 3);
            await ShouldBeAsync(host, euros[1], creditsPosted: 3);

            // An entry a leg, in the order of the legs, all of one time and one transaction.
            foreach (var account in accounts.Concat(euros))
            {
                var mine = legs.Where(leg => leg.DebitAccount == account || leg.CreditAccount == account).ToArray();
                var entries = (await host.Ledger.ListStatementAsync(new StatementQuery(account)))!.Entries;
                entries.Select(static entry => entry.Transfer).ShouldBe(mine);
                entries.ShouldAllBe(entry =>
                    entry.TransactionId == transaction.Id && entry.CreateTime == result.CreateTime);
                var record = (await host.Ledger.GetTransferAsync(account, mine[0].Id)).ShouldNotBeNull();
                record.TransactionId.ShouldBe(transaction.Id);
                record.Amount.ShouldBe(mine[0].Amount);
            }

            var found = (await host.Ledger.GetTransactionAsync(accounts[0], transaction.Id)).ShouldNotBeNull();
            found.Transaction.Id.ShouldBe(transaction.Id);
            found.Transaction.Legs.ShouldBe(transaction.Legs);
            found.Result.Legs.ShouldBe(result.Legs);
            (await host.Ledger.GetTransactionAsync(accounts[1], transaction.Id)).ShouldBeNull();
        }
    }

    [Fact]
    public async Task The_largest_transaction_happens_as_one_and_one_leg_too_many_is_refused()
    {
        await using var host = await StartAsync();
        const int Count = 1001;
        var timeout = TimeSpan.FromMinutes(2);
        var accounts = Enumerable.Range(0, Count).Select(i => Address($"large:{i}")).ToArray();
        await host.Ledger.OpenAccountsAsync([.. accounts.Select(static a => new AccountSpec(a, Usd, 1))], timeout);
        Transaction Of(int legs) => Transaction.Of(NewId(), Enumerable.Range(0, legs).Select(i =>
            Transfer(accounts[i % Count], accounts[(i + 1 + (i / Count)) % Count], 1) with { Asset = Usd }));
        var transaction = Of(LedgerLimits.BatchMax);

        var result = await host.Ledger.PostTransactionAsync(transaction, timeout);
        var again = await host.Ledger.PostTransactionAsync(transaction, timeout);
        var tooMany = await Should.ThrowAsync<LedgerException>(
            () => host.Ledger.PostTransactionAsync(Of(LedgerLimits.BatchMax + 1), timeout));

        result.Status.ShouldBe(TransferStatus.Created);
        again.Status.ShouldBe(TransferStatus.Exists);
        again.Legs.ShouldBe(result.Legs);
        tooMany.Reason.ShouldBe(LedgerErrorReason.BatchTooLarge);
        var views = await Task.WhenAll(accounts.Select(account => host.Ledger.GetAccountAsync(account, timeout)));
        views.Sum(static view => (long)view!.Balances.DebitsPosted.Value).ShouldBe(LedgerLimits.BatchMax);
        views.Sum(static view => (long)view!.Balances.CreditsPosted.Value).ShouldBe(LedgerLimits.BatchMax);
        views.ShouldAllBe(static view => view!.Balances.DebitsInDoubt.IsZero && view.Balances.CreditsInDoubt.IsZero);
    }

    [Fact]
    public async Task A_transaction_fails_whole_and_names_the_leg()
    {
        await using var host = await StartAsync();
        var (a, b) = await OpenTwoAsync(host.Ledger);
        var poor = await OpenLimitedAsync(host.Ledger, "poor");
        var c = await OpenAsync(host.Ledger, "c");
        var euro = Address("euro");
        await host.Ledger.OpenAccountsAsync([new AccountSpec(euro, Eur, 1)]);
        (Transfer[] Legs, int Failed, TransferStatus Reason)[] rows =
        [
            ([Of(a, b, 1), Of(poor, b, 1), Of(b, c, 1)], 1, TransferStatus.ExceedsCredits),
            ([Of(poor, b, 1), Of(a, b, 1)], 0, TransferStatus.ExceedsCredits),
            ([Of(a, b, 1), Of(b, c, 1), Of(c, poor, 5), Of(poor, a, 6)], 3, TransferStatus.ExceedsCredits),
            ([Of(a, b, 1), Of(b, Address("nobody"), 1), Of(poor, a, 1)], 1, TransferStatus.CreditAccountNotFound),
            ([Of(Address("nobody"), a, 1), Of(a, b, 1)], 0, TransferStatus.DebitAccountNotFound),
            ([Of(a, b, 1), Of(b, euro, 1)], 1, TransferStatus.AccountsMustHaveTheSameLedger),
            ([Of(a, b, 1), Of(b, c, 1) with { Asset = Eur }], 1,
                TransferStatus.TransferMustHaveTheSameLedgerAsAccounts),
            ([Of(a, b, 1), Of(b, c, 1) with { Code = 0 }], 1, TransferStatus.CodeMustNotBeZero),
            ([Of(a, b, 1), Of(b, c, 1) with { Asset = default }], 1, TransferStatus.LedgerMustNotBeZero),
            ([Of(a, b, 1), Of(b, b, 1)], 1, TransferStatus.AccountsMustBeDifferent),
        ];
        foreach (var (legs, failed, reason) in rows)
        {
            var transaction = Transaction.Of(NewId(), legs);
            var result = await host.Ledger.PostTransactionAsync(transaction);
            result.FailedLeg.ShouldBe(failed, $"{reason}");
            result.Status.ShouldBe(reason);
            result.IsCommitted.ShouldBeFalse();
            result.Legs.Select(static leg => leg.Transfer).ShouldBe(
                legs.Select((_, i) => i == failed ? reason : TransferStatus.LinkedEventFailed), $"{reason}");
        }

        foreach (var account in new[] { a, b, c, poor, euro })
        {
            await ShouldBeAsync(host, account);
            (await host.Ledger.ListStatementAsync(new StatementQuery(account)))!.Entries.ShouldBeEmpty();
        }

        // What an earlier leg brings, a later one may spend.
        (await host.Ledger.PostTransactionAsync(Transaction.Of(NewId(), [Of(c, poor, 5), Of(poor, a, 5)]))).Status
            .ShouldBe(TransferStatus.Created);
        await ShouldBeAsync(host, poor, debitsPosted: 5, creditsPosted: 5);
    }

    [Fact]
    public async Task The_retry_of_a_transaction_is_answered_with_the_original_results_also_after_a_restart()
    {
        Transaction committed, rejected;
        TransactionResult first, refused;
        var names = new[] { "a", "b", "c", "d" };
        await using (var host = await StartAsync())
        {
            foreach (var name in names)
            {
                await OpenAsync(host.Ledger, name);
            }

            var poor = await OpenLimitedAsync(host.Ledger, "poor");
            committed = Transaction.Of(
                NewId(),
                [Of(Address("a"), Address("b"), 1), Of(Address("b"), Address("c"), 2),
                    Of(Address("c"), Address("d"), 3)]);
            rejected = Transaction.Of(
                NewId(), [Of(Address("a"), Address("b"), 1), Of(Address("b"), poor, 2), Of(poor, Address("c"), 3)]);
            first = await host.Ledger.PostTransactionAsync(committed);
            refused = await host.Ledger.PostTransactionAsync(rejected);
            refused.Status.ShouldBe(TransferStatus.ExceedsCredits);
            refused.FailedLeg.ShouldBe(2);
            await ShouldReplayAsync(host);
        }

        await using (var host = await StartAsync())
        {
            await ShouldReplayAsync(host);

            // Other content under an id that is used up.
            foreach (var other in new[]
            {
                committed with { Legs = committed.Legs.RemoveAt(2) },
                committed with { Legs = committed.Legs.SetItem(
                    0, TransactionLeg.Of(committed.Legs[0].Transfer! with { Amount = Amount.Of(9) })) },
                committed with { Legs = [committed.Legs[0], committed.Legs[2], committed.Legs[1]] },
            })
            {
                var answer = await host.Ledger.PostTransactionAsync(other);
                answer.Status.ShouldBe(TransferStatus.ExistsWithDifferentTransfers);
                answer.IsCommitted.ShouldBeFalse();
            }

            // A leg's id is used up too, for a transfer alone and in another transaction.
            var leg = committed.Legs[0].Transfer!;
            (await host.Ledger.PostTransferAsync(leg)).Status.ShouldBe(TransferStatus.Exists);
            (await host.Ledger.PostTransferAsync(leg with { Amount = Amount.Of(9) })).Status
                .ShouldBe(TransferStatus.ExistsWithDifferentAmount);
            var twice = await host.Ledger.PostTransactionAsync(
                Transaction.Of(NewId(), [leg, Of(Address("b"), Address("c"), 1)]));
            twice.IsCommitted.ShouldBeFalse();
            twice.FailedLeg.ShouldBe(0);
            twice.Status.ShouldBe(TransferStatus.Exists);
            await ShouldBeAsync(host, Address("a"), debitsPosted: 1);
            await ShouldBeAsync(host, Address("d"), creditsPosted: 3);
        }

        async Task ShouldReplayAsync(LedgerHost host)
        {
            var again = await host.Ledger.PostTransactionAsync(committed);
            again.Status.ShouldBe(TransferStatus.Exists);
            again.Replayed.ShouldBeTrue();
            again.CreateTime.ShouldBe(first.CreateTime);
            again.IsCommitted.ShouldBeTrue();
            again.Legs.ShouldBe(first.Legs);
            var no = await host.Ledger.PostTransactionAsync(rejected);
            no.Replayed.ShouldBeTrue();
            (no.Status, no.FailedLeg, no.CreateTime, no.BalanceSeen).ShouldBe(
                (refused.Status, refused.FailedLeg, refused.CreateTime, refused.BalanceSeen));
            no.Legs.ShouldBe(refused.Legs);
        }
    }

    [Fact]
    public async Task A_transaction_of_holds_is_posted_or_voided_as_one()
    {
        Transaction posted, voided;
        await using (var host = await StartAsync())
        {
            foreach (var name in new[] { "a", "b", "c", "d" })
            {
                await OpenAsync(host.Ledger, name);
            }

            posted = Holds();
            voided = Holds();
            (await host.Ledger.PostTransactionAsync(posted)).Status.ShouldBe(TransferStatus.Created);
            (await host.Ledger.PostTransactionAsync(voided)).Status.ShouldBe(TransferStatus.Created);
            await ShouldBeAsync(host, Address("a"), debitsPending: 2, holds: 2);
            await ShouldBeAsync(host, Address("c"), debitsPending: 6, creditsPending: 4, holds: 4);
        }

        await using (var host = await StartAsync())
        {
            var post = new TransactionResolution(NewId(), Address("a"), posted.Id, Post: true);
            var done = await host.Ledger.ResolveTransactionAsync(post);
            done.Status.ShouldBe(TransferStatus.Created);
            done.Legs.Select(static leg => leg.Amount).ShouldBe([Amount.Of(1), Amount.Of(2), Amount.Of(3)]);
            var again = await host.Ledger.ResolveTransactionAsync(post);
            again.Status.ShouldBe(TransferStatus.Exists);
            again.Legs.ShouldBe(done.Legs);
            (await host.Ledger.ResolveTransactionAsync(
                new TransactionResolution(NewId(), Address("a"), voided.Id, Post: false))).Status
                    .ShouldBe(TransferStatus.Created);
            await ShouldBeAsync(host, Address("a"), debitsPosted: 1);
            await ShouldBeAsync(host, Address("b"), debitsPosted: 2, creditsPosted: 1);
            await ShouldBeAsync(host, Address("c"), debitsPosted: 3, creditsPosted: 2);
            await ShouldBeAsync(host, Address("d"), creditsPosted: 3);

            var late = await host.Ledger.ResolveTransactionAsync(
                new TransactionResolution(NewId(), Address("a"), posted.Id, Post: false));
            late.Status.ShouldBe(TransferStatus.PendingTransferAlreadyPosted);
            late.FailedLeg.ShouldBe(0);
            (await Should.ThrowAsync<LedgerException>(() => host.Ledger.ResolveTransactionAsync(
                new TransactionResolution(NewId(), Address("a"), NewId(), Post: true)))).Reason
                    .ShouldBe(LedgerErrorReason.NotFound);
        }

        Transaction Holds() => Transaction.Of(NewId(), new[] { ("a", "b", 1ul), ("b", "c", 2ul), ("c", "d", 3ul) }
            .Select(
                leg => Of(Address(leg.Item1), Address(leg.Item2), leg.Item3) with { Flags = TransferFlags.Pending }));
    }

    [Fact]
    public async Task A_hold_made_and_resolved_in_one_transaction_leaves_nothing_pending()
    {
        await using var host = await StartAsync();
        var (a, b) = await OpenTwoAsync(host.Ledger);
        var c = await OpenAsync(host.Ledger, "c");
        var hold = Of(a, b, 10) with { Flags = TransferFlags.Pending };
        var result =
            await host.Ledger.PostTransactionAsync(Transaction.Of(NewId(), [hold, Of(b, c, 1), Post(hold, 4)]));
        result.Status.ShouldBe(TransferStatus.Created);
        result.Legs.Select(static leg => leg.Amount).ShouldBe([Amount.Of(10), Amount.Of(1), Amount.Of(4)]);
        await ShouldBeAsync(host, a, debitsPosted: 4);
        await ShouldBeAsync(host, b, debitsPosted: 1, creditsPosted: 4);
        (await host.Ledger.GetTransferAsync(a, hold.Id))!.Hold.ShouldBe(HoldState.Posted);
    }

    [Fact]
    public async Task A_batch_opens_accounts_and_posts_chains_in_order()
    {
        await using var host = await StartAsync();
        var (x, y, z) = (Address("x"), Address("y"), Address("z"));
        var first = Of(x, y, 10);
        var chained = Of(y, x, 3);
        BatchItem[] items =
        [
            new(TransactionLeg.Open(new AccountSpec(x, Usd, 1)), Linked: true),
            new(TransactionLeg.Open(new AccountSpec(y, Usd, 1) { DebitsMustNotExceedCredits = Amount.Zero }),
                Linked: true),
            new(TransactionLeg.Of(first)),
            new(TransactionLeg.Of(chained)),
            new(TransactionLeg.Open(new AccountSpec(z, Usd, 1)), Linked: true),
            new(TransactionLeg.Of(Of(y, z, 8))),
            new(TransactionLeg.Of(Of(y, x, 7))),
        ];

        var results = await host.Ledger.SubmitBatchAsync(items);

        results[0].Opening!.Status.ShouldBe(AccountStatus.Created);
        results[1].Opening!.Status.ShouldBe(AccountStatus.Created);
        results[2].Transfer!.Status.ShouldBe(TransferStatus.Created);
        results[3].Transfer!.Status.ShouldBe(TransferStatus.Created);
        results[4].Opening!.Status.ShouldBe(AccountStatus.LinkedEventFailed);
        results[5].Transfer!.Status.ShouldBe(TransferStatus.ExceedsCredits);
        results[6].Transfer!.Status.ShouldBe(TransferStatus.Created);
        await ShouldBeAsync(host, x, debitsPosted: 10, creditsPosted: 10);
        await ShouldBeAsync(host, y, debitsPosted: 10, creditsPosted: 10);
        (await host.Ledger.GetAccountAsync(z)).ShouldBeNull();

        // Sent again it is answered the same, and changes nothing.
        var again = await host.Ledger.SubmitBatchAsync(items);
        again[0].Opening!.Status.ShouldBe(AccountStatus.Exists);
        again[2].Transfer!.Status.ShouldBe(TransferStatus.Exists);
        again[2].Transfer!.CreateTime.ShouldBe(results[2].Transfer!.CreateTime);
        again[3].Transfer!.Status.ShouldBe(TransferStatus.Exists);
        again[4].Opening!.Status.ShouldBe(AccountStatus.LinkedEventFailed);
        again[5].Transfer!.Status.ShouldBe(TransferStatus.ExceedsCredits);
        await ShouldBeAsync(host, x, debitsPosted: 10, creditsPosted: 10);

        // A chain that the batch ends in the middle of is refused.
        var open = await host.Ledger.SubmitBatchAsync(
            [new BatchItem(TransactionLeg.Of(Of(x, y, 1)), Linked: true),
                new BatchItem(TransactionLeg.Of(Of(x, y, 1)), Linked: true)]);
        open.Select(static result => result.Transfer!.Status)
            .ShouldBe([TransferStatus.LinkedEventFailed, TransferStatus.LinkedEventChainOpen]);
    }

    [Fact]
    public async Task Accounts_are_opened_on_their_first_use_when_a_transfer_says_so()
    {
        await using var host = await StartAsync();
        var (a, b, c) = (Address("new:a"), Address("new:b"), Address("new:c"));
        var first = Of(a, b, 5) with { Flags = TransferFlags.OpenAccounts, Code = 9 };
        var result = await host.Ledger.PostTransferAsync(first);
        result.Status.ShouldBe(TransferStatus.Created);
        result.Amount.ShouldBe(Amount.Of(5));
        (await host.Ledger.PostTransferAsync(first)).ShouldBe(result with
        {
            Status = TransferStatus.Exists, Replayed = true, Position = default,
        });
        (await host.Ledger.PostTransferAsync(Of(a, c, 5) with { Flags = TransferFlags.OpenAccounts })).Status
            .ShouldBe(TransferStatus.Created);
        (await host.Ledger.GetAccountAsync(a))!.Spec.ShouldBe(new AccountSpec(a, Usd, 9));
        (await host.Ledger.GetAccountAsync(c))!.Spec.ShouldBe(new AccountSpec(c, Usd, 1));
        await ShouldBeAsync(host, a, debitsPosted: 10);

        // When the transfer fails, nothing was opened.
        var poor = await OpenLimitedAsync(host.Ledger, "poor");
        (await host.Ledger.PostTransferAsync(Of(poor, Address("new:d"), 5) with { Flags = TransferFlags.OpenAccounts }))
            .Status
            .ShouldBe(TransferStatus.ExceedsCredits);
        (await host.Ledger.GetAccountAsync(Address("new:d"))).ShouldBeNull();

        // In a transaction, beside an account of another asset.
        var mixed = await host.Ledger.PostTransactionAsync(Transaction.Of(
            NewId(),
            [Of(a, Address("new:e"), 1) with { Flags = TransferFlags.OpenAccounts }, Of(Address("new:e"), b, 1)]));
        mixed.Status.ShouldBe(TransferStatus.Created);
        mixed.Legs.Length.ShouldBe(2);
        await ShouldBeAsync(host, Address("new:e"), debitsPosted: 1, creditsPosted: 1);
    }

    [Fact]
    public async Task A_balancing_transfer_moves_what_there_is()
    {
        await using var host = await StartAsync();
        var (bank, shop) = await OpenTwoAsync(host.Ledger);
        var poor = await OpenLimitedAsync(host.Ledger, "poor");
        var debtor = await OpenAsync(host.Ledger, "debtor");
        await host.Ledger.PostTransferAsync(Transfer(bank, poor, 100));
        await host.Ledger.PostTransferAsync(Hold(poor, shop, 10));

        var all = Transfer(poor, shop, 500) with { Flags = TransferFlags.BalancingDebit };
        var moved = await host.Ledger.PostTransferAsync(all);
        (moved.Status, moved.Amount).ShouldBe((TransferStatus.Created, Amount.Of(90)));
        (await host.Ledger.PostTransferAsync(all)).ShouldBe(moved with
        {
            Status = TransferStatus.Exists, Replayed = true, Position = default,
        });
        (await host.Ledger.ListStatementAsync(new StatementQuery(shop)))!.Entries[^1].Transfer.Amount
            .ShouldBe(Amount.Of(90));
        (await host.Ledger.PostTransferAsync(Transfer(poor, shop, 1))).Status.ShouldBe(TransferStatus.ExceedsCredits);

        // What the credit account lacks is the other account's to say.
        await host.Ledger.PostTransferAsync(Transfer(debtor, bank, 40));
        var settle = Transfer(shop, debtor, 500) with { Flags = TransferFlags.BalancingCredit };
        var settled = await host.Ledger.PostTransferAsync(settle);
        (settled.Status, settled.Amount).ShouldBe((TransferStatus.Created, Amount.Of(40)));
        await ShouldBeAsync(host, debtor, debitsPosted: 40, creditsPosted: 40);

        // In a transaction, with what earlier legs have brought.
        var sweep = await host.Ledger.PostTransactionAsync(Transaction.Of(
            NewId(),
            [
                Of(bank, poor, 25),
                Of(poor, debtor, 0) with { Amount = Amount.MaxValue, Flags = TransferFlags.BalancingDebit },
                Of(debtor, shop, 0) with { Amount = Amount.MaxValue, Flags = TransferFlags.BalancingDebit },
            ]));
        sweep.Status.ShouldBe(TransferStatus.Created);
        sweep.Legs.Select(static leg => leg.Amount).ShouldBe([Amount.Of(25), Amount.Of(25), Amount.Of(25)]);
        await ShouldBeAsync(host, debtor, debitsPosted: 65, creditsPosted: 65);
    }

    [Fact]
    public async Task A_transfer_or_a_transaction_is_taken_back_at_most_once_also_after_its_accounts_slept()
    {
        await using var host = await StartAsync(static options =>
        {
            options.PassivateAfter = TimeSpan.FromMilliseconds(100);
            options.CommitRecordDelay = TimeSpan.FromMilliseconds(10);
            options.IdempotencyWindowMax = 2;
        });
        var (a, b) = await OpenTwoAsync(host.Ledger);
        var c = await OpenAsync(host.Ledger, "c");
        var (whole, parts, chain) = (
            Transfer(a, b, 100), Transfer(a, b, 100), Transaction.Of(NewId(), [Of(a, b, 7), Of(b, c, 7)]));
        await host.Ledger.PostTransferAsync(whole);
        await host.Ledger.PostTransferAsync(parts);
        await host.Ledger.PostTransactionAsync(chain);
        await Task.Delay(400);

        var back = new Reversal(NewId(), a, whole.Id, "paid twice") { Reference = "case 7" };
        var done = await host.Ledger.ReverseTransactionAsync(back);
        done.Status.ShouldBe(TransferStatus.Created);
        done.Legs.ShouldHaveSingleItem().Amount.ShouldBe(Amount.Of(100));
        (await host.Ledger.ReverseTransactionAsync(back)).Status.ShouldBe(TransferStatus.Exists);
        (await host.Ledger.ReverseTransactionAsync(back with { Id = NewId() })).Status
            .ShouldBe(TransferStatus.ExceedsReversedTransferAmount);
        var record = (await host.Ledger.GetTransferAsync(b, back.Id)).ShouldNotBeNull();
        (record.Transfer.Reverses, record.Transfer.Reason, record.Transfer.Reference, record.Transfer.DebitAccount)
            .ShouldBe((whole.Id, "paid twice", "case 7", b));

        (await host.Ledger.ReverseTransactionAsync(
            new Reversal(NewId(), a, parts.Id, "in part") { Amount = Amount.Of(30) })).Status
                .ShouldBe(TransferStatus.Created);
        await Task.Delay(400);
        (await host.Ledger.ReverseTransactionAsync(
            new Reversal(NewId(), a, parts.Id, "too much") { Amount = Amount.Of(71) })).Status
            .ShouldBe(TransferStatus.ExceedsReversedTransferAmount);
        (await host.Ledger.ReverseTransactionAsync(new Reversal(NewId(), a, parts.Id, "the rest"))).Legs[0].Amount
            .ShouldBe(Amount.Of(70));

        var undo = await host.Ledger.ReverseTransactionAsync(new Reversal(NewId(), a, chain.Id, "all of it"));
        undo.Status.ShouldBe(TransferStatus.Created);
        undo.Legs.Length.ShouldBe(2);
        (await host.Ledger.ReverseTransactionAsync(new Reversal(NewId(), a, chain.Id, "again"))).Status
            .ShouldBe(TransferStatus.ExceedsReversedTransferAmount);
        await ShouldBeAsync(host, a, debitsPosted: 207, creditsPosted: 207);
        await ShouldBeAsync(host, b, debitsPosted: 214, creditsPosted: 214);
        await ShouldBeAsync(host, c, debitsPosted: 7, creditsPosted: 7);

        (await Should.ThrowAsync<LedgerException>(
            () => host.Ledger.ReverseTransactionAsync(new Reversal(NewId(), a, NewId(), "never was")))).Reason
            .ShouldBe(LedgerErrorReason.NotFound);
        (await Should.ThrowAsync<LedgerException>(
            () => host.Ledger.ReverseTransactionAsync(new Reversal(NewId(), a, whole.Id, "")))).Reason
            .ShouldBe(LedgerErrorReason.InvalidArgument);
        (await Should.ThrowAsync<LedgerException>(() => host.Ledger.ReverseTransactionAsync(
            new Reversal(NewId(), a, chain.Id, "a part") { Amount = Amount.Of(1) }))).Reason
                .ShouldBe(LedgerErrorReason.InvalidArgument);
    }

    [Fact]
    public async Task An_id_is_used_up_for_all_accounts_that_took_part_and_at_the_last_agent_for_any_other()
    {
        Transfer known;
        await using (var host = await StartAsync())
        {
            var (a, b) = await OpenTwoAsync(host.Ledger);
            await OpenAsync(host.Ledger, "c");
            await OpenAsync(host.Ledger, "d");
            known = Transfer(a, b, 5);
            await host.Ledger.PostTransferAsync(known);

            // This node has seen it lately, wherever it is used again.
            (await host.Ledger.PostTransferAsync(
                known with { DebitAccount = Address("c"), CreditAccount = Address("d") })).Status
                .ShouldBe(TransferStatus.ExistsWithDifferentDebitAccountId);
        }

        await using (var host = await StartAsync())
        {
            // The same last agent, another coordinator (R7): never yes.
            (await host.Ledger.PostTransferAsync(known with { DebitAccount = Address("c") })).Status
                .ShouldBe(TransferStatus.ExistsWithDifferentDebitAccountId);
            (await host.Ledger.PostTransferAsync(known with { CreditAccount = Address("d") })).Status
                .ShouldBe(TransferStatus.ExistsWithDifferentCreditAccountId);
            (await host.Ledger.PostTransferAsync(known)).Status.ShouldBe(TransferStatus.Exists);
            await ShouldBeAsync(host, Address("c"));
            await ShouldBeAsync(host, Address("d"));
            await ShouldBeAsync(host, known.CreditAccount, creditsPosted: 5);
        }
    }

    // ---------------------------------------------------------------- rows

    [Fact]
    public async Task A_transaction_of_n_accounts_costs_at_most_2n_less_1_rows_and_its_last_agent_one()
    {
        await using var host = await StartAsync(static options => options.CommitRecordDelay = TimeSpan.FromSeconds(2));
        foreach (var count in new[] { 2, 3, 7, 20 })
        {
            var accounts = Enumerable.Range(0, count).Select(i => Address($"n{count}:{i}")).ToArray();
            await host.Ledger.OpenAccountsAsync([.. accounts.Select(static a => new AccountSpec(a, Usd, 1))]);
            var before = storage.Count("SELECT COUNT(*) FROM journal");
            (await host.Ledger.PostTransactionAsync(Transaction.Of(
                NewId(), accounts.Zip(accounts.Skip(1), (from, to) => Of(from, to, 1))))).Status
                    .ShouldBe(TransferStatus.Created);
            (storage.Count("SELECT COUNT(*) FROM journal") - before).ShouldBeInRange(count, (2 * count) - 1);
            RowsOf(AccountActor.PersistenceIdOf(accounts[^1])).ShouldBe(2);
            await EventuallyAsync(
                () => Task.FromResult(storage.Count("SELECT COUNT(*) FROM journal") - before == (2 * count) - 1));
            RowsOf(AccountActor.PersistenceIdOf(accounts[^1])).ShouldBe(2);
        }
    }

    [Fact]
    public async Task A_hold_and_its_post_cost_two_rows_each_before_the_answer()
    {
        await using var host = await StartAsync(static options => options.CommitRecordDelay = TimeSpan.FromSeconds(2));
        var (a, b) = await OpenTwoAsync(host.Ledger);
        var before = storage.Count("SELECT COUNT(*) FROM journal");
        var hold = Hold(a, b, 5);
        (await host.Ledger.PostTransferAsync(hold)).Status.ShouldBe(TransferStatus.Created);
        (storage.Count("SELECT COUNT(*) FROM journal") - before).ShouldBe(2);
        (await host.Ledger.PostTransferAsync(Post(hold))).Status.ShouldBe(TransferStatus.Created);
        (storage.Count("SELECT COUNT(*) FROM journal") - before).ShouldBe(4);
    }

    // ---------------------------------------------------------------- crash

    [Fact]
    public async Task What_a_coordinator_had_prepared_settles_after_a_restart_with_no_clients_help()
    {
        var names = new[] { "a", "b", "c", "d" };
        await using (var host = await StartAsync())
        {
            foreach (var name in names)
            {
                await OpenAsync(host.Ledger, name);
            }
        }

        // The coordinator died when its preparation was durable, before anybody had heard of it.
        var (a, d) = (Address("a"), Address("d"));
        var yes = Transaction.Of(
            NewId(), [Of(a, Address("b"), 1), Of(Address("b"), Address("c"), 2), Of(Address("c"), d, 3)]);
        var no = Transaction.Of(
            NewId(), [Of(a, Address("b"), 1), Of(Address("b"), Address("nobody"), 2), Of(Address("c"), d, 3)]);
        storage.Append(a, 2, JournalCodec.Encode(
            new EventBatch(2, 0, default)
            {
                Events =
                {
                    new TransactionPrepared(PartOf(yes), Later(1)), new TransactionPrepared(PartOf(no), Later(2)),
                },
            },
            JournalCodec.HashOf((await ReadRowAsync(a, 1)).Span), a));

        await using (var host = await StartAsync())
        {
            await EventuallyAsync(() => Task.FromResult(CountUnfinished() == 0));
            (await host.Ledger.PostTransactionAsync(yes)).Status.ShouldBe(TransferStatus.Exists);
            var refused = await host.Ledger.PostTransactionAsync(no);
            (refused.Status, refused.FailedLeg).ShouldBe((TransferStatus.CreditAccountNotFound, 1));
            await ShouldBeAsync(host, a, debitsPosted: 1);
            await ShouldBeAsync(host, Address("b"), debitsPosted: 2, creditsPosted: 1);
            await ShouldBeAsync(host, Address("c"), debitsPosted: 3, creditsPosted: 2);
            await ShouldBeAsync(host, d, creditsPosted: 3);
        }
    }

    [Fact]
    public async Task Whatever_a_crash_cuts_off_settles_after_the_restart_all_or_nothing()
    {
        var accounts = Enumerable.Range(0, 6).Select(i => Address($"k{i}")).ToArray();
        var transactions = new List<Transaction>();
        for (var round = 0; round < 4; round++)
        {
            var host = await StartAsync();
            if (round == 0)
            {
                await host.Ledger.OpenAccountsAsync([.. accounts.Select(static a => new AccountSpec(a, Usd, 1))]);
            }

            var before = storage.Count("SELECT COUNT(*) FROM journal");
            var batch = Enumerable.Range(0, 40).Select(_ =>
            {
                var order = accounts.OrderBy(_ => random.Next()).Take(random.Next(2, 6)).ToArray();
                return Transaction.Of(
                    NewId(), order.Zip(order.Skip(1), (from, to) => Of(from, to, (ulong)random.Next(1, 9))));
            }).ToArray();
            transactions.AddRange(batch);
            var calls = batch.Select(transaction => host.Ledger.PostTransactionAsync(transaction)).ToArray();
            while (storage.Count("SELECT COUNT(*) FROM journal") - before < 3 + (5 * round))
            {
                await Task.Yield();
            }

            await host.KillAsync();
            foreach (var call in calls)
            {
                _ = call.ContinueWith(static task => task.Exception, TaskScheduler.Default);
            }
        }

        await using (var host = await StartAsync())
        {
            await EventuallyAsync(() => Task.FromResult(CountUnfinished() == 0));
            var results = await Task.WhenAll(
                transactions.Select(transaction => host.Ledger.PostTransactionAsync(transaction)));
            results.ShouldAllBe(static result => result.IsCommitted);
            foreach (var account in accounts)
            {
                var legs = transactions.SelectMany(static transaction => transaction.Legs)
                    .Select(static leg => leg.Transfer!).ToArray();
                await ShouldBeAsync(
                    host, account,
                    debitsPosted: (ulong)legs.Where(leg => leg.DebitAccount == account)
                        .Sum(static leg => (decimal)(ulong)leg.Amount.Value),
                    creditsPosted: (ulong)legs.Where(leg => leg.CreditAccount == account)
                        .Sum(static leg => (decimal)(ulong)leg.Amount.Value));
            }
        }
    }

    // ---------------------------------------------------------------- helpers

    // A leg names its asset.
    private Transfer Of(AccountAddress debit, AccountAddress credit, ulong amount) =>
        Transfer(debit, credit, amount) with { Asset = Usd };

    private static TransactionBranch PartOf(Transaction transaction) => new()
    {
        Id = transaction.Id,
        Coordinator = transaction.Legs[0].Transfer!.DebitAccount,
        LegCount = transaction.Legs.Length,
        Asked = TransferContent.DigestOf(transaction),
        Legs = [
            .. transaction.Legs.Select(
                static (leg, i) => new ResolvedLeg(i, leg.Transfer, null) { Amount = leg.Transfer!.Amount })],
    };

    // How much the journal holds as prepared and not as decided: read from the database, so that nobody is woken by it.
    private int CountUnfinished()
    {
        var unfinished = new HashSet<(string, TransferId)>();
        foreach (var (stream, sequenceNr, row) in storage.Rows())
        {
            var account = Address(stream[AccountActor.PersistenceIdPrefix.Length..]);
            foreach (var happened in JournalCodec.Decode(row, account, sequenceNr, out _).Events)
            {
                switch (happened)
                {
                    case TransactionPrepared prepared:
                        unfinished.Add((stream, prepared.Branch.Key)).ShouldBeTrue();
                        break;
                    case TransactionCommitted committed:
                        unfinished.Remove((stream, committed.Key)).ShouldBeTrue();
                        break;
                    case TransactionAborted aborted:
                        unfinished.Remove((stream, aborted.Key)).ShouldBeTrue();
                        break;
                    default:
                        break;
                }
            }
        }

        return unfinished.Count;
    }
}
