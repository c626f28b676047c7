using System.Globalization;
using static Ledger.Core.Tests.OneAccount;

namespace Ledger.Core.Tests;

/// <summary>
/// Goal: nobody fills another's account with holds: with one other account, and in all, there are as many as allowed
/// and no more,
/// those that are being made included, on either side. Method: one account as the debit and as the credit side.
/// </summary>
public sealed class HoldLimitTests
{
    private static readonly AccountMachineOptions Limits = new() { HoldsMax = 3, HoldsPerCounterpartyMax = 2 };
    private readonly OneAccount account = new(options: Limits);

    [Fact]
    public void With_one_other_account_there_are_so_many_and_no_more()
    {
        account.Post(Hold(1, A, B)).Status.ShouldBe(TransferStatus.Created);
        Close(Hold(2, B, A)).ShouldBeNull();
        var rejected = account.Post(Hold(3, A, B));
        rejected.Status.ShouldBe(TransferStatus.ExceedsHoldsWithCounterparty);
        Close(Hold(4, B, A)).ShouldBe(TransferStatus.ExceedsHoldsWithCounterparty);

        // It is a rejection like others: for ever, and its id used up.
        account.Post(Plain(5, A, B, Amount.Of(1))).Status.ShouldBe(TransferStatus.Created);
        account.Post(Plain(6, A, B, Amount.Zero) with { Flags = TransferFlags.VoidPending, HoldId = Id(1) })
            .Status.ShouldBe(TransferStatus.Created);
        var again = account.Post(Hold(3, A, B));
        (again.Status, again.CreateTime, again.Replayed).ShouldBe((rejected.Status, rejected.CreateTime, true));
        again.BalanceSeen.ShouldBe(rejected.BalanceSeen);
        account.Post(Hold(3, A, B) with { Reference = "else" }).Status.ShouldBe(TransferStatus.IdAlreadyFailed);
        account.Post(Hold(7, A, B)).Status.ShouldBe(TransferStatus.Created);
    }

    [Fact]
    public void In_all_there_are_so_many_and_no_more_also_after_a_restart()
    {
        account.Post(Hold(1, A, B)).Status.ShouldBe(TransferStatus.Created);
        account.Post(Hold(2, A, B)).Status.ShouldBe(TransferStatus.Created);
        account.Post(Hold(3, A, C)).Status.ShouldBe(TransferStatus.Created);
        account.Restart();
        account.Post(Hold(4, A, C)).Status.ShouldBe(TransferStatus.ExceedsHoldsOfAccount);

        // The end of one makes room, in the very transaction.
        var result = account.Post(Transaction.Of(
            Id(50),
            Plain(51, A, C, Amount.Zero) with { Flags = TransferFlags.VoidPending, HoldId = Id(3) },
            Hold(52, A, C)));
        result.Status.ShouldBe(TransferStatus.Created);
        account.State.HoldCount.ShouldBe(3);
    }

    [Fact]
    public void Those_that_are_being_made_count()
    {
        account.Take(new PostTransferRequest(Hold(1, A, B), account.NextCaller(), account.In(60)));
        account.Take(new PostTransferRequest(Hold(2, A, B), account.NextCaller(), account.In(60)));
        account.State.InDoubtCount.ShouldBe(2);
        account.Take(new PostTransferRequest(Hold(3, A, B), account.NextCaller(), account.In(60)));
        account.LastAnswer<PostTransferResponse>().Result.Status.ShouldBe(TransferStatus.ExceedsHoldsWithCounterparty);

        // One of them comes to nothing.
        var first = account.Sent<CommitRequest>().First().Branch;
        account.Take(new CommitResponse(
            first.Key, first.Digest, Committed: false, account.Now, new Refusal(0,
                TransferStatus.CreditAccountFrozen, Usd, null)));
        account.Take(new PostTransferRequest(Hold(4, A, B), account.NextCaller(), account.In(60)));
        account.Sent<CommitRequest>().Last().Branch.Id.ShouldBe(Id(4));
    }

    [Fact]
    public void A_dry_run_tells_for_which_leg_there_is_no_room()
    {
        Close(Hold(1, B, A)).ShouldBeNull();
        var branch = Branch(
            40, B,
            [.. new[]
            {
                Hold(2, B, A), Hold(3, B, A),
                Plain(4, B, A, Amount.Zero) with { Flags = TransferFlags.VoidPending, HoldId = Id(1) }, Hold(5, B, A),
            }.Select(static (transfer, i) => new ResolvedLeg(i, transfer, null) { Amount = transfer.Amount })]);
        account.Take(new DryRunRequest(branch, 1));

        account.Sent<DryRunResponse>().ShouldHaveSingleItem().Report.Facts.Select(static context => context.HoldProblem)
            .ShouldBe(
        [
            TransferStatus.None, TransferStatus.ExceedsHoldsWithCounterparty, TransferStatus.None,
            TransferStatus.ExceedsHoldsWithCounterparty,
        ]);
    }

