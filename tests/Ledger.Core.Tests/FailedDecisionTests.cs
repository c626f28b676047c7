using static Ledger.Core.Tests.OneAccount;

namespace Ledger.Core.Tests;

/// <summary>
/// Goal: R18, a request of another account never kills. What throws while an account decides is refused, by name and
/// for good,
/// and the account goes on. Method: one account whose decisions throw when the test says so.
/// </summary>
public sealed class FailedDecisionTests
{
    private static readonly Amount Max = Amount.MaxValue;
    private readonly OneAccount account;
    private bool throws;

    public FailedDecisionTests() => account = new OneAccount(options: new AccountMachineOptions
    {
        Deciding = () =>
        {
            if (throws)
            {
                throw new OverflowException("as the test says");
            }
        },
    });

    [Fact]
    public void A_hold_of_the_largest_amount_is_voided_and_more_is_paid_by_a_participant()
    {
        Hold(1, Max);
        var void1 = Plain(3, B, A, Amount.Zero) with { Flags = TransferFlags.VoidPending, HoldId = Id(1) };
        var branch = Branch(
            2, B,
            new ResolvedLeg(0, void1, null) { Amount = Max, HoldRemaining = Max },
            new ResolvedLeg(1, Plain(4, A, C, Amount.Of(2)), null) { Amount = Amount.Of(2) });
        account.Take(new PrepareRequest(branch));

        account.Sent<Vote>().ShouldHaveSingleItem().Kind.ShouldBe(VoteKind.Yes);
        account.State.Balances.DebitsInDoubt.ShouldBe(Amount.Of(2));
        account.Take(new Outcome(branch.Key, branch.Digest, Committed: true, account.Now) { Coordinator = B });
        account.State.Balances.ShouldBe(new Balances(default, Amount.Of(2), default, default, default, default));
        account.Failures.ShouldBeEmpty();
    }

    [Fact]
    public void A_participant_that_can_not_decide_votes_no()
    {
        var branch = Two(10);
        throws = true;
        account.Take(new PrepareRequest(branch));
        var vote = account.Sent<Vote>().ShouldHaveSingleItem();
        vote.Kind.ShouldBe(VoteKind.No);
        vote.Refusal!.Reason.ShouldBe(TransferStatus.DecisionFailed);
        account.Failures.ShouldHaveSingleItem().Input.ShouldBeOfType<PrepareRequest>();

        // It goes on, and is not prepared.
        throws = false;
        account.State.InDoubtCount.ShouldBe(0);
        account.Post(Plain(1, A, B, Amount.Of(5))).Status.ShouldBe(TransferStatus.Created);
    }

    [Fact]
    public void A_last_agent_that_can_not_decide_refuses_for_good()
    {
        var close = new CommitRequest(Branch(0, B, new ResolvedLeg(0, Plain(1, B, A, Amount.Of(5)),
            null) { Amount = Amount.Of(5) }));
        throws = true;
        account.Take(close);
        throws = false;
        account.Take(close);

        account.Sent<CommitResponse>().Count().ShouldBe(2);
        account.Sent<CommitResponse>()
            .ShouldAllBe(static one => !one.Committed && one.Refusal!.Reason == TransferStatus.DecisionFailed);
        account.Rows.SelectMany(static row => row.Events).OfType<LastAgentRefused>().ShouldHaveSingleItem()
            .Reason.ShouldBe(TransferStatus.DecisionFailed);
    }

    [Fact]
    public void A_dry_run_that_can_not_decide_says_that_the_leg_fails()
    {
        throws = true;
        account.Take(new DryRunRequest(Two(10), 1));
        var report = account.Sent<DryRunResponse>().ShouldHaveSingleItem().Report;
        report.Facts.ShouldAllBe(static context => context.Known == TransferStatus.DecisionFailed);
    }

    [Fact]
    public void A_call_of_a_client_that_can_not_be_decided_fails_by_name_and_may_be_made_again()
    {
        throws = true;
        account.Take(new PostTransferRequest(Plain(1, A, B, Amount.Of(5)), account.NextCaller(), account.In(60)));
        account.LastAnswer<RequestFailed>().Reason.ShouldBe(RequestFailure.DecisionFailed);
        account.Runtime.IsBusy.ShouldBeFalse();

        throws = false;
        account.Post(Plain(1, A, B, Amount.Of(5))).Status.ShouldBe(TransferStatus.Created);
    }

