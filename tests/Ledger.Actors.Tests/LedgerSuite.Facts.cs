using Ledger.Actors.Accounts;
using Ledger.Actors.Journal;
using Ledger.Core;

namespace Ledger.Actors.Tests;

/// <content>The facts that every row and answer carries.</content>
public abstract partial class LedgerSuite
{
    // ---------------------------------------------------------------- effective time

    [Fact]
    public async Task When_a_transfer_counts_is_kept_and_returned_everywhere_also_after_a_restart()
    {
        var times =
            new[] { new LedgerTime(0), new LedgerTime(-1), LedgerLimits.EffectiveTimeMin,
                LedgerLimits.EffectiveTimeMax };
        var transfers = new List<Transfer>();
        Transaction transaction;
        await using (var host = await StartAsync())
        {
            var (a, b) = await OpenTwoAsync(host.Ledger);
            var c = await OpenAsync(host.Ledger, "c");
            foreach (var time in times)
            {
                transfers.Add(Transfer(a, b, 5) with { EffectiveTime = time });
                (await host.Ledger.PostTransferAsync(transfers[^1])).Status.ShouldBe(TransferStatus.Created);
            }

            transaction = Transaction.Of(
                NewId(), Transfer(a, b, 1) with { Asset = Usd, EffectiveTime = times[1] },
                Transfer(b, c, 1) with { Asset = Usd });
            (await host.Ledger.PostTransactionAsync(transaction)).Status.ShouldBe(TransferStatus.Created);
        }

        await using (var host = await StartAsync())
        {
            foreach (var transfer in transfers)
            {
                foreach (var account in new[] { transfer.DebitAccount, transfer.CreditAccount })
                {
                    (await host.Ledger.GetTransferAsync(account, transfer.Id)).ShouldNotBeNull().Transfer
                        .ShouldBe(transfer);
                    var entries = (await host.Ledger.ListStatementAsync(new StatementQuery(account)))!.Entries;
                    entries.Single(entry => entry.Transfer.Id == transfer.Id).Transfer.ShouldBe(transfer);
                    entries.ShouldAllBe(static entry => entry.Asset == Usd, "also where the sender did not name it");
                }

                (await host.Ledger.PostTransferAsync(transfer)).Status.ShouldBe(TransferStatus.Exists);
                (await host.Ledger.PostTransferAsync(transfer with { EffectiveTime = new LedgerTime(5) })).Status
                    .ShouldBe(TransferStatus.ExistsWithDifferentEffectiveTime);
                (await host.Ledger.PostTransferAsync(transfer with { EffectiveTime = null })).Status
                    .ShouldBe(TransferStatus.ExistsWithDifferentEffectiveTime);
            }

            var coordinator = transaction.Legs[0].Transfer!.DebitAccount;
            (await host.Ledger.GetTransactionAsync(coordinator, transaction.Id)).ShouldNotBeNull().Transaction.Legs
                .ShouldBe(transaction.Legs);
        }
    }

    [Fact]
    public async Task A_post_and_a_correction_count_when_they_say_and_not_when_their_hold_or_original_does()
    {
        await using var host = await StartAsync();
        var (a, b) = await OpenTwoAsync(host.Ledger);
        var then = new LedgerTime(1_700_000_000_000_000);
        var hold = Transfer(a, b, 30) with { Flags = TransferFlags.Pending, EffectiveTime = then };
        (await host.Ledger.PostTransferAsync(hold)).Status.ShouldBe(TransferStatus.Created);
        (await host.Ledger.GetTransferAsync(b, hold.Id)).ShouldNotBeNull().Transfer.EffectiveTime.ShouldBe(then);
        Transfer Post(LedgerTime? time) => new(NewId(), default, default, Amount.Of(10), 0)
        {
            Flags = TransferFlags.PostPending | TransferFlags.KeepRest, HoldId = hold.Id, EffectiveTime = time,
        };
        foreach (var time in new LedgerTime?[] { null, new LedgerTime(3) })
        {
            var post = Post(time);
            (await host.Ledger.PostTransferAsync(post)).Status.ShouldBe(TransferStatus.Created);
            foreach (var account in new[] { a, b })
            {
                (await host.Ledger.GetTransferAsync(account, post.Id)).ShouldNotBeNull().Transfer.EffectiveTime
                    .ShouldBe(time);
            }
        }

        var original = Transfer(a, b, 7) with { EffectiveTime = then };
        (await host.Ledger.PostTransferAsync(original)).Status.ShouldBe(TransferStatus.Created);
        foreach (var time in new LedgerTime?[] { null, new LedgerTime(4) })
        {
            var correction =
                new Reversal(NewId(), a, original.Id, "by mistake") { Amount = Amount.Of(2), EffectiveTime = time };
            (await host.Ledger.ReverseTransactionAsync(correction)).Status.ShouldBe(TransferStatus.Created);
            (await host.Ledger.GetTransferAsync(a, correction.Id)).ShouldNotBeNull().Transfer.EffectiveTime
                .ShouldBe(time);
        }
    }

