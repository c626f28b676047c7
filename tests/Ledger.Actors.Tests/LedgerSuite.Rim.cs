using Akka.Actor;
using Ledger.Actors.Accounts;
using Ledger.Actors.Calls;
using Ledger.Actors.Storage;
using Ledger.Core;

namespace Ledger.Actors.Tests;

/// <content>What no request may do, whatever it asks: end an account, or be answered from a node's memory
/// alone.</content>
public abstract partial class LedgerSuite
{
    [Fact]
    public async Task The_largest_amount_is_held_released_and_more_is_moved_in_one_transaction()
    {
        await using (var host = await StartAsync())
        {
            var (a, b) = await OpenTwoAsync(host.Ledger);
            var c = await OpenAsync(host.Ledger, "c");
            var hold = Transfer(a, b, 0) with { Amount = Amount.MaxValue, Asset = Usd, Flags = TransferFlags.Pending };
            (await host.Ledger.PostTransferAsync(hold)).Status.ShouldBe(TransferStatus.Created);
            var result = await host.Ledger.PostTransactionAsync(Transaction.Of(
                NewId(),
                Transfer(a, b, 0) with { Asset = Usd, Flags = TransferFlags.VoidPending, HoldId = hold.Id },
                Transfer(b, c, 2) with { Asset = Usd }));

            result.Status.ShouldBe(TransferStatus.Created);
            Context(host).Decisions.Count.ShouldBe(0);
        }

        await using (var host = await StartAsync())
        {
            (await host.Ledger.GetAccountAsync(Address("b")))!.Balances
                .ShouldBe(new Balances(default, Amount.Of(2), default, default, default, default));
        }
    }

    [Fact]
    public async Task What_another_account_can_not_decide_is_refused_and_nobody_dies()
    {
        // How many decisions are let through before one throws; fewer than none for no end.
        var left = -1;
        void Deciding()
        {
            if (Volatile.Read(ref left) >= 0 && Interlocked.Decrement(ref left) == -1)
            {
                throw new OverflowException("as the test says");
            }
        }

        Transfer transfer;
        TransferResult refused;
        await using (var host = await StartAsync(o => o.Deciding = Deciding))
        {
            var (a, b) = await OpenTwoAsync(host.Ledger);

            // The coordinator decides first, and then the other account throws.
            transfer = Transfer(a, b, 5);
            Volatile.Write(ref left, 1);
            refused = await host.Ledger.PostTransferAsync(transfer);
            refused.Status.ShouldBe(TransferStatus.DecisionFailed);
            Context(host).Decisions.Count.ShouldBe(1);
            foreach (var account in new[] { a, b })
            {
                (await host.Ledger.GetAccountAsync(account, TimeSpan.FromSeconds(5)))!.Balances.ShouldBe(default);
            }

            // A client's own call fails by name, and does nothing.
            Volatile.Write(ref left, 0);
            var own = Transfer(a, b, 6);
            (await Should.ThrowAsync<LedgerException>(() => host.Ledger.PostTransferAsync(own)))
                .Reason.ShouldBe(LedgerErrorReason.DecisionFailed);
            (await host.Ledger.PostTransferAsync(own)).Status.ShouldBe(TransferStatus.Created);
        }

        await using (var host = await StartAsync())
        {
            var again = await host.Ledger.PostTransferAsync(transfer);
            (again.Status, again.CreateTime, again.Replayed).ShouldBe((refused.Status, refused.CreateTime, true));
            again.BalanceSeen.ShouldBe(refused.BalanceSeen);
        }
    }

    [Fact]
    public async Task A_leg_that_is_sent_again_alone_is_answered_with_its_own_amount_also_after_a_restart()
    {
        BatchItem[] chain;
        Transfer[] legs;
        await using (var host = await StartAsync())
        {
            var (a, b) = await OpenTwoAsync(host.Ledger);
            var c = await OpenAsync(host.Ledger, "c");
            legs = [Transfer(a, b, 5000) with { Asset = Usd }, Transfer(a, c, 3) with { Asset = Usd }];
            chain = [new(TransactionLeg.Of(legs[0]), Linked: true), new(TransactionLeg.Of(legs[1]))];
            (await host.Ledger.SubmitBatchAsync(chain))
                .ShouldAllBe(static one => one.Transfer!.Status == TransferStatus.Created);
            await CheckAsync(host.Ledger);
        }

        await using (var host = await StartAsync(static o => o.IdempotencyWindowMax = 1))
        {
            await CheckAsync(host.Ledger);
        }

        async Task CheckAsync(ILedger ledger)
        {
            foreach (var leg in legs)
            {
                var alone = await ledger.PostTransferAsync(leg);
                (alone.Status, alone.Amount).ShouldBe((TransferStatus.Exists, leg.Amount));
                var item = (await ledger.SubmitBatchAsync([new BatchItem(TransactionLeg.Of(leg))]))[0].Transfer!;
                (item.Status, item.Amount).ShouldBe((TransferStatus.Exists, leg.Amount));
                (await ledger.GetTransferAsync(leg.CreditAccount, leg.Id))!.Amount.ShouldBe(leg.Amount);
            }

            (await ledger.SubmitBatchAsync(chain)).Select(static one => one.Transfer!.Amount)
                .ShouldBe(legs.Select(static leg => leg.Amount));
        }
    }

