using System.Collections.Immutable;

namespace Ledger.Core.Tests.Protocol;

/// <summary>What a coordinator does about a request: given events, when something is asked for, then a
/// decision.</summary>
public sealed class CoordinatorDecideTests
{
    private static readonly AccountAddress s_a = OneAccount.A;
    private static readonly AccountAddress s_b = OneAccount.B;
    private static readonly AccountAddress s_c = OneAccount.C;

    private readonly OperationTable operations = new();
    private readonly AccountState state = new(s_a, 100, TimeSpan.FromDays(1));
    private AccountMachineOptions options = new();
    private long row;

    [Fact]
    public void Given_enough_money_when_a_transfer_is_asked_for_then_it_is_prepared_as_it_came()
    {
        Given(Opened(limit: 0), Received(1, 100));
        var asked = Plain(2, 100);

        var prepare = When(Post(asked)).ShouldBeOfType<Prepare>();

        prepare.Branch.ShouldBeSameAs(prepare.Asked);
        prepare.Branch.Attempt.ShouldBe(0);
        prepare.Branch.Legs.ShouldHaveSingleItem().Transfer.ShouldBeSameAs(asked);
    }

    [Fact]
    public void Given_too_little_money_when_it_is_asked_for_then_the_other_account_is_asked_for_a_higher_reason()
    {
        Given(Opened(limit: 0), Received(1, 99));

        When(Post(Plain(2, 100))).ShouldBeOfType<AskOthers>();
    }

    [Fact]
    public void Given_too_little_money_when_the_other_account_has_no_reason_then_it_is_rejected_with_the_balances_seen()
    {
        Given(Opened(limit: 0), Received(1, 99));
        var operation = Post(Plain(2, 100));
        Report(operation, Is(s_b));

        var reject = When(operation).ShouldBeOfType<Reject>();

        reject.Decision.Status.ShouldBe(TransferStatus.ExceedsCredits);
        Rules().SeenBy(operation, reject.Decision).ShouldNotBeNull().CreditsPosted.ShouldBe(Amount.Of(99));
        CoordinatorRules.FollowsFromIds(reject.Decision).ShouldBeFalse();
    }

    [Fact]
    public void Given_too_little_money_when_the_other_account_is_missing_then_that_is_the_reason()
    {
        Given(Opened(limit: 0), Received(1, 99));
        var operation = Post(Plain(2, 100));
        Report(operation, Is(s_b) with { Spec = null, OpenedWith = null });

        When(operation).ShouldBeOfType<Reject>().Decision.Status.ShouldBe(TransferStatus.CreditAccountNotFound);
    }

    [Fact]
    public void Given_no_account_when_a_transfer_is_asked_for_then_nobody_else_needs_to_be_asked() =>
        When(Post(Plain(2, 100))).ShouldBeOfType<Reject>().Decision.Status
            .ShouldBe(TransferStatus.DebitAccountNotFound);

    [Fact]
    public void Given_money_in_doubt_that_could_be_enough_when_it_is_asked_for_then_it_waits_for_that()
    {
        Given(Opened(limit: 0), Received(1, 50));
        Given(new TransactionPrepared(Branch(9, s_b, s_b, s_a, 60), At(1)));
        var operation = Post(Plain(2, 100));
        Report(operation, Is(s_b));

        // Old doubt: a former incarnation may have told of its end.
        When(operation, second: 60).ShouldBeOfType<WaitForDoubt>().IsForMoney.ShouldBeTrue();
    }

    [Fact]
    public void Given_a_closing_in_doubt_when_a_transfer_is_asked_for_then_it_waits_for_that()
    {
        Given(Opened(), Received(1, 100));
        var closing = Plain(8, 0) with { Flags = TransferFlags.Pending | TransferFlags.ClosingDebit };
        Given(new TransactionPrepared(Branch(closing), At(1)));

        When(Post(Plain(2, 1))).ShouldBeOfType<WaitForDoubt>().IsForMoney.ShouldBeFalse();
    }

    [Fact]
    public void Given_a_deadline_that_has_passed_when_it_is_decided_then_the_caller_learns_that()
    {
        Given(Opened(), Received(1, 100));
        var operation = Post(Plain(2, 1), deadline: 4);

        When(operation, second: 5).ShouldBeOfType<Expire>().Caller.ShouldBeSameAs(operation.Input);
    }

    [Fact]
    public void Given_a_caller_that_has_gone_when_its_deadline_has_passed_then_nothing_is_done()
    {
        Given(Opened(), Received(1, 100));
        var operation = Post(Plain(2, 1), deadline: 4);
        operation.Drop(static _ => true);

        When(operation, second: 5).ShouldBeSameAs(Abandon.Instance);
    }