    [Fact]
    public async Task A_time_that_can_t_be_printed_is_refused_before_anything_is_done()
    {
        await using var host = await StartAsync();
        var (a, b) = await OpenTwoAsync(host.Ledger);
        foreach (var micros in new[]
        {
            LedgerLimits.EffectiveTimeMin.UnixMicroseconds - 1, LedgerLimits.EffectiveTimeMax.UnixMicroseconds + 1,
            long.MaxValue, long.MinValue + 1,
        })
        {
            var transfer = Transfer(a, b, 5) with { Asset = Usd, EffectiveTime = new LedgerTime(micros) };
            foreach (var (field, call) in new (string, Func<Task>)[]
            {
                ("effective_time", () => host.Ledger.PostTransferAsync(transfer)),
                ("transfers[0].effective_time", () => host.Ledger.PostTransfersAsync([transfer])),
                ("legs[0].effective_time", () => host.Ledger.PostTransactionAsync(Transaction.Of(NewId(), transfer))),
                ("items[0].effective_time",
                    () => host.Ledger.SubmitBatchAsync([new BatchItem(TransactionLeg.Of(transfer))])),
                ("effective_time", () => host.Ledger.ReverseTransactionAsync(
                    new Reversal(NewId(), a, NewId(), "r") { EffectiveTime = transfer.EffectiveTime })),
                ("effective_time", () => host.Ledger.ResolveTransactionAsync(
                    new TransactionResolution(NewId(), a, NewId(), Post: true) { EffectiveTime =
                        transfer.EffectiveTime })),
            })
            {
                var refused = await Should.ThrowAsync<LedgerException>(call);
                refused.Reason.ShouldBe(LedgerErrorReason.InvalidArgument);
                refused.Field.ShouldBe(field);
            }
        }

        (await host.Ledger.GetAccountAsync(a))!.Balances.ShouldBe(default);
    }

    // ---------------------------------------------------------------- principals

