namespace Ledger.Core.Tests.Protocol;

/// <summary>R14, R15: an account says how it is, before anything is journaled.</summary>
public sealed class DryRunTests
{
    private static readonly DryRunRequest s_question = new(Branches.Alone(1, OneAccount.A, OneAccount.B), 5);

    private readonly Parts b = new Parts(OneAccount.B).Open();

    [Fact]
    public void Given_an_account_when_it_is_asked_then_it_says_how_it_is_and_changes_nothing()
    {
        b.DryRun.Respond(s_question, default, Parts.At(1));

        var answer = b.Only<DryRunResponse>();
        (answer.Id, answer.Round).ShouldBe((s_question.Branch.Id, 5));
        answer.Report.Spec.ShouldNotBeNull().Address.ShouldBe(OneAccount.B);
        answer.Report.Facts.ShouldHaveSingleItem().Known.ShouldBe(TransferStatus.None);
        b.Write();
        b.Events.ShouldBeEmpty();
    }

    [Fact]
    public void Given_a_row_that_is_not_durable_when_it_is_asked_then_the_answer_waits_for_that()
    {
        b.Rows.Append(new AccountChanged(new CloseAccount("done"), Parts.At(1)), urgent: true);

        b.DryRun.Respond(s_question, default, Parts.At(1));
        b.Sent.ShouldBeEmpty();
        b.Write();

        b.Only<DryRunResponse>().Report.Closed.ShouldBeTrue();
    }

    [Fact]
    public void Given_a_decision_that_throws_when_it_is_asked_then_each_leg_would_fail()
    {
        var thrower = new Parts(
            OneAccount.B,
            new AccountMachineOptions { Deciding = static () => throw new InvalidOperationException("x") });

        thrower.DryRun.Respond(s_question, default, Parts.At(1));

        thrower.Only<DryRunResponse>().Report.Facts.ShouldHaveSingleItem().Known
            .ShouldBe(TransferStatus.DecisionFailed);
        thrower.Thrown.ShouldNotBeNull();
    }

    [Fact]
    public void Given_an_id_in_hand_that_memory_knows_when_it_is_asked_then_it_answers_at_once()
    {
        var owner = b.Claim(new Activate(), s_question.Branch);

        b.DryRun.RespondWhileClaimed(s_question, owner, Parts.At(1));

        b.Only<DryRunResponse>();
        b.Lookups.ShouldBeEmpty();
    }

    [Fact]
    public void Given_an_id_in_hand_that_only_the_journal_knows_when_it_is_asked_then_it_answers_when_that_has()
    {
        // The transfer of a leg was decided before.
        var chain = Branches.Chain(1);
        b.Rows.Append(
            new LastAgentCommitted(Branches.Alone(101, OneAccount.A, OneAccount.B), Parts.At(0))
            {
                CommitTime = Parts.At(0),
            },
            urgent: true);
        b.Write();
        var owner = b.Claim(new Activate(), chain);
        var question = new DryRunRequest(chain.SliceFor(OneAccount.B), 6);

        b.DryRun.RespondWhileClaimed(question, owner, Parts.At(1));
        b.Sent.ShouldBeEmpty();
        var lookup = b.Lookups.ShouldHaveSingleItem();
        lookup.Id.ShouldBe(OneAccount.Id(101));
        b.DryRun.IsAwaited(lookup.Number).ShouldBeTrue();
        b.DryRun.LookedUp(lookup with { Number = lookup.Number + 1 }, null, failed: false, Parts.At(1));
        b.Sent.ShouldBeEmpty();
        b.DryRun.LookedUp(lookup, null, failed: false, Parts.At(1));

        b.Only<DryRunResponse>().Round.ShouldBe(6);
        b.DryRun.IsAwaited(lookup.Number).ShouldBeFalse();
    }

    [Fact]
    public void Given_a_look_up_that_fails_when_somebody_waits_for_it_then_nothing_is_said()
    {
        var chain = Branches.Chain(1);
        b.Rows.Append(
            new LastAgentCommitted(Branches.Alone(101, OneAccount.A, OneAccount.B), Parts.At(0))
            {
                CommitTime = Parts.At(0),
            },
            urgent: true);
        b.Write();
        b.DryRun.RespondWhileClaimed(
            new DryRunRequest(chain.SliceFor(OneAccount.B), 6), b.Claim(new Activate(), chain), Parts.At(1));
        var lookup = b.Lookups.ShouldHaveSingleItem();

        b.DryRun.LookedUp(lookup, null, failed: true, Parts.At(1));

        b.Sent.ShouldBeEmpty();
        b.DryRun.IsAwaited(lookup.Number).ShouldBeFalse();
    }
}
