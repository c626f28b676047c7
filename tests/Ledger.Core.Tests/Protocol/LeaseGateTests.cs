namespace Ledger.Core.Tests.Protocol;

/// <summary>R9: what an account says leaves only under its node's lease.</summary>
public sealed class LeaseGateTests : ILeaseGateHost
{
    private static readonly AccountAddress s_b = AccountAddress.Parse("b");

    private readonly LeaseGate gate;
    private readonly List<(OutboundMessage Message, long DurableRow)> left = [];
    private int withholds;
    private int mayLeave = int.MaxValue;

    public LeaseGateTests() => gate = new LeaseGate(this);

    bool ILeaseGateHost.MaySpeak => left.Count < mayLeave;

    [Fact]
    public void Given_a_good_lease_when_something_is_said_then_it_leaves_at_once()
    {
        Say(1);

        Left().ShouldBe([1]);
        gate.IsOpen.ShouldBeTrue();
        gate.IsWithholding.ShouldBeFalse();
        withholds.ShouldBe(0);
    }

    [Fact]
    public void Given_a_lapsed_lease_when_something_is_said_then_it_waits_and_the_host_is_asked_once()
    {
        mayLeave = 0;

        Say(1);
        Say(2);

        left.ShouldBeEmpty();
        gate.IsOpen.ShouldBeFalse();
        gate.IsWithholding.ShouldBeTrue();
        withholds.ShouldBe(1);
    }

    [Fact]
    public void Given_a_lapsed_lease_when_a_request_has_failed_then_that_is_said_at_once()
    {
        mayLeave = 0;

        gate.Send(OutboundMessage.Of(Caller(1), new RequestFailed(RequestFailure.Overloaded)), 1);

        left.ShouldHaveSingleItem().Message.Answer.ShouldBe(new RequestFailed(RequestFailure.Overloaded));
        gate.IsWithholding.ShouldBeFalse();
    }

    [Fact]
    public void Given_something_withheld_when_the_lease_is_good_again_then_nothing_overtakes_it()
    {
        mayLeave = 0;
        Say(1);
        Say(2);
        mayLeave = int.MaxValue;

        // Good again, and nobody has said so yet.
        gate.IsOpen.ShouldBeFalse();
        Say(3);
        left.ShouldBeEmpty();

        gate.TryRelease().ShouldBeTrue();
        Left().ShouldBe([1, 2, 3]);
        gate.IsWithholding.ShouldBeFalse();
        Say(4);
        Left().ShouldBe([1, 2, 3, 4]);
    }

    [Fact]
    public void Given_something_withheld_when_it_leaves_then_with_the_row_that_it_had_seen()
    {
        mayLeave = 0;
        gate.Send(OutboundMessage.Of(Caller(1), new GetAccountResponse(null)), 7);
        gate.Send(OutboundMessage.Of(Caller(2), new GetAccountResponse(null)), 9);
        mayLeave = int.MaxValue;

        gate.TryRelease().ShouldBeTrue();

        left.Select(static one => one.DurableRow).ShouldBe([7, 9]);
    }

    [Fact]
    public void Given_a_release_when_the_lease_lapses_in_its_middle_then_the_rest_waits_on_in_order()
    {
        mayLeave = 0;
        Say(1);
        Say(2);
        Say(3);
        mayLeave = 1;

        gate.TryRelease().ShouldBeFalse();

        Left().ShouldBe([1]);
        gate.IsWithholding.ShouldBeTrue();
        Say(4);
        mayLeave = int.MaxValue;
        gate.TryRelease().ShouldBeTrue();
        Left().ShouldBe([1, 2, 3, 4]);

        // It was one silence.
        withholds.ShouldBe(1);
    }

    [Fact]
    public void Given_a_lapsed_lease_when_it_withholds_anew_then_the_host_is_asked_anew()
    {
        mayLeave = 0;
        Say(1);
        mayLeave = int.MaxValue;
        gate.TryRelease();
        mayLeave = 1;

        Say(2);

        withholds.ShouldBe(2);
    }

    [Fact]
    public void Given_answers_withheld_when_they_fail_then_callers_learn_it_and_other_accounts_wait_on_in_order()
    {
        mayLeave = 0;
        Say(1);
        var first = new Activate();
        var second = new Activate();
        gate.Send(OutboundMessage.Of(s_b, first), 1);
        Say(2);
        gate.Send(OutboundMessage.Of(s_b, second), 1);

        gate.FailAnswers(RequestFailure.JournalUnavailable);

        Left().ShouldBe([1, 2]);
        left.ShouldAllBe(static one => one.Message.Answer is RequestFailed);
        left.Clear();
        mayLeave = int.MaxValue;
        gate.TryRelease().ShouldBeTrue();
        left.Select(static one => one.Message.Message).ShouldBe([first, second]);
    }

    [Fact]
    public void Given_nothing_withheld_when_answers_fail_or_the_lease_is_renewed_then_nothing_leaves()
    {
        gate.FailAnswers(RequestFailure.Relocating);
        gate.TryRelease().ShouldBeTrue();

        left.ShouldBeEmpty();
    }

    void ILeaseGateHost.Leave(in OutboundMessage message, long durableRow) => left.Add((message, durableRow));

    void ILeaseGateHost.Withholds() => withholds++;

    private static ReplyTarget Caller(long correlation) => new(null, correlation);

    private void Say(long correlation) =>
        gate.Send(OutboundMessage.Of(Caller(correlation), new GetAccountResponse(null)), 1);

    private IEnumerable<long> Left() => left.Select(static one => one.Message.ReplyTo.Correlation);
}