    [Fact]
    public async Task Who_asked_first_is_in_the_journal_of_every_account_that_took_part()
    {
        var (a, b, c) = (Address("p:a"), Address("p:b"), Address("p:c"));
        var (alice, bob) = ("alice", "service:bob");
        Transfer plain, hold, rejected;
        Transaction transaction;
        await using (var host = await StartAsync())
        {
            var ledger = host.Ledger.WithCaller(alice);
            await ledger.OpenAccountsAsync([new AccountSpec(a, Usd, 1), new AccountSpec(b, Usd, 1)]);
            await host.Ledger.OpenAccountsAsync(
                [new AccountSpec(c, Usd, 1) { DebitsMustNotExceedCredits = Amount.Zero }]);
            await host.Ledger.WithCaller(bob)
                .ChangeAccountAsync(a, new FreezeAccount(new AccountFreeze(true, true, "r", null)));
            await ledger.ChangeAccountAsync(a, new UnfreezeAccount("r"));
            plain = Transfer(a, b, 5);
            hold = Transfer(a, b, 30) with { Flags = TransferFlags.Pending, Timeout = TimeSpan.FromHours(1) };
            rejected = Transfer(c, b, 30);
            transaction = Transaction.Of(
                NewId(), Transfer(a, b, 1) with { Asset = Usd }, Transfer(b, c, 1) with { Asset = Usd });
            (await ledger.PostTransferAsync(plain)).Status.ShouldBe(TransferStatus.Created);
            (await ledger.PostTransferAsync(hold)).Status.ShouldBe(TransferStatus.Created);
            (await host.Ledger.WithCaller(bob).PostTransferAsync(rejected)).Status
                .ShouldBe(TransferStatus.ExceedsCredits);
            (await ledger.PostTransactionAsync(transaction)).Status.ShouldBe(TransferStatus.Created);
            (await ledger.ExtendHoldAsync(
                new ExtendHold(hold.Id, LedgerTime.From(DateTimeOffset.UtcNow.AddDays(1))) { Account = a })).Status
                .ShouldBe(TransferStatus.Created);

            // Whoever asks again asks for the same, and the first one stays.
            foreach (var again in new[] { host.Ledger, host.Ledger.WithCaller(bob) })
            {
                (await again.PostTransferAsync(plain)).Status.ShouldBe(TransferStatus.Exists);
                (await again.PostTransactionAsync(transaction)).Status.ShouldBe(TransferStatus.Exists);
            }

            await CheckAsync(host);
        }

        await using (var host = await StartAsync())
        {
            await CheckAsync(host);
        }

        foreach (var (stream, _, row) in storage.Rows())
        {
            var account = AccountAddress.Parse(stream[AccountActor.PersistenceIdPrefix.Length..]);
            if (account != a && account != b && account != c)
            {
                continue;
            }

            foreach (var happened in JournalCodec.Decode(row, account, 1, out _).Events)
            {
                switch (happened)
                {
                    case TransactionPrepared prepared:
                        prepared.Branch.Principal.ShouldBe(alice);
                        break;
                    case LastAgentCommitted closed:
                        closed.Branch.Principal.ShouldBe(alice);
                        break;
                    case TransactionRejected refused:
                        refused.Branch.Principal.ShouldBe(bob);
                        break;
                    case AccountOpened opened:
                        opened.Principal.ShouldBe(account == c ? "" : alice);
                        break;
                    case AccountChanged changed:
                        changed.Principal.ShouldBe(changed.Change is FreezeAccount ? bob : alice);
                        break;
                    case HoldExtended extended:
                        extended.Principal.ShouldBe(alice);
                        break;
                    default:
                        happened.ShouldBeOfType<TransactionCommitted>();
                        break;
                }
            }
        }

        async Task CheckAsync(LedgerHost host)
        {
            foreach (var (id, account, principal) in new[]
            {
                (plain.Id, a, alice), (plain.Id, b, alice), (hold.Id, a, alice), (hold.Id, b, alice),
                (rejected.Id, c, bob),
                (transaction.Legs[0].Transfer!.Id, a, alice), (transaction.Legs[1].Transfer!.Id, b, alice),
                (transaction.Legs[1].Transfer!.Id, c, alice),
            })
            {
                (await host.Ledger.GetTransferAsync(account, id)).ShouldNotBeNull().Principal.ShouldBe(principal);
            }

            (await host.Ledger.GetTransactionAsync(a, transaction.Id)).ShouldNotBeNull().Principal.ShouldBe(alice);
        }
    }

    [Fact]
    public async Task An_expiry_is_the_ledger_s_own_and_says_so()
    {
        await using var host = await StartAsync();
        var (a, b) = await OpenTwoAsync(host.Ledger);
        var hold = Transfer(a, b, 30) with { Flags = TransferFlags.Pending, Timeout = TimeSpan.FromMilliseconds(1) };
        (await host.Ledger.WithCaller("alice").PostTransferAsync(hold)).Status.ShouldBe(TransferStatus.Created);
        await EventuallyAsync(async () => (await host.Ledger.GetTransferAsync(a, hold.Id))!.Hold == HoldState.Expired);
        await EventuallyAsync(async () => (await host.Ledger.GetAccountAsync(b))!.HoldCount == 0);
        (await host.Ledger.GetTransferAsync(a, hold.Id))!.Principal.ShouldBe("alice");
        foreach (var account in new[] { a, b })
        {
            var expiry = storage.Rows()
                .Where(row => row.Stream == AccountActor.PersistenceIdOf(account))
                .SelectMany(row => JournalCodec.Decode(row.Row, account, row.SequenceNr, out _).Events)
                .Select(
                    static happened =>
                        (happened as TransactionPrepared)?.Branch ?? (happened as LastAgentCommitted)?.Branch)
                .Single(static part => part?.Legs[0].Transfer!.ResolvesHold == true);
            expiry!.Principal.ShouldBe(Principals.Expiry);
        }
    }

