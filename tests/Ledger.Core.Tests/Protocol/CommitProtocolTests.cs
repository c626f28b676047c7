namespace Ledger.Core.Tests.Protocol;

/// <summary>R1, R3, R5, R15: what a coordinator does about a transaction that is prepared.</summary>
public sealed class CommitProtocolTests
{
    private static readonly TransactionBranch s_chain = Branches.Chain(1);
    private static readonly TransactionBranch s_alone = Branches.Alone(1, OneAccount.A, OneAccount.B);

    private readonly Parts a = new Parts().Open();

    [Fact]
    public void Given_a_transfer_alone_when_it_is_prepared_then_the_last_agent_is_asked_once_that_is_durable()
    {
        var operation = Prepare(s_alone);

        a.Sent.ShouldBeEmpty();
        a.Write();

        a.Only<CommitRequest>().Cancel.ShouldBeFalse();
        operation.Phase.ShouldBeOfType<Committing>().LastAgent.ShouldBe(OneAccount.B);
    }

    [Fact]
    public void Given_participants_when_not_all_have_voted_then_the_last_agent_is_not_asked()
    {
        var three = Prepare(OneAccount.Branch(
            3, OneAccount.A, Leg(0, OneAccount.B), Leg(1, OneAccount.C), Leg(2, AccountAddress.Parse("d"))));
        a.Write();
        a.Sent.Select(static one => one.To).ShouldBe([OneAccount.B, OneAccount.C]);
        var branch = three.Phase.ShouldBeOfType<Voting>().Branch;

        a.Protocol.OnVote(Vote(branch, OneAccount.B, VoteKind.Yes), At(2));
        a.Protocol.OnVote(Vote(branch, OneAccount.B, VoteKind.Yes), At(2));
        a.Sent.Select(static one => one.Message).OfType<CommitRequest>().ShouldBeEmpty();
        a.Protocol.OnVote(Vote(branch, OneAccount.C, VoteKind.Yes), At(2));

        a.Only<CommitRequest>().Cancel.ShouldBeFalse();

        static ResolvedLeg Leg(int index, AccountAddress credit) =>
            new(index, OneAccount.Plain(30 + index, OneAccount.A, credit, Amount.Of(1)), null)
            {
                Amount = Amount.Of(1),
            };
    }

    [Theory]
    [InlineData(nameof(VoteKind.Yes), false)]
    [InlineData(nameof(VoteKind.No), true)]
    [InlineData(nameof(VoteKind.InDoubt), true)]
    public void Given_all_votes_when_one_is_not_yes_then_the_last_agent_is_asked_to_cancel(string kind, bool cancel)
    {
        Prepare(s_chain);
        a.Write();

        a.Protocol.OnVote(Vote(s_chain, OneAccount.B, Enum.Parse<VoteKind>(kind)) with { Time = At(2) }, At(1));

        var request = a.Only<CommitRequest>();
        request.Cancel.ShouldBe(cancel);
        request.Time.ShouldBe(At(2), "the latest of all votes");
    }

    [Fact]
    public void Given_votes_of_others_when_they_come_then_they_do_not_count()
    {
        var operation = Prepare(s_chain);
        a.Write();

        a.Protocol.OnVote(Vote(s_chain, OneAccount.C, VoteKind.Yes), At(1));
        a.Protocol.OnVote(Vote(s_chain, OneAccount.B, VoteKind.Yes) with { Digest = 7 }, At(1));
        a.Protocol.OnVote(Vote(s_chain, OneAccount.B, VoteKind.Yes) with { Time = At(100) }, At(1));

        operation.Phase.ShouldBeOfType<Voting>().Votes.ShouldBeEmpty();
        a.Future.Dropped.ShouldBe(1);
    }

    [Fact]
    public void Given_the_last_agents_commit_when_nobody_else_takes_part_then_the_client_is_told_at_once()
    {
        Prepare(s_alone, Post(s_alone));
        a.Write();
        a.Events.Clear();

        a.Protocol.OnCommitResponse(Response(s_alone, committed: true), At(3));

        a.Answers.ShouldHaveSingleItem().ShouldBeOfType<PostTransferResponse>().Result.Status
            .ShouldBe(TransferStatus.Created);
        a.Rows.HasUnwritten.ShouldBeTrue("its own record waits for a row to share");
        a.Write();
        a.Events.ShouldHaveSingleItem().ShouldBeOfType<TransactionCommitted>().CommitTime.ShouldBe(At(2));
        a.Requests.Count.ShouldBe(0);
    }

    [Fact]
    public void Given_the_last_agents_commit_when_others_take_part_then_the_client_is_told_when_they_have_booked_it()
    {
        Prepare(s_chain, Post(s_chain));
        a.Write();
        a.Protocol.OnVote(Vote(s_chain, OneAccount.B, VoteKind.Yes), At(1));
        a.Protocol.OnCommitResponse(Response(s_chain, committed: true), At(3));
        a.Only<Outcome>().Committed.ShouldBeTrue();
        a.Answers.ShouldBeEmpty();

        a.Protocol.OnAcknowledged(new OutcomeAck(s_chain.Key, s_chain.Digest, OneAccount.C), At(4));
        a.Answers.ShouldBeEmpty("the last agent acknowledges nothing");
        a.Protocol.OnAcknowledged(new OutcomeAck(s_chain.Key, s_chain.Digest, OneAccount.B), At(4));

        a.Answers.ShouldHaveSingleItem().ShouldBeOfType<PostTransactionResponse>().Result.Status
            .ShouldBe(TransferStatus.Created);
        a.Ran.ShouldBe(["finish, first answered"]);
    }