    [Fact]
    public void Given_a_committed_transfer_when_it_is_asked_for_again_then_it_exists_with_its_time()
    {
        Given(Opened(), Received(1, 100));
        GivenCommitted(Plain(2, 30));

        var result = When(Post(Plain(2, 30))).ShouldBeOfType<Respond>().Result;

        result.Status.ShouldBe(TransferStatus.Exists);
        result.Replayed.ShouldBeTrue();
        result.CreateTime.ShouldBe(At(2));
        result.Legs.ShouldHaveSingleItem().Amount.ShouldBe(Amount.Of(30));
    }

    [Fact]
    public void Given_a_committed_transfer_when_another_content_is_asked_for_then_the_journal_is_asked_for_what_it_was()
    {
        Given(Opened(), Received(1, 100));
        GivenCommitted(Plain(2, 30));

        When(Post(Plain(2, 31))).ShouldBeSameAs(LookUpAgain.Instance);
    }

    [Fact]
    public void Given_a_committed_transfer_when_the_journal_says_what_it_was_then_the_field_that_differs_is_named()
    {
        Given(Opened(), Received(1, 100));
        GivenCommitted(Plain(2, 30));
        var operation = Post(Plain(2, 31));
        LookedUp(operation, OneAccount.Id(2));

        When(operation).ShouldBeOfType<Respond>().Result.Status.ShouldBe(TransferStatus.ExistsWithDifferentAmount);
    }

    [Fact]
    public void Given_a_committed_transfer_when_the_journal_does_not_have_it_then_that_is_a_defect_and_no_loop()
    {
        Given(Opened(), Received(1, 100));
        GivenCommitted(Plain(2, 30));
        var operation = Post(Plain(2, 31));
        operation.Facts = new IdFacts(new Dictionary<TransferId, IdHistory?> { [OneAccount.Id(2)] = null });
        operation.LookedUpTo = row;

        Should.Throw<LedgerInvariantException>(() => When(operation));
    }

    [Fact]
    public void Given_a_rejection_when_the_same_is_asked_for_again_then_it_is_rejected_as_before_whatever_has_changed()
    {
        Given(Opened(limit: 0));
        var rejected = Branch(Plain(2, 30));
        Given(
            new TransactionRejected(rejected, 0, TransferStatus.ExceedsCredits, state.Balances, At(2)),
            Received(1, 100, second: 3));

        var result = When(Post(Plain(2, 30))).ShouldBeOfType<Respond>().Result;

        result.Status.ShouldBe(TransferStatus.ExceedsCredits);
        result.Replayed.ShouldBeTrue();
    }

    [Fact]
    public void Given_a_rejection_that_used_the_id_up_when_something_else_is_asked_for_then_the_id_has_failed()
    {
        Given(Opened(limit: 0));
        Given(
            new TransactionRejected(Branch(Plain(2, 30)), 0, TransferStatus.ExceedsCredits, state.Balances, At(2)),
            Received(1, 100, second: 3));

        When(Post(Plain(2, 31))).ShouldBeOfType<Respond>().Result.Status.ShouldBe(TransferStatus.IdAlreadyFailed);
    }

    [Fact]
    public void Given_an_attempt_that_met_something_in_doubt_when_it_is_decided_again_then_under_a_number_never_used()
    {
        Given(Opened(), Received(1, 100));
        Given(new TransactionPrepared(Branch(Plain(2, 30)), At(1)));
        Given(new TransactionAborted(OneAccount.Id(2), -1, TransferStatus.None, null, At(2)));

        var prepare = When(Post(Plain(2, 30))).ShouldBeOfType<Prepare>();

        prepare.Branch.Attempt.ShouldBe(state.PreparedCount + 1);
        prepare.Branch.Key.ShouldNotBe(prepare.Branch.Id);
    }

    [Fact]
    public void Given_an_id_of_the_future_when_it_is_asked_for_then_it_is_malformed_and_the_id_stays_free()
    {
        Given(Opened(), Received(1, 100));
        var id = new TransferId(((UInt128)(ulong)TimeSpan.FromHours(2).TotalMilliseconds << 80) | ((UInt128)7 << 76)
            | ((UInt128)2 << 62));
        id.IsTimeOrdered.ShouldBeTrue();

        var result = When(Post(Plain(2, 1) with { Id = id })).ShouldBeOfType<Respond>().Result;

        result.Status.ShouldBe(TransferStatus.IdFromTheFuture);
        result.FailedLeg.ShouldBe(0);
    }

    [Fact]
    public void Given_a_bound_of_bytes_when_a_transaction_has_more_then_it_is_refused_and_says_how_many()
    {
        Given(Opened(), Received(1, 100));
        options = options with { TransactionBytesMax = 100 };

        When(Post(TransactionLeg.Of(Plain(2, 1)), TransactionLeg.Of(Plain(3, 1)))).ShouldBeOfType<RefuseSize>()
            .Size.ShouldBeGreaterThan(100);
    }