    [Fact]
    public void An_expiry_that_the_other_account_can_not_decide_is_tried_again_ever_later()
    {
        account.Take(new PostTransferRequest(
            Plain(1, A, B, Amount.Of(5)) with { Flags = TransferFlags.Pending, Timeout = TimeSpan.FromSeconds(5) },
            account.NextCaller(), account.In(60)));
        var made = account.Sent<CommitRequest>().Last().Branch;
        account.Take(new CommitResponse(made.Key, made.Digest, Committed: true, account.Now, null));
        var tries = 0;
        for (var minute = 0; minute < 120; minute++)
        {
            account.Pass(60);
            var last = account.Sent<CommitRequest>().Last().Branch;
            if (last.Key != made.Key && account.State.FindInDoubt(last.Key) is not null)
            {
                tries++;
                account.Take(new CommitResponse(
                    last.Key, last.Digest, Committed: false, account.Now, new Refusal(0,
                        TransferStatus.DecisionFailed, Usd, null)));
            }
        }

        // 20 ms, doubling, up to an hour.
        tries.ShouldBeInRange(8, 25);
        account.State.HoldCount.ShouldBe(1);
        account.Pass(3600);
        var again = account.Sent<CommitRequest>().Last().Branch;
        account.Take(new CommitResponse(again.Key, again.Digest, Committed: true, account.Now, null));
        account.State.HoldCount.ShouldBe(0);
    }

    [Fact]
    public void An_expiry_that_can_not_be_decided_here_is_tried_again_and_does_not_stop_the_account()
    {
        account.Take(new PostTransferRequest(
            Plain(1, A, B, Amount.Of(5)) with { Flags = TransferFlags.Pending, Timeout = TimeSpan.FromSeconds(5) },
            account.NextCaller(), account.In(60)));
        var made = account.Sent<CommitRequest>().Last().Branch;
        account.Take(new CommitResponse(made.Key, made.Digest, Committed: true, account.Now, null));
        throws = true;
        account.Pass(60);
        account.Failures.ShouldNotBeEmpty();
        account.Take(new GetAccountRequest(account.NextCaller(), account.In(60)));
        account.LastAnswer<GetAccountResponse>().View!.HoldCount.ShouldBe(1);

        throws = false;
        account.Pass(60);
        account.Sent<CommitRequest>().Last().Branch.Legs[0].Transfer!.HoldId.ShouldBe(Id(1));
    }

    [Fact]
    public void What_throws_after_the_state_began_to_change_kills()
    {
        // The world's own decision is sound, and the journal's row is not: half a change must not be built upon.
        var other = new OneAccount();
        other.Runtime.Handle(new PrepareRequest(Two(10)), other.Now);
        var branch = Two(10) with { Asked = 8 };
        Should.Throw<LedgerInvariantException>(() => other.State.Evolve(new TransactionPrepared(branch, other.Now), 2));
    }

    [Fact]
    public void A_reason_of_a_newer_version_ends_the_attempt_all_the_same()
    {
        account.Take(new PostTransferRequest(Plain(1, A, B, Amount.Of(5)), account.NextCaller(), account.In(60)));
        var branch = account.Sent<CommitRequest>().Last().Branch;
        account.Take(new CommitResponse(
            branch.Key, branch.Digest, Committed: false, account.Now, new Refusal(0, (TransferStatus)2999, Usd, null)));

        account.LastAnswer<PostTransferResponse>().Result.Status.ShouldBe((TransferStatus)2999);
        account.State.InDoubtCount.ShouldBe(0);
    }

    [Fact]
    public void An_answer_that_makes_no_sense_ends_the_attempt_all_the_same()
    {
        account.Take(new PostTransferRequest(Plain(1, A, B, Amount.Of(5)), account.NextCaller(), account.In(60)));
        var branch = account.Sent<CommitRequest>().Last().Branch;
        account.Take(new CommitResponse(
            branch.Key, branch.Digest, Committed: false, account.Now, new Refusal(7, TransferStatus.ExceedsDebits, Usd,
                null)));

        account.LastAnswer<PostTransferResponse>().Result.Status.ShouldBe(TransferStatus.DecisionFailed);
        account.State.InDoubtCount.ShouldBe(0);
        account.Failures.ShouldHaveSingleItem();
    }

    // Of another account, to this one and on to a third.
    private static TransactionBranch Two(int id) => Branch(
        id, B,
        new ResolvedLeg(0, Plain(id + 1, B, A, Amount.Of(5)), null) { Amount = Amount.Of(5) },
        new ResolvedLeg(1, Plain(id + 2, A, C, Amount.Of(5)), null) { Amount = Amount.Of(5) });

    private void Hold(int id, Amount amount)
    {
        var hold = Plain(id, B, A, amount) with { Flags = TransferFlags.Pending };
        account.Take(new CommitRequest(Branch(0, B, new ResolvedLeg(0, hold, null) { Amount = amount,
            Deadline = LedgerTime.MaxValue })));
        account.Sent<CommitResponse>().Last().Committed.ShouldBeTrue();
    }
}