    [Fact]
    public async Task The_id_of_a_leg_that_failed_is_answered_the_same_way_after_a_restart()
    {
        var poor = Address("poor");
        Transfer leg;
        Transfer other;
        await using (var host = await StartAsync())
        {
            var (a, b) = await OpenTwoAsync(host.Ledger);
            await host.Ledger.OpenAccountsAsync([new AccountSpec(poor, Usd,
                1) { DebitsMustNotExceedCredits = Amount.Of(0) }]);
            leg = Transfer(poor, b, 5) with { Asset = Usd };
            (await host.Ledger.PostTransactionAsync(Transaction.Of(NewId(), leg)))
                .Status.ShouldBe(TransferStatus.ExceedsCredits);

            // The coordinator of this one is not among the accounts of the leg that fails.
            other = Transfer(poor, b, 6) with { Asset = Usd };
            (await host.Ledger.PostTransactionAsync(Transaction.Of(NewId(), Transfer(a, b, 1) with { Asset = Usd },
                other)))
                .Status.ShouldBe(TransferStatus.ExceedsCredits);
            (await host.Ledger.PostTransferAsync(Transfer(a, poor, 100))).Status.ShouldBe(TransferStatus.Created);
            (await host.Ledger.PostTransactionAsync(Transaction.Of(NewId(), leg)))
                .Status.ShouldBe(TransferStatus.IdAlreadyFailed);
            (await host.Ledger.PostTransferAsync(leg)).Status.ShouldBe(TransferStatus.IdAlreadyFailed);
            (await host.Ledger.PostTransferAsync(other)).Status.ShouldBe(TransferStatus.Created);
        }

        await using (var host = await StartAsync())
        {
            (await host.Ledger.PostTransactionAsync(Transaction.Of(NewId(), leg)))
                .Status.ShouldBe(TransferStatus.IdAlreadyFailed);
            (await host.Ledger.PostTransferAsync(leg)).Status.ShouldBe(TransferStatus.IdAlreadyFailed);
            (await host.Ledger.PostTransferAsync(other)).Status.ShouldBe(TransferStatus.Exists);
        }
    }

    [Fact]
    public async Task Holds_are_limited_by_counterparty_and_by_account_also_after_a_restart()
    {
        static void Limit(LedgerOptions options)
        {
            options.AccountHoldsMax = 3;
            options.CounterpartyHoldsMax = 2;
        }

        Transfer rejected;
        TransferResult first;
        await using (var host = await StartAsync(Limit))
        {
            var (a, b) = await OpenTwoAsync(host.Ledger);
            var c = await OpenAsync(host.Ledger, "c");
            rejected = Held(b, a);
            (await host.Ledger.PostTransferAsync(Held(a, b))).Status.ShouldBe(TransferStatus.Created);
            (await host.Ledger.PostTransferAsync(Held(b, a))).Status.ShouldBe(TransferStatus.Created);
            first = await host.Ledger.PostTransferAsync(rejected);
            first.Status.ShouldBe(TransferStatus.ExceedsHoldsWithCounterparty);
            (await host.Ledger.PostTransferAsync(Held(c, a))).Status.ShouldBe(TransferStatus.Created);
            (await host.Ledger.PostTransferAsync(Held(c, a))).Status.ShouldBe(TransferStatus.ExceedsHoldsOfAccount);
            (await host.Ledger.PostTransferAsync(Held(c, b))).Status.ShouldBe(TransferStatus.Created);
        }

        await using (var host = await StartAsync(Limit))
        {
            var again = await host.Ledger.PostTransferAsync(rejected);
            (again.Status, again.CreateTime, again.Replayed).ShouldBe((first.Status, first.CreateTime, true));
            (await host.Ledger.PostTransferAsync(Held(Address("c"), Address("a"))))
                .Status.ShouldBe(TransferStatus.ExceedsHoldsOfAccount);
        }

        Transfer Held(AccountAddress debit, AccountAddress credit) =>
            Transfer(debit, credit, 1) with { Asset = Usd, Flags = TransferFlags.Pending };
    }