    [Theory]
    [InlineData("ledger:expiry")]
    [InlineData("ledger:")]
    [InlineData("two\nlines")]
    [InlineData("nul\0")]
    public async Task A_name_that_is_none_is_refused(string principal)
    {
        await using var host = await StartAsync();
        foreach (var name in new[] { principal, "half \ud83d", new string('x', 129), new string('ü', 65) })
        {
            var refused = Should.Throw<LedgerException>(() => host.Ledger.WithCaller(name));
            refused.Reason.ShouldBe(LedgerErrorReason.InvalidArgument);
            refused.Field.ShouldBe("principal");
        }

        host.Ledger.WithCaller(new string('ü', 64)).ShouldNotBeNull();
        host.Ledger.WithCaller("").ShouldNotBeNull();
    }

    // ---------------------------------------------------------------- positions

    [Fact]
    public async Task A_write_says_which_row_decided_it_and_a_retry_says_none()
    {
        await using var host = await StartAsync();
        var (a, b, c, poor) = (Address("q:a"), Address("q:b"), Address("q:c"), Address("q:poor"));
        AccountSpec[] specs =
        [
            new(a, Usd, 1), new(b, Usd, 1) { CreditsMustNotExceedDebits = Amount.Of(100) }, new(c, Usd, 1),
            new(poor, Usd, 1) { DebitsMustNotExceedCredits = Amount.Zero },
        ];
        foreach (var opened in await host.Ledger.OpenAccountsAsync(specs))
        {
            opened.Position.ShouldBe(new RowPosition(opened.Address, 1));
            EventsOf(opened.Position).OfType<AccountOpened>().ShouldHaveSingleItem();
        }

        (await host.Ledger.OpenAccountsAsync(specs)).ShouldAllBe(static again => again.Position.IsNone);

        var transfer = Transfer(a, b, 5);
        var posted = await host.Ledger.PostTransferAsync(transfer);
        ShouldBeCommitted(posted.Position, b, transfer.Id);
        (await host.Ledger.PostTransferAsync(transfer)).Position.IsNone.ShouldBeTrue();

        var hold = Transfer(a, c, 30) with { Flags = TransferFlags.Pending, Timeout = TimeSpan.FromHours(1) };
        ShouldBeCommitted((await host.Ledger.PostTransferAsync(hold)).Position, c, hold.Id);
        var post = new Transfer(NewId(), default, default, Amount.MaxValue, 0)
        {
            Flags = TransferFlags.PostPending, HoldId = hold.Id,
        };
        var live = Transfer(a, c, 30) with { Flags = TransferFlags.Pending };
        (await host.Ledger.PostTransferAsync(live)).Status.ShouldBe(TransferStatus.Created);
        var extended = await host.Ledger.ExtendHoldAsync(
            new ExtendHold(live.Id, LedgerTime.From(DateTimeOffset.UtcNow.AddDays(1))) { Account = a });
        EventsOf(extended.Position).OfType<HoldExtended>().ShouldHaveSingleItem();
        extended.Position.Account.ShouldBe(a);
        ShouldBeCommitted((await host.Ledger.PostTransferAsync(post)).Position, c, post.Id);

        var transaction = Transaction.Of(
            NewId(), Transfer(a, c, 1) with { Asset = Usd }, Transfer(c, poor, 1) with { Asset = Usd });
        ShouldBeCommitted((await host.Ledger.PostTransactionAsync(transaction)).Position, poor, transaction.Id);
        (await host.Ledger.PostTransactionAsync(transaction)).Position.IsNone.ShouldBeTrue();

        // By the account that is asked, and by another one, whose refusal the account that is asked writes down.
        foreach (var (refused, reason) in new[]
        {
            (Transfer(poor, c, 500), TransferStatus.ExceedsCredits),
            (Transfer(a, b, 500), TransferStatus.ExceedsDebits),
        })
        {
            var rejected = await host.Ledger.PostTransferAsync(refused);
            rejected.Status.ShouldBe(reason);
            rejected.Position.Account.ShouldBe(refused.DebitAccount);
            EventsOf(rejected.Position).Count(happened => happened switch
            {
                TransactionRejected one => one.Branch.Id == refused.Id,
                TransactionAborted one => one.Key == refused.Id,
                _ => false,
            }).ShouldBe(1);
        }

        var changed = await host.Ledger.ChangeAccountAsync(a, new CloseAccount("r"));
        changed.Position.Account.ShouldBe(a);
        EventsOf(changed.Position).OfType<AccountChanged>().ShouldHaveSingleItem();
        (await host.Ledger.ChangeAccountAsync(a, new CloseAccount("r"))).Position.IsNone.ShouldBeTrue();

        var (d, e) = (Address("q:d"), Address("q:e"));
        var opening = Transfer(d, e, 5) with { Asset = Usd, Flags = TransferFlags.OpenAccounts };
        ShouldBeCommitted((await host.Ledger.PostTransferAsync(opening)).Position, e, opening.Id);
        var chain = await host.Ledger.SubmitBatchAsync(
        [
            new BatchItem(TransactionLeg.Of(Transfer(d, e, 5) with { Asset = Usd }), Linked: true),
            new BatchItem(TransactionLeg.Of(Transfer(e, d, 5) with { Asset = Usd })),
        ]);
        chain.ShouldAllBe(
            item => item.Transfer!.Position == chain[0].Transfer!.Position && !item.Transfer.Position.IsNone);

        // As text it is told from anything else.
        var text = host.Ledger.PositionOf(posted.Position);
        host.Ledger.WithCaller("alice").PositionOf(posted.Position).ShouldBe(text);
        host.Ledger.PositionOf(default).ShouldBeEmpty();

        void ShouldBeCommitted(RowPosition position, AccountAddress lastAgent, TransferId id)
        {
            position.Account.ShouldBe(lastAgent);
            EventsOf(position).OfType<LastAgentCommitted>().Count(closed => closed.Branch.Id == id).ShouldBe(1);
        }
    }

