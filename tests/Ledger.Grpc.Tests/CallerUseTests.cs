using Ledger.Access;
using Ledger.Grpc.Access;
using Ledger.Grpc.Edge;
using Ledger.Grpc.Errors;

namespace Ledger.Grpc.Tests;

/// <summary>How much of a node one principal may hold at once, and use in a day.</summary>
public sealed class CallerUseTests
{
    private readonly ManualClock clock = new();

    [Fact]
    public void Calls_and_streams_are_bounded_and_given_back()
    {
        var use = new CallerUse(10, clock);
        var share = new CallerShare { Calls = 3, Streams = 1 };
        use.Enter(share, isStream: true);
        Refused(() => use.Enter(share, isStream: true)).Limit.ShouldBe(1);
        use.Enter(share, isStream: false);
        use.Enter(share, isStream: false);
        Refused(() => use.Enter(share, isStream: false)).Limit.ShouldBe(3);
        use.Leave(isStream: true);
        use.Enter(share, isStream: true);
        use.Enter(new CallerShare(), isStream: true);
    }

    [Fact]
    public void Half_of_the_node_is_the_most_and_what_is_more_is_taken_alone()
    {
        var use = new CallerUse(10, clock);
        use.TakeItems(10);
        var refused = Refused(() => use.TakeItems(1));
        (refused.Reason, refused.Limit).ShouldBe((ErrorReasons.Overloaded, 10));
        use.ReturnItems(10);
        use.TakeItems(8_190);
        Refused(() => use.TakeItems(1));
        use.ReturnItems(8_190);
        use.TakeItems(1);
    }

    [Fact]
    public void A_day_is_used_up_until_midnight()
    {
        var use = new CallerUse(10, clock);
        var share = new CallerShare { AccountsPerDay = 5, BytesPerDay = 1_000 };
        use.TakeAccounts(share, 5);
        Refused(() => use.TakeAccounts(share, 1)).RetryAfter.ShouldBe(TimeSpan.FromHours(3));
        use.Enter(share, isStream: false);
        use.Bytes.TryTake(1_001).ShouldBeTrue();
        use.Bytes.Return(1_001);
        Refused(() => use.Enter(share, isStream: false)).Limit.ShouldBe(1_000);
        Refused(() => use.TakeAccounts(share, 0)).Limit.ShouldBe(1_000);
        clock.Now += TimeSpan.FromHours(3);
        use.TakeAccounts(share, 5);
        use.Enter(share, isStream: false);
    }

    [Fact]
    public void Bytes_are_taken_of_the_connection_and_of_the_caller_or_not_at_all()
    {
        var (connection, caller) = (new ByteBudget(100), new ByteBudget(long.MaxValue));
        ByteBudget[] requests = [Request(), Request()];
        requests[0].TryTake(60).ShouldBeTrue();
        (connection.Taken, caller.Taken).ShouldBe((60, 60));
        requests[1].TryTake(50).ShouldBeFalse("The connection has no more.");
        (connection.Taken, caller.Taken).ShouldBe((60, 60));
        var elsewhere = new ByteBudget(long.MaxValue, new ByteBudget(100), caller, 80);
        elsewhere.TryTake(30).ShouldBeFalse("The caller has no more, whichever connection it uses.");
        (elsewhere.Taken, caller.Taken).ShouldBe((0, 60));
        elsewhere.TryTake(20).ShouldBeTrue();
        requests[0].Return(60);
        elsewhere.Return(20);
        (connection.Taken, caller.Taken, caller.Total).ShouldBe((0, 0, 80));

        ByteBudget Request() => new(long.MaxValue, connection, caller, 80);
    }

    private static RequestError Refused(Action action) => Should.Throw<RequestErrorException>(action).Fault;

    private sealed class ManualClock : TimeProvider
    {
        public DateTimeOffset Now { get; set; } = new(2026, 11, 30, 21, 0, 0, TimeSpan.Zero);

        public override DateTimeOffset GetUtcNow() => Now;
    }
}