    [Theory]
    [InlineData("5", true)]
    [InlineData("4", false)]
    [InlineData("2 3", true)]
    [InlineData("2 2", false)]
    [InlineData("all", true)]
    [InlineData("2 all", true)]
    public void A_dry_run_sees_that_posts_which_keep_the_rest_leave_none(string posts, bool hasRoom)
    {
        Close(Hold(1, B, A)).ShouldBeNull();
        Close(Hold(2, B, A)).ShouldBeNull();

        ProblemAfter([.. posts.Split(' ').Select((amount, i) => PostOf(2, 10 + i, amount)), Hold(20, B, A)])
            .ShouldBe(hasRoom ? TransferStatus.None : TransferStatus.ExceedsHoldsWithCounterparty);
    }

    [Theory]
    [InlineData("5", true)]
    [InlineData("4", false)]
    public void A_dry_run_sees_it_of_a_hold_that_is_made_before_in_the_same_transaction(string post, bool hasRoom)
    {
        Close(Hold(1, B, A)).ShouldBeNull();

        ProblemAfter([Hold(2, B, A), PostOf(2, 10, post), Hold(20, B, A)])
            .ShouldBe(hasRoom ? TransferStatus.None : TransferStatus.ExceedsHoldsWithCounterparty);
    }

    [Fact]
    public void Where_a_dry_run_can_t_know_what_is_left_the_vote_judges()
    {
        Close(Hold(1, B, A)).ShouldBeNull();
        var hold = Hold(2, B, A) with { Flags = TransferFlags.Pending | TransferFlags.BalancingDebit };

        ProblemAfter([hold, PostOf(2, 10, "1"), PostOf(2, 11, "1"), Hold(20, B, A)]).ShouldBe(TransferStatus.None);
        ProblemAfter([hold, PostOf(2, 10, "1"), PostOf(2, 11, "1"), Hold(20, B, A), Hold(21, B, A)])
            .ShouldBe(TransferStatus.ExceedsHoldsWithCounterparty);
    }

    [Fact]
    public void A_snapshot_keeps_the_count()
    {
        account.Post(Hold(1, A, B)).Status.ShouldBe(TransferStatus.Created);
        account.Take(new PostTransferRequest(Hold(2, A, B), account.NextCaller(), account.In(60)));
        var state = new AccountMachine(A, Limits, account);
        state.Restore(AccountSnapshot.Of(account.State, account.Runtime.DurableSequenceNr));

        state.State.HoldsReserved.ShouldBe(2);
        state.State.HoldsReservedWith(B).ShouldBe(2);
        state.State.HoldsReservedWith(C).ShouldBe(0);
    }

    private static Transfer PostOf(int hold, int id, string amount) =>
        Plain(
            id, B, A, amount == "all"
            ? Amount.MaxValue
            : Amount.Of(ulong.Parse(amount, CultureInfo.InvariantCulture))) with
        {
            Flags = TransferFlags.PostPending | TransferFlags.KeepRest, HoldId = Id(hold),
        };

    // Why there is no room for the last of them.
    private TransferStatus ProblemAfter(params Transfer[] legs)
    {
        account.Take(new DryRunRequest(
            Branch(
                40, B,
                [
                    .. legs.Select(
                        static (transfer, i) => new ResolvedLeg(i, transfer, null) { Amount = transfer.Amount }),
                ]),
            1));
        return account.Sent<DryRunResponse>().Last().Report.Facts[^1].HoldProblem;
    }

    private static Transfer Hold(int id, AccountAddress debit, AccountAddress credit) =>
        Plain(id, debit, credit, Amount.Of(5)) with { Flags = TransferFlags.Pending, Timeout = TimeSpan.FromHours(1) };

    private TransferStatus? Close(Transfer hold)
    {
        account.Take(new CommitRequest(Branch(0, B, new ResolvedLeg(0, hold, null) { Amount = hold.Amount,
            Deadline = account.In(3600) })));
        var answer = account.Sent<CommitResponse>().Last();
        return answer.Committed ? null : answer.Refusal!.Reason;
    }
}