    [Fact]
    public void Given_an_amount_that_another_account_tells_when_it_has_told_then_it_is_prepared_with_that()
    {
        Given(Opened(), Received(1, 100));
        var balancing = Plain(2, 100) with { Flags = TransferFlags.BalancingCredit };
        var operation = Post(balancing);
        When(operation).ShouldBeOfType<AskOthers>();

        Report(operation, Is(s_b) with
        {
            Spec = new AccountSpec(s_b, OneAccount.Usd, 1) { CreditsMustNotExceedDebits = Amount.Zero },
            Balances = default(Balances) with { DebitsPosted = Amount.Of(40) },
        });

        When(operation).ShouldBeOfType<Prepare>().Branch.Legs.ShouldHaveSingleItem().Amount.ShouldBe(Amount.Of(40));
    }

    [Fact]
    public void Given_many_attempts_when_an_amount_was_reported_then_what_was_said_must_still_be_there_and_no_more()
    {
        Given(Opened(), Received(1, 100));
        var operation = Post(Plain(2, 100) with { Flags = TransferFlags.BalancingDebit });
        operation.Retries = 5;
        Report(operation, Is(s_b));

        When(operation).ShouldBeOfType<Prepare>().Branch.Legs.ShouldHaveSingleItem().Bound
            .ShouldBeOneOf(AmountBound.None, AmountBound.Reported);
    }

    [Fact]
    public void Given_a_dry_run_when_all_could_be_then_the_others_are_asked_and_nothing_is_prepared()
    {
        Given(Opened(), Received(1, 100));
        var operation = Operation(new PostTransactionRequest(
            new Transaction(OneAccount.Id(9), [TransactionLeg.Of(Plain(2, 1))]), default, At(60)) { IsDryRun = true });
        When(operation).ShouldBeOfType<AskOthers>();

        Report(operation, Is(s_b));

        When(operation).ShouldBeOfType<Respond>().Result.Status.ShouldBe(TransferStatus.None);
    }

    [Fact]
    public void Given_a_missing_account_when_it_is_opened_in_its_own_transaction_then_that_is_prepared_with_its_asset()
    {
        var prepare = When(Post(
            TransactionLeg.Open(new AccountSpec(s_a, OneAccount.Usd, 1)),
            TransactionLeg.Of(Plain(2, 1)))).ShouldBeOfType<Prepare>();

        prepare.Branch.CoordinatorAsset.ShouldBe(OneAccount.Usd);
    }

    [Fact]
    public void Given_two_legs_when_the_second_fails_then_that_leg_is_named()
    {
        Given(Opened(limit: 0), Received(1, 10));
        var operation = Post(TransactionLeg.Of(Plain(2, 6)), TransactionLeg.Of(Plain(3, 6)));
        Report(operation, Is(s_b));

        var decision = When(operation).ShouldBeOfType<Reject>().Decision;

        decision.Leg.Index.ShouldBe(1);
        decision.Status.ShouldBe(TransferStatus.ExceedsCredits);
    }

    [Fact]
    public void Given_a_hold_that_is_due_when_it_expires_then_the_void_is_prepared()
    {
        var hold = GivenHold(2, until: 10);

        When(Expiry(hold), second: 10).ShouldBeOfType<Prepare>().Branch.Legs.ShouldHaveSingleItem().HoldAfter
            .ShouldBe(HoldState.Expired);
    }

    [Fact]
    public void Given_a_hold_that_was_extended_when_its_former_void_is_decided_then_it_is_abandoned()
    {
        var hold = GivenHold(2, until: 10);
        Given(new HoldExtended(hold.Transfer.Id, At(50), At(5)));

        When(Expiry(hold), second: 60).ShouldBeSameAs(Abandon.Instance);
        When(Expiry(state.FindHold(hold.Transfer.Id)!), second: 49).ShouldBeSameAs(Abandon.Instance);
        When(Expiry(state.FindHold(hold.Transfer.Id)!), second: 50).ShouldBeOfType<Prepare>();
    }

    [Fact]
    public void Given_a_hold_that_another_transaction_resolves_when_it_is_posted_then_that_is_waited_for()
    {
        var hold = GivenHold(2, until: 100);
        var post = new Transfer(OneAccount.Id(3), s_a, s_b, Amount.Of(5), 1)
        {
            Asset = OneAccount.Usd, HoldId = hold.Transfer.Id, Flags = TransferFlags.PostPending,
        };
        Given(new TransactionPrepared(
            OneAccount.Branch(3, s_a, new ResolvedLeg(0, post, null)
            {
                Amount = Amount.Of(5), HoldRemaining = Amount.Of(5),
            }), At(3)));

        When(Post(post with { Id = OneAccount.Id(4) })).ShouldBeOfType<WaitForDoubt>().IsForMoney.ShouldBeFalse();
    }

