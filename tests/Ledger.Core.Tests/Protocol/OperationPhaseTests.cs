namespace Ledger.Core.Tests.Protocol;

/// <summary>What an operation may be doing, and what it knows then.</summary>
public sealed class OperationPhaseTests
{
    private static readonly LedgerTime s_since = new(7);

    [Fact]
    public void Given_questions_to_the_journal_when_answers_come_then_only_its_own_count_until_all_are_there()
    {
        var phase = new LookingUp(2, first: 5, last: 6);

        phase.HasAsked(Question(4)).ShouldBeFalse();
        phase.HasAsked(Question(5)).ShouldBeTrue();
        phase.HasAsked(Question(6)).ShouldBeTrue();
        phase.HasAsked(Question(7)).ShouldBeFalse();
        phase.Answered().ShouldBeFalse();
        phase.Answered().ShouldBeTrue();
        LookingUp.Nothing.HasAsked(Question(0)).ShouldBeFalse();
    }

    [Fact]
    public void Given_votes_when_some_are_missing_then_it_waits_for_those_participants_and_not_for_the_last_agent()
    {
        var voting = new Voting(Branch(), [OneAccount.A, OneAccount.B, OneAccount.C], s_since);
        voting.Participants.ShouldBe([OneAccount.A, OneAccount.B]);
        voting.LastAgent.ShouldBe(OneAccount.C);
        voting.HasParticipant(OneAccount.C).ShouldBeFalse();
        voting.HasParticipant(OneAccount.B).ShouldBeTrue();

        voting.Votes[OneAccount.A] = Vote(VoteKind.Yes);

        voting.WaitsFor.ShouldBe([OneAccount.B]);
    }

    [Fact]
    public void Given_a_phase_when_the_next_begins_then_what_is_prepared_and_the_votes_go_with_it()
    {
        var voting = new Voting(Branch(), [OneAccount.A, OneAccount.B], s_since);
        voting.Votes[OneAccount.A] = Vote(VoteKind.No);

        var committing = new Committing(voting, cancel: true);
        var verdict = new Committing(voting, new OperatorVerdict("somebody", "stuck"));
        var again = new Committing(committing, new OperatorVerdict("somebody", "stuck"));
        var notifying = new Notifying(committing, new LedgerTime(9), 4);

        foreach (var phase in new PreparedPhase[] { committing, verdict, again, notifying })
        {
            phase.Branch.ShouldBeSameAs(voting.Branch);
            phase.OtherAccounts.ShouldBe(voting.OtherAccounts);
            phase.Since.ShouldBe(s_since);
            phase.Size.ShouldBe(voting.Size);
        }

        (committing.Cancel, verdict.Cancel, again.Cancel).ShouldBe((true, true, true));
        (committing.Verdict is null, verdict.Verdict is null).ShouldBe((true, false));
        committing.Votes.ShouldBeSameAs(voting.Votes);
        verdict.Votes.ShouldBeSameAs(voting.Votes);
        again.Votes.ShouldBeSameAs(voting.Votes);
        committing.WaitsFor.ShouldBe([OneAccount.B]);
    }

    [Fact]
    public void Given_acknowledgements_when_some_are_missing_then_it_waits_for_those()
    {
        var before = new Committing(new Voting(Branch(), [OneAccount.A, OneAccount.B], s_since), cancel: false);
        var notifying = new Notifying(before, new LedgerTime(9), 4);
        var releasing = new Releasing(before, null, new LedgerTime(9), 4);
        notifying.WaitsFor.ShouldBe([OneAccount.A]);
        releasing.WaitsFor.ShouldBe([OneAccount.A]);

        notifying.Acks.Add(OneAccount.A);
        releasing.Acks.Add(OneAccount.A);

        notifying.WaitsFor.ShouldBeEmpty();
        releasing.WaitsFor.ShouldBeEmpty();
    }

    [Fact]
    public void Given_a_branch_of_another_account_when_it_is_reserved_then_it_waits_for_the_coordinator()
    {
        var reserved = new Reserved(Branch(), s_since);

        reserved.WaitsFor.ShouldBe([OneAccount.A]);
        reserved.HasParticipant(OneAccount.B).ShouldBeFalse();
    }

    [Fact]
    public void Given_longer_content_when_it_is_measured_then_it_takes_more_memory()
    {
        var transfer =
            OneAccount.Plain(1, OneAccount.A, OneAccount.B, Amount.Of(1)) with { Reference = new string('x', 100) };
        var longer = new Reserved(OneAccount.Branch(1, OneAccount.A, new ResolvedLeg(0, transfer, null)), s_since);

        longer.Size.ShouldBe(new Reserved(Branch(), s_since).Size + 200);
    }

    [Fact]
    public void Given_callers_when_some_are_dropped_then_the_first_is_known_to_be_gone_only_when_it_is()
    {
        var first = new GetAccountRequest(new ReplyTarget(null, 1), new LedgerTime(10));
        var copy = new GetAccountRequest(new ReplyTarget(null, 2), new LedgerTime(5));
        var foreign = new Activate();
        var operation = new Operation(first) { HasFirst = true };
        operation.Waiters.AddRange([first, copy, foreign]);
        operation.First.ShouldBeSameAs(first);

        operation.Drop(static call => call.Deadline < new LedgerTime(10)).ShouldBe([copy]);
        operation.First.ShouldBeSameAs(first);
        operation.IsAwaited(new LedgerTime(11)).ShouldBeTrue("another account waits");
        operation.TakeForeign().ShouldBe([foreign]);
        operation.IsAwaited(new LedgerTime(11)).ShouldBeFalse();
        operation.IsAwaited(new LedgerTime(10)).ShouldBeTrue();
        operation.Drop(static _ => true).ShouldBe([first]);

        operation.HasFirst.ShouldBeFalse();
        operation.First.ShouldBeNull();
        operation.TakeForeign().ShouldBeNull();
    }

    private static IdLookup Question(long number) =>
        new(OneAccount.Id(1), 0, 0, default, default, false) { Number = number };

    private static Vote Vote(VoteKind kind) => new(OneAccount.Id(1), 1, OneAccount.A, kind, null);

    private static TransactionBranch Branch() => OneAccount.Branch(
        1, OneAccount.A, new ResolvedLeg(0, OneAccount.Plain(1, OneAccount.A, OneAccount.B, Amount.Of(1)), null));
}