    private IList<AccountEvent> EventsOf(RowPosition position) => JournalCodec.Decode(
        storage.Rows().Single(
            row => row.Stream == AccountActor.PersistenceIdOf(position.Account)
            && row.SequenceNr == position.SequenceNr).Row,
        position.Account, position.SequenceNr, out _).Events;

    // ---------------------------------------------------------------- balances afterwards

    [Fact]
    public async Task A_transfer_tells_its_accounts_as_they_are_right_after_it_at_no_further_row()
    {
        await using var host = await StartAsync();
        var (a, b) = (Address("r:a"), Address("r:b"));
        await host.Ledger.OpenAccountsAsync(
        [
            new AccountSpec(a, Usd, 1) { DebitsMustNotExceedCredits = Amount.Of(1000) },
            new AccountSpec(b, Usd, 1) { CreditsMustNotExceedDebits = Amount.Of(5000) },
        ]);
        var ledger = host.Ledger.ReturningBalances();
        var (debits, credits) = (await RowCountsAsync());
        for (var i = 1; i <= 3; i++)
        {
            var transfer = Transfer(a, b, 10);
            var result = await ledger.PostTransferAsync(transfer);
            var seen = (await host.Ledger.GetAccountAsync(a))!;
            result.DebitAfter.ShouldNotBeNull().ShouldBe(new AccountAfter(
                a, seen.Balances, result.DebitAfter.Version, (ulong)i, Amount.Of(1000 - (10 * (ulong)i)), null));
            seen.Balances.DebitsPosted.ShouldBe(Amount.Of(10 * (ulong)i));
            result.CreditAfter.ShouldNotBeNull().ShouldBe(new AccountAfter(
                b, (await host.Ledger.GetAccountAsync(b))!.Balances, result.Position.SequenceNr, (ulong)i, null,
                Amount.Of(5000 - (10 * (ulong)i))));

            // Never as they are now.
            var again = await ledger.PostTransferAsync(transfer);
            again.Status.ShouldBe(TransferStatus.Exists);
            again.DebitAfter.ShouldBeNull();
            again.CreditAfter.ShouldBeNull();
            (await ledger.PostTransferAsync(Transfer(a, b, 100_000))).DebitAfter.ShouldBeNull();
        }

        // Who does not ask is told nothing, and writes as many rows.
        var unasked = await host.Ledger.PostTransferAsync(Transfer(a, b, 1));
        unasked.DebitAfter.ShouldBeNull();
        unasked.CreditAfter.ShouldBeNull();
        var before = await RowCountsAsync();
        (await ledger.PostTransferAsync(Transfer(a, b, 1))).Status.ShouldBe(TransferStatus.Created);
        var withBalances = await RowCountsAsync();
        (await host.Ledger.PostTransferAsync(Transfer(a, b, 1))).Status.ShouldBe(TransferStatus.Created);
        var without = await RowCountsAsync();
        (withBalances.Debit - before.Debit, withBalances.Credit - before.Credit)
            .ShouldBe((without.Debit - withBalances.Debit, without.Credit - withBalances.Credit));
        debits.ShouldBe(1);
        credits.ShouldBe(1);

        // Reading a statement makes all be written down that is still put off.
        async Task<(long Debit, long Credit)> RowCountsAsync()
        {
            await host.Ledger.ListStatementAsync(new StatementQuery(a));
            await host.Ledger.ListStatementAsync(new StatementQuery(b));
            return (RowsOf(AccountActor.PersistenceIdOf(a)), RowsOf(AccountActor.PersistenceIdOf(b)));
        }
    }