    [Fact]
    public void Given_the_same_facts_when_it_is_decided_twice_then_alike_and_nothing_has_changed()
    {
        Given(Opened(limit: 0), Received(1, 100));
        var (decision, prepared) = (state.LastDecision, state.PreparedCount);
        var operation = Post(Plain(2, 100));

        When(operation).ShouldBe(When(operation));

        (state.LastDecision, state.PreparedCount).ShouldBe((decision, prepared));
        operations.HasAny.ShouldBeFalse();
        operation.Phase.ShouldBeSameAs(LookingUp.Nothing);
    }

    private static LedgerTime At(int second) => new(second * 1_000_000L);

    private static AccountOpened Opened(int? limit = null) => new(
        new AccountSpec(s_a, OneAccount.Usd, 1)
        {
            DebitsMustNotExceedCredits = limit is { } amount ? Amount.Of((ulong)amount) : null,
        },
        At(0));

    private static Transfer Plain(int id, int amount) => OneAccount.Plain(id, s_a, s_b, Amount.Of((ulong)amount));

    private static TransactionBranch Branch(Transfer transfer) =>
        TransactionBranch.Of(transfer, s_a, OneAccount.Usd, "");

    private static TransactionBranch Branch(
        int id, AccountAddress coordinator, AccountAddress debit, AccountAddress credit, int amount) =>
            TransactionBranch.Of(
            OneAccount.Plain(id, debit, credit, Amount.Of((ulong)amount)), coordinator, OneAccount.Usd, "");

    private static LastAgentCommitted Received(int id, int amount, int second = 0) =>
        new(Branch(id, s_c, s_c, s_a, amount), At(second)) { CommitTime = At(second) };

    private static AccountReport Is(AccountAddress account) => new(
        account, new AccountSpec(account, OneAccount.Usd, 1), false, null, default, default, false,
        [new LegContext(0), new LegContext(1)]);

    private static void Report(Operation operation, AccountReport report)
    {
        var dryRun = new DryRunning([report.Account], 1);
        dryRun.Reports.Add(report.Account, report);
        operation.Phase = dryRun;
    }

    private static Operation Expiry(Hold hold) =>
        new(null, TransactionBranch.Of(HoldExpiry.VoidOf(hold), s_a, OneAccount.Usd, Principals.Expiry));

    private void Given(params ImmutableArray<AccountEvent> events)
    {
        foreach (var happened in events)
        {
            state.Evolve(happened, ++row);
        }
    }

    private void GivenCommitted(Transfer transfer)
    {
        Given(new TransactionPrepared(Branch(transfer), At(1)));
        Given(new TransactionCommitted(transfer.Id, row, At(2), At(2)));
    }

    private Hold GivenHold(int id, int until)
    {
        Given(Opened());
        var transfer = Plain(id, 5) with { Flags = TransferFlags.Pending };
        var leg = new ResolvedLeg(0, transfer, null) { Amount = transfer.Amount, Deadline = At(until) };
        Given(new TransactionPrepared(OneAccount.Branch(id, s_a, leg), At(1)));
        Given(new TransactionCommitted(transfer.Id, row, At(2), At(2)));
        return state.FindHold(transfer.Id)!;
    }

    private Operation Post(Transfer transfer, int deadline = 60) =>
        Operation(new PostTransferRequest(transfer, default, At(deadline)));

    private Operation Post(params ImmutableArray<TransactionLeg> legs) =>
        Operation(new PostTransactionRequest(new Transaction(OneAccount.Id(9), legs), default, At(60)));

    private Operation Operation(AccountRequest call)
    {
        var asked = call is PostTransferRequest post
            ? TransactionBranch.Of(post.Transfer, s_a, state.Spec?.Asset ?? default, "")
            : TransactionBranch.Of(((PostTransactionRequest)call).Transaction, s_a, "");
        var operation = new Operation(call, asked) { HasFirst = true };
        operation.Waiters.Add(call);
        return operation;
    }

    // The journal, as far as events were committed by this account.
    private void LookedUp(Operation operation, TransferId id)
    {
        var record = new IdHistoryEntry(Branch(Plain(2, 30)), null, TransferStatus.Created, 0, At(2), null, row);
        operation.Facts = new IdFacts(new Dictionary<TransferId, IdHistory?>
        {
            [id] = new IdHistory([record], HoldState.None, Amount.Zero),
        });
        operation.LookedUpTo = row;
    }

    private CoordinatorRules Rules() => new(
        state, new AccountTime(state, options), new LegContexts(state, operations), options);

    private CoordinatorDecision When(Operation operation, int second = 4) => Rules().Decide(operation, At(second));
}