    [Fact]
    public async Task An_account_goes_to_sleep_in_time_although_the_clock_was_set_back()
    {
        var clock = new ShiftedClock();
        await using var host = await StartAsync(options =>
        {
            options.TimeProvider = clock;
            options.PassivateAfter = TimeSpan.FromSeconds(1);
            options.CommitRecordDelay = TimeSpan.FromMilliseconds(10);
        });
        if (storage.Clustered)
        {
            return;
        }

        await OpenTwoAsync(host.Ledger);
        clock.Shift = TimeSpan.FromHours(-1);
        await EventuallyAsync(() => IsAsleepAsync(host));
    }

    [Fact]
    public async Task What_the_journal_told_a_former_incarnation_is_not_taken_by_the_next()
    {
        await using var host = await StartAsync(static options =>
        {
            options.IdempotencyWindowMax = 1;
            options.PassivateAfter = TimeSpan.FromMilliseconds(100);
            options.CommitRecordDelay = TimeSpan.FromMilliseconds(10);
        });
        if (storage.Clustered)
        {
            return;
        }

        var (a, b) = await OpenTwoAsync(host.Ledger);
        var first = Transfer(a, b, 5);
        (await host.Ledger.PostTransferAsync(first)).Status.ShouldBe(TransferStatus.Created);
        (await host.Ledger.PostTransferAsync(Transfer(a, b, 1))).Status.ShouldBe(TransferStatus.Created);
        (await host.Ledger.PostTransferAsync(Transfer(a, b, 1))).Status.ShouldBe(TransferStatus.Created);
        await EventuallyAsync(() => IsAsleepAsync(host));

        // The same account under a parent of the test's, whose journal answers when the test says so.
        await using var gate = new GatedStreams(Context(host).Reader.Streams);
        var context =
            Context(host) with { Reader = new AccountStreamReader(gate), PassivateAfter = TimeSpan.FromHours(1) };
        var actor = host.System.ActorOf(AccountProducer.Props(a, context));
        using var calls = new PendingCalls(TimeProvider.System, 10);
        var retry = calls.AskAsync(
            actor, a, (caller, until) => new PostTransferRequest(first, caller, until),
            DateTimeOffset.UtcNow.AddSeconds(60), CancellationToken.None);
        await gate.Asked.WaitAsync(TimeSpan.FromSeconds(30));

        // What an exception left behind: "nothing is known of it", for a question of the same number.
        var question = new IdLookup(first.Id, 0, 1, default, LedgerTime.MaxValue, false) { Number = 1 };
        foreach (var kind in Enumerable.Range(0, 4))
        {
            actor.Tell(new SearchEnded(kind, [question], [new IdAnswer(question, null, true)], null));
            actor.Tell(new SearchEnded(kind, [question], null, new InvalidOperationException("former")));
        }

        gate.Open();

        (await retry).ShouldBeOfType<PostTransferResponse>().Result.Status.ShouldBe(TransferStatus.Exists);
        await actor.GracefulStop(TimeSpan.FromSeconds(10));
        (await host.Ledger.GetAccountAsync(a))!.Balances.DebitsPosted.ShouldBe(Amount.Of(7));
    }

    private sealed class GatedStreams(IAccountStreams inner) : IAccountStreams
    {
        private readonly TaskCompletionSource asked = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly TaskCompletionSource open = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task Asked => asked.Task;

        public void Open() => open.TrySetResult();

        public async Task<IReadOnlyList<StreamRow>> ReadAsync(
            string persistenceId, long fromSequenceNr, long toSequenceNr, int maxRows, bool descending,
            CancellationToken cancellationToken)
        {
            asked.TrySetResult();
            await open.Task;
            return await inner.ReadAsync(
                persistenceId, fromSequenceNr, toSequenceNr, maxRows, descending, cancellationToken);
        }

        public Task<IReadOnlyList<string>> ListStreamsAsync(
            string prefix, string? after, int limit, CancellationToken cancellationToken) =>
            inner.ListStreamsAsync(prefix, after, limit, cancellationToken);

        // The ledger's own.
        public ValueTask DisposeAsync() => default;
    }

    private sealed class ShiftedClock : TimeProvider
    {
        private long shift;

        public TimeSpan Shift
        {
            set => Volatile.Write(ref shift, value.Ticks);
        }

        public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + TimeSpan.FromTicks(Volatile.Read(ref shift));
    }

    private static AccountActorContext Context(LedgerHost host) => LedgerExtension.Of(host.System).Context;
}