    [Fact]
    public void Given_votes_that_are_missing_when_the_last_agent_refuses_then_that_is_not_the_answer_yet()
    {
        var operation = Prepare(s_chain, Post(s_chain));
        a.Write();
        a.Events.Clear();

        a.Protocol.OnCommitResponse(Response(s_chain, committed: false), At(3));

        operation.Phase.ShouldBeOfType<Voting>();
        a.Answers.ShouldBeEmpty();
        a.Write();
        a.Events.ShouldBeEmpty();
    }

    [Fact]
    public void Given_votes_that_are_missing_when_the_last_agent_has_committed_then_it_is_committed()
    {
        var operation = Prepare(s_chain, Post(s_chain));
        a.Write();

        a.Protocol.OnCommitResponse(Response(s_chain, committed: true), At(3));

        operation.Phase.ShouldBeOfType<Notifying>().CommitTime.ShouldBe(At(2));
    }

    [Fact]
    public void Given_a_refusal_when_it_is_answered_then_the_abort_is_journaled_before()
    {
        Prepare(s_alone, Post(s_alone));
        a.Write();
        a.Events.Clear();
        var refusal = new Refusal(0, TransferStatus.CreditAccountNotFound, default, null);

        a.Protocol.OnCommitResponse(Response(s_alone, committed: false) with { Refusal = refusal }, At(3));
        a.Answers.ShouldBeEmpty();
        a.Write();

        a.Events.ShouldHaveSingleItem().ShouldBeOfType<TransactionAborted>().Reason
            .ShouldBe(TransferStatus.CreditAccountNotFound);
        a.Answers.ShouldHaveSingleItem().ShouldBeOfType<PostTransferResponse>().Result.Status
            .ShouldBe(TransferStatus.CreditAccountNotFound);
    }

    [Fact]
    public void Given_a_refusal_without_a_reason_when_somebody_waits_then_the_request_is_decided_again()
    {
        var call = Post(s_alone);
        Prepare(s_alone, call);
        a.Write();

        a.Protocol.OnCommitResponse(Response(s_alone, committed: false), At(3));
        a.Write();

        a.Answers.ShouldBeEmpty();
        var again = a.Operations.Find(s_alone.Id).ShouldNotBeNull();
        again.Phase.ShouldBeOfType<Waiting>();
        again.First.ShouldBeSameAs(call);
        again.Retries.ShouldBe(1);
        a.Operations.FindAttempt(s_alone.Key).ShouldBeNull();
    }

    [Fact]
    public void Given_an_answer_that_was_taken_when_a_copy_comes_then_nothing_happens()
    {
        Prepare(s_alone, Post(s_alone));
        a.Write();
        a.Protocol.OnCommitResponse(Response(s_alone, committed: true), At(3));
        a.Write();
        a.Events.Clear();

        a.Protocol.OnCommitResponse(Response(s_alone, committed: true), At(3));
        a.Protocol.OnAcknowledged(new OutcomeAck(s_alone.Key, s_alone.Digest, OneAccount.B), At(4));
        a.Write();

        a.Events.ShouldBeEmpty();
        a.Answers.Count.ShouldBe(1);
    }

    [Fact]
    public void Given_participants_that_do_not_release_when_the_wait_is_over_then_the_client_is_answered()
    {
        var operation = Prepare(s_chain, Post(s_chain));
        a.Write();
        a.Protocol.OnVote(
            Vote(s_chain, OneAccount.B, VoteKind.No) with
            {
                Refusal = new Refusal(0, TransferStatus.CreditAccountNotFound, default, null),
            },
            At(1));
        a.Protocol.OnCommitResponse(Response(s_chain, committed: false), At(3));
        a.Write();
        a.Answers.ShouldBeEmpty();
        operation.ResendAt = At(1000);

        a.Late.Resume(At(3));
        a.Answers.ShouldBeEmpty();
        a.Late.NextDue.ShouldBe(operation.Phase.ShouldBeOfType<Releasing>().AnswerBy);
        a.Late.Resume(At(4));

        a.Answers.ShouldHaveSingleItem().ShouldBeOfType<PostTransactionResponse>().Result.Status
            .ShouldBe(TransferStatus.CreditAccountNotFound);
    }

    private static LedgerTime At(int second) => Parts.At(second);

    private static Vote Vote(TransactionBranch branch, AccountAddress account, VoteKind kind) =>
        new(branch.Key, branch.Digest, account, kind, null);

    private static CommitResponse Response(TransactionBranch branch, bool committed) =>
        new(branch.Key, branch.Digest, committed, At(2), null) { Row = 8 };

    private static AccountRequest Post(TransactionBranch branch) => branch.IsAlone
        ? new PostTransferRequest(branch.Legs[0].Transfer!, default, At(60))
        : new PostTransactionRequest(
            new Transaction(branch.Id, [.. branch.Legs.Select(static leg => TransactionLeg.Of(leg.Transfer!))]),
            default, At(60));

    private Operation Prepare(TransactionBranch branch, AccountRequest? call = null)
    {
        var operation = call is null ? new Operation(null, branch) : a.Claim(call, branch);
        if (call is null)
        {
            a.Operations.Claim(operation, OperationIds.Of(branch, OneAccount.A));
        }

        a.Rows.Append(new TransactionPrepared(branch, At(0)), urgent: true);
        a.Prepared.Add(a.State.PreparedCount, branch.Key);
        a.Protocol.Start(operation, branch, branch.OtherAccounts(), At(0));
        return operation;
    }
}