    [Fact]
    public async Task Holds_openings_and_transactions_tell_all_their_accounts_afterwards()
    {
        await using var host = await StartAsync();
        var (a, b) = await OpenTwoAsync(host.Ledger);
        var (c, d) = (await OpenAsync(host.Ledger, "s:c"), Address("s:d"));
        var ledger = host.Ledger.ReturningBalances();
        var hold = Transfer(a, b, 30) with { Flags = TransferFlags.Pending };
        var held = await ledger.PostTransferAsync(hold);
        held.DebitAfter.ShouldNotBeNull().Balances.DebitsPending.ShouldBe(Amount.Of(30));
        held.CreditAfter.ShouldNotBeNull().Balances.CreditsPending.ShouldBe(Amount.Of(30));
        held.CreditAfter.EntryCount.ShouldBe(0ul);
        var post = await ledger.PostTransferAsync(new Transfer(NewId(), default, default, Amount.Of(10), 0)
        {
            Flags = TransferFlags.PostPending, HoldId = hold.Id,
        });
        post.DebitAfter.ShouldNotBeNull().ShouldBe(new AccountAfter(
            a, new Balances(default, Amount.Of(10), default, default, default, default), post.DebitAfter.Version, 1,
            null, null));
        post.CreditAfter.ShouldNotBeNull().Balances
            .ShouldBe(new Balances(default, default, default, Amount.Of(10), default, default));

        var opening = await ledger.PostTransferAsync(
            Transfer(a, d, 7) with { Asset = Usd, Flags = TransferFlags.OpenAccounts });
        opening.DebitAfter.ShouldNotBeNull().Balances.DebitsPosted.ShouldBe(Amount.Of(17));
        opening.CreditAfter.ShouldNotBeNull().Balances.CreditsPosted.ShouldBe(Amount.Of(7));

        var transaction = Transaction.Of(
            NewId(), Transfer(a, b, 1) with { Asset = Usd }, Transfer(b, c, 2) with { Asset = Usd },
            Transfer(c, d, 3) with { Asset = Usd }, Transfer(a, d, 4) with { Asset = Usd });
        var result = await ledger.PostTransactionAsync(transaction);
        result.Status.ShouldBe(TransferStatus.Created);
        result.After.Count.ShouldBe(4);
        foreach (var account in new[] { a, b, c, d })
        {
            var now = (await host.Ledger.GetAccountAsync(account))!;
            var after = result.AfterOf(account).ShouldNotBeNull();
            after.Balances.ShouldBe(now.Balances);
            after.EntryCount.ShouldBe(now.EntryCount);
            after.Version.ShouldBeInRange(1, now.Version);
        }

        (await ledger.PostTransactionAsync(transaction)).After.ShouldBeEmpty();
        (await host.Ledger.PostTransactionAsync(Transaction.Of(NewId(), Transfer(a, b, 1)))).After.ShouldBeEmpty();
        var many = Enumerable.Range(0, LedgerLimits.ReturnedBalancesMax + 1)
            .Select(_ => Transfer(a, b, 1) with { Asset = Usd }).ToArray();
        foreach (var call in new Func<Task>[]
        {
            () => ledger.PostTransfersAsync(many), () => ledger.PostTransactionAsync(Transaction.Of(NewId(), many)),
        })
        {
            (await Should.ThrowAsync<LedgerException>(call)).Reason.ShouldBe(LedgerErrorReason.BatchTooLarge);
        }
    }
}
