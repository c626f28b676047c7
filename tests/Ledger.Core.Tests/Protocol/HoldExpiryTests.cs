namespace Ledger.Core.Tests.Protocol;

/// <summary>R12: when holds expire.</summary>
public sealed class HoldExpiryTests
{
    private static readonly AccountAddress s_a = AccountAddress.Parse("a");
    private static readonly AccountAddress s_b = AccountAddress.Parse("b");

    private readonly AccountState state = new(s_a, 100, TimeSpan.FromDays(1));
    private readonly OperationTable operations = new();
    private readonly NoHost host = new();
    private readonly AccountMachineOptions options = new() { ExpiriesMax = 2 };
    private readonly HoldExpiry expiry;
    private long row;

    public HoldExpiryTests()
    {
        state.Evolve(new AccountOpened(new AccountSpec(s_a, OneAccount.Usd, 1), At(0)), ++row);
        expiry = new HoldExpiry(state, new AccountTime(state, options), operations, options, host);
    }

    [Fact]
    public void Given_a_hold_when_its_time_has_come_then_it_is_due_and_not_before()
    {
        var hold = MakeHold(1, until: 100);
        expiry.IsAnyDue(At(99)).ShouldBeFalse();
        expiry.Due(At(99), out _).ShouldBeNull();

        expiry.IsAnyDue(At(100)).ShouldBeTrue();
        expiry.Due(At(100), out var displaced).ShouldBe([hold]);
        displaced.ShouldBeNull();
    }

    [Fact]
    public void Given_many_holds_when_they_are_due_then_in_the_order_of_their_time_and_not_too_many_at_once()
    {
        MakeHold(1, until: 102);
        var second = MakeHold(2, until: 101);
        var first = MakeHold(3, until: 100);

        expiry.Due(At(200), out _).ShouldBe([first, second]);

        Begin(first);
        expiry.Due(At(200), out _).ShouldBe([second]);
    }

    [Fact]
    public void Given_a_hold_that_is_in_hand_when_it_is_due_then_it_does_not_expire_yet()
    {
        var hold = MakeHold(1, until: 100);
        var post = new Operation(new Activate());
        operations.Claim(post, [hold.Transfer.Id]);
        operations.SetPhase(post, new DryRunning([s_b], 1));

        expiry.Due(At(100), out var displaced).ShouldBeNull();

        displaced.ShouldBeNull();
        post.IsClaimed.ShouldBeTrue();
    }

    [Fact]
    public void Given_a_post_that_waits_for_something_in_doubt_when_its_hold_is_due_then_it_lets_go_of_the_hold()
    {
        var hold = MakeHold(1, until: 100);
        var post = new Operation(new Activate());
        operations.Claim(post, [OneAccount.Id(9), hold.Transfer.Id]);
        operations.SetPhase(post, new Waiting(0));

        expiry.Due(At(100), out var displaced).ShouldBe([hold]);

        displaced.ShouldBe([post]);
        operations.HasAny.ShouldBeFalse();
    }

    [Fact]
    public void Given_an_expiry_that_was_abandoned_when_it_pauses_then_ever_longer_until_it_is_forgotten()
    {
        var hold = MakeHold(1, until: 100);
        expiry.Pause(hold.ExpiryId, At(100), TimeSpan.FromSeconds(1));
        host.Wakes[^1].ShouldBe(At(100).Add(options.RetryAfter));
        expiry.Due(At(100), out _).ShouldBeNull();
        expiry.Due(host.Wakes[^1], out _).ShouldBe([hold]);

        expiry.Pause(hold.ExpiryId, At(101), TimeSpan.FromSeconds(1));
        host.Wakes[^1].ShouldBe(At(101).Add(2 * options.RetryAfter));
        expiry.Forget(hold.ExpiryId);

        expiry.Due(At(101), out _).ShouldBe([hold]);
    }

    [Fact]
    public void Given_a_pause_when_the_clock_was_set_back_then_it_is_over()
    {
        var hold = MakeHold(1, until: 100);
        expiry.Pause(hold.ExpiryId, At(5000), TimeSpan.FromSeconds(1));

        expiry.Due(At(101), out _).ShouldBe([hold]);
    }

    [Fact]
    public void Given_a_deadline_when_it_is_armed_then_once_and_a_minute_ahead_at_most()
    {
        MakeHold(1, until: 30);
        expiry.Arm(At(0));
        expiry.Arm(At(1));
        host.Wakes.ShouldBe([At(30)]);
        expiry.Disarm();
        MakeHold(2, until: 20);
        expiry.Arm(At(2));
        host.Wakes.ShouldBe([At(30), At(20)]);
    }

    [Fact]
    public void Given_a_deadline_far_away_when_it_is_armed_then_the_account_looks_again_in_a_minute()
    {
        MakeHold(1, until: 3600);

        expiry.Arm(At(10));

        host.Wakes.ShouldBe([At(70)]);
    }

    [Fact]
    public void Given_a_hold_that_is_due_and_not_in_hand_when_it_is_armed_then_soon_and_not_at_once()
    {
        MakeHold(1, until: 5);

        expiry.Arm(At(10));

        host.Wakes.ShouldBe([At(10).Add(options.RetryAfterMax)]);
    }

    [Fact]
    public void Given_a_hold_that_is_due_and_in_hand_when_it_is_armed_then_nobody_is_woken()
    {
        Begin(MakeHold(1, until: 5));

        expiry.Arm(At(10));

        host.Wakes.ShouldBeEmpty();
    }

    [Fact]
    public void Given_a_look_up_that_failed_when_a_hold_is_due_then_it_is_tried_again_after_a_pause()
    {
        expiry.ArmAfterFailedLookup(At(10));
        host.Wakes.ShouldBeEmpty();
        MakeHold(1, until: 5);

        expiry.ArmAfterFailedLookup(At(10));

        host.Wakes.ShouldBe([At(10).Add(options.RetryAfterMax)]);
    }

    [Fact]
    public void Given_a_hold_when_it_expires_then_by_a_void_of_the_whole_under_a_derived_id()
    {
        var hold = MakeHold(1, until: 100);

        var transfer = HoldExpiry.VoidOf(hold);

        transfer.Id.ShouldBe(hold.ExpiryId);
        transfer.HoldId.ShouldBe(hold.Transfer.Id);
        transfer.Flags.ShouldBe(TransferFlags.VoidPending | TransferFlags.Expiry);
        (transfer.DebitAccount, transfer.CreditAccount).ShouldBe((s_a, s_b));
    }

    private static LedgerTime At(int second) => new(second * 1_000_000L);

    private Hold MakeHold(int id, int until)
    {
        var transfer = OneAccount.Plain(id, s_a, s_b, Amount.Of(5)) with { Flags = TransferFlags.Pending };
        var leg = new ResolvedLeg(0, transfer, null) { Amount = Amount.Of(5), Deadline = At(until) };
        state.Evolve(new TransactionPrepared(OneAccount.Branch(id, s_a, leg), At(0)), ++row);
        state.Evolve(new TransactionCommitted(OneAccount.Id(id), row, At(0), At(0)), row + 1);
        row++;
        return state.FindHold(OneAccount.Id(id))!;
    }

    private void Begin(Hold hold)
    {
        var asked = TransactionBranch.Of(HoldExpiry.VoidOf(hold), s_a, OneAccount.Usd, Principals.Expiry);
        operations.Claim(new Operation(null, asked), OperationIds.Of(asked, s_a));
    }
}
