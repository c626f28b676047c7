using Ledger.Actors.Leasing;
using Ledger.Actors.Storage;
using Ledger.Actors.Timing;

namespace Ledger.Actors.Tests;

/// <summary>
/// Goal: the time of a node follows the database's clock, or the machine's, as far as these can be believed, and never
/// goes back (R21, T1 to T3). Method: clocks that are set by hand.
/// </summary>
public sealed class LedgerClockTests
{
    private static readonly TimeSpan Trip = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan Day = TimeSpan.FromDays(1);
    private static readonly TimeSpan Hour = TimeSpan.FromHours(1);

    private readonly SetTime machine = new();
    private readonly LedgerClock clock;

    public LedgerClockTests() => clock = new LedgerClock(machine, machine.Boot);

    private LedgerTime True => LedgerTime.From(machine.GetUtcNow());

    private double OffSeconds => (clock.Now.UnixMicroseconds - True.UnixMicroseconds) / 1e6;

    // ---------------------------------------------------------------- the database's clock

    [Theory]
    [InlineData(0.5)]
    [InlineData(9)]
    public void It_is_stepped_forward_to_the_databases_clock(double seconds)
    {
        Sample(TimeSpan.FromSeconds(seconds));
        OffSeconds.ShouldBe(seconds, 0.011);
        clock.Problem.ShouldBeNull();
        clock.Error.ShouldBeLessThan(LedgerClock.ErrorMax);
    }

    [Fact]
    public void It_is_slewed_back_and_never_set_back()
    {
        Sample(TimeSpan.Zero);
        var last = clock.Now;
        for (var i = 0; i < 40; i++)
        {
            Sample(-TimeSpan.FromSeconds(1));
            for (var step = 0; step < 50; step++)
            {
                machine.Pass(TimeSpan.FromMilliseconds(10));
                clock.Now.ShouldBeGreaterThan(last);
                last = clock.Now;
            }
        }

        // 20 seconds at 95 %.
        OffSeconds.ShouldBe(-1, 0.02);
    }

    [Fact]
    public void A_database_whose_clock_is_a_day_ahead_is_not_followed_and_is_an_alarm()
    {
        Sample(TimeSpan.Zero);
        for (var i = 0; i < 20; i++)
        {
            machine.Pass(TimeSpan.FromMilliseconds(500));
            Sample(Day);
        }

        OffSeconds.ShouldBe(0, 0.02);
        clock.Problem.ShouldNotBeNull().ShouldContain("database's clock");
        clock.Distance.ShouldBe(Day, TimeSpan.FromSeconds(1));

        // It is no outage: the nodes are together.
        clock.Error.ShouldBeLessThan(LedgerClock.ErrorMax);
        machine.Pass(TimeSpan.FromMilliseconds(500));
        Sample(TimeSpan.Zero);
        clock.Problem.ShouldBeNull();
    }

    [Fact]
    public void A_database_whose_clock_is_an_hour_behind_is_slewed_to_and_is_an_alarm()
    {
        Sample(TimeSpan.Zero);
        machine.Pass(TimeSpan.FromMilliseconds(500));
        Sample(-Hour);
        machine.Pass(TimeSpan.FromSeconds(100));
        OffSeconds.ShouldBe(-5, 0.05);
        clock.Problem.ShouldNotBeNull();
    }

    [Fact]
    public void It_follows_the_node_that_is_furthest_ahead()
    {
        Sample(TimeSpan.Zero, lead: TimeSpan.FromMilliseconds(400));
        OffSeconds.ShouldBe(0.4, 0.02);

        // Far ahead of the rest, two that agree are believed: this node had stood still.
        Sample(TimeSpan.FromMinutes(5), lead: TimeSpan.FromMilliseconds(20));
        OffSeconds.ShouldBe(300, 0.1);
    }

    [Fact]
    public void A_node_that_is_far_from_the_others_is_not_ready()
    {
        Sample(TimeSpan.Zero);
        clock.Error.ShouldBeLessThan(LedgerClock.ErrorMax);
        Sample(TimeSpan.Zero, lead: TimeSpan.FromMinutes(1));
        OffSeconds.ShouldBe(0, 0.02);
        clock.Error.ShouldBeGreaterThan(LedgerClock.ErrorMax);
    }

    [Fact]
    public void A_sample_that_took_long_is_dropped()
    {
        Sample(TimeSpan.Zero);
        Sample(TimeSpan.FromSeconds(3), trip: TimeSpan.FromMilliseconds(400));
        OffSeconds.ShouldBe(0, 0.02);

        // Better than nothing.
        var other = new LedgerClock(machine, machine.Boot);
        var sent = machine.GetTimestamp();
        machine.Pass(TimeSpan.FromMilliseconds(400));
        other.Sample(sent, machine.GetTimestamp(), True.Add(TimeSpan.FromSeconds(3)), null);
        other.Error.ShouldBeGreaterThan(TimeSpan.FromMilliseconds(199));
        other.Now.ShouldBeGreaterThan(True.Add(TimeSpan.FromSeconds(2.5)));
    }

    [Fact]
    public void Without_samples_its_error_grows()
    {
        Sample(TimeSpan.Zero);
        machine.Pass(TimeSpan.FromMinutes(30));
        clock.Error.ShouldBeGreaterThan(LedgerClock.ErrorMax);
    }

    [Fact]
    public void How_long_the_databases_clock_has_run_evenly_begins_anew_when_it_is_set()
    {
        for (var i = 0; i < 10; i++)
        {
            Sample(TimeSpan.Zero);
            machine.Pass(TimeSpan.FromMilliseconds(500));
        }

        clock.SteadyFor.ShouldBeGreaterThan(TimeSpan.FromSeconds(4.9));
        Sample(TimeSpan.FromSeconds(5));
        clock.SteadyFor.ShouldBeLessThan(TimeSpan.FromMilliseconds(20));
    }

    // ---------------------------------------------------------------- the machine's clock

    [Fact]
    public void The_machines_clock_is_followed_for_seconds_and_not_for_days()
    {
        clock.Start(new ClockMark(null), ClockSource.None);
        var start = clock.Now;
        Set(TimeSpan.FromSeconds(3));
        OffSeconds.ShouldBe(0, 0.01);

        Set(Day);
        OffSeconds.ShouldBe(-Day.TotalSeconds, 0.01);
        clock.Problem.ShouldNotBeNull().ShouldContain("Clock:Accept");

        Set(-Day);
        OffSeconds.ShouldBe(0, 0.01);
        clock.Problem.ShouldBeNull();

        Set(-Hour);
        OffSeconds.ShouldBe(Hour.TotalSeconds, 0.01);
        clock.Problem.ShouldNotBeNull();
        clock.Now.ShouldBeGreaterThan(start);
    }

    [Fact]
    public void A_machine_that_slept_has_lost_no_time()
    {
        clock.Start(new ClockMark(null), ClockSource.None);
        clock.Look();
        machine.Slept = TimeSpan.FromHours(8);
        machine.Pass(TimeSpan.FromMilliseconds(500));
        clock.Look();
        OffSeconds.ShouldBe(0, 0.01);
        clock.Problem.ShouldBeNull();
    }

    [Theory]
    [InlineData(1)]
    [InlineData(-1)]
    public void A_process_that_begins_with_a_wrong_clock_refuses(int sign)
    {
        var mark = clock.Mark(True).ShouldNotBeNull();
        machine.Pass(TimeSpan.FromMinutes(10));
        machine.Start += sign * Day;
        var next = new LedgerClock(machine, machine.Boot);
        var failure = Should.Throw<ClockException>(() => next.Start(mark, ClockSource.None));
        failure.Message.ShouldContain("Clock:Accept");

        // The operator says which.
        next.Start(mark, ClockSource.Machine);
        next.Now.ShouldBe(True);
        var another = new LedgerClock(machine, machine.Boot);
        another.Start(mark, ClockSource.Ledger);
        ((another.Now.UnixMicroseconds - True.UnixMicroseconds) / 1e6).ShouldBe(-sign * Day.TotalSeconds, 0.01);
    }

    [Fact]
    public void A_machine_that_was_started_anew_may_have_been_off_for_long()
    {
        var mark = new ClockMark(True) { BootId = "another run", Uptime = TimeSpan.FromDays(9), Time = True };
        machine.Pass(Day);
        new LedgerClock(machine, machine.Boot).Start(mark, ClockSource.None);
        machine.Start -= 3 * Day;
        Should.Throw<ClockException>(() => new LedgerClock(machine, machine.Boot).Start(mark, ClockSource.None));
    }

    [Fact]
    public void It_begins_no_earlier_than_the_newest_row()
    {
        var newest = True.Add(TimeSpan.FromSeconds(20));
        clock.Start(new ClockMark(newest), ClockSource.None);
        clock.Now.ShouldBe(newest);
    }

    // ---------------------------------------------------------------- beginning with the database's clock

    [Fact]
    public void A_node_takes_the_time_of_the_others()
    {
        clock.StartBeside(True.Add(Hour), TimeSpan.FromMinutes(-30));
        OffSeconds.ShouldBe(1800, 0.01);
    }

    [Fact]
    public void The_first_node_believes_the_database_unless_it_contradicts_itself_and_the_machine()
    {
        clock.StartWith(True.Add(TimeSpan.FromSeconds(30)), null, ClockSource.None);
        OffSeconds.ShouldBe(30, 0.01);

        // The newest time is ahead by seconds: it is carried on.
        clock.StartWith(True, True.Add(TimeSpan.FromSeconds(40)), ClockSource.None);
        OffSeconds.ShouldBe(40, 0.01);

        // The ledger stood still for a day.
        clock.StartWith(True, Before(Day), ClockSource.None);
        OffSeconds.ShouldBe(0, 0.01);

        // The ledger was ahead, and the machine agrees with the database; or the other way round.
        clock.StartWith(True, True.Add(Day), ClockSource.None);
        OffSeconds.ShouldBe(0, 0.01);
        clock.StartWith(Before(Hour), True, ClockSource.None);
        OffSeconds.ShouldBe(0, 0.01);

        // A database that is a day ahead, and nobody who agrees.
        Should.Throw<ClockException>(() => clock.StartWith(True.Add(Day), True, ClockSource.None));
        Should.Throw<ClockException>(() => clock.StartWith(Before(Day), Before(Hour), ClockSource.None));
        clock.StartWith(True.Add(Day), True, ClockSource.Database);
        OffSeconds.ShouldBe(Day.TotalSeconds, 0.01);
        clock.StartWith(True.Add(Day), True, ClockSource.Ledger);
        OffSeconds.ShouldBe(0, 0.01);
    }

    // ---------------------------------------------------------------- leases

    [Theory]
    [InlineData(3600)]
    [InlineData(-3600)]
    public void A_lease_is_over_by_the_monotonic_clock_whatever_the_databases_clock_is_set_to(int seconds)
    {
        // As the database has it after it was set: renewed an hour ago, or in an hour.
        var store = new SetLeases { Age = TimeSpan.FromSeconds(seconds), Duration = TimeSpan.FromMilliseconds(50) };
        var leases = new WatchedLeases(store, clock);
        Sample(TimeSpan.Zero);
        machine.Pass(TimeSpan.FromSeconds(10));
        Sample(TimeSpan.FromSeconds(seconds));
        var first = leases.List()[0].Left;
        first.ShouldBeGreaterThan(TimeSpan.Zero);
        first.ShouldBeLessThanOrEqualTo(store.Duration + NodeLease.Margin);
        SpinWait.SpinUntil(() => leases.List()[0].Left <= TimeSpan.Zero, TimeSpan.FromSeconds(10)).ShouldBeTrue();
    }

    [Fact]
    public void A_lease_that_is_long_over_is_known_to_be_where_the_databases_clock_has_run_evenly()
    {
        Sample(TimeSpan.Zero);
        machine.Pass(TimeSpan.FromSeconds(10));
        Sample(TimeSpan.Zero);
        new WatchedLeases(new SetLeases { Age = Hour, Duration = TimeSpan.FromSeconds(2) }, clock).List()[0].Left
            .ShouldBeLessThan(-TimeSpan.FromSeconds(7));
    }

    private LedgerTime Before(TimeSpan time) => new(True.UnixMicroseconds - (long)time.TotalMicroseconds);

    // The database's clock is off by so much.
    private void Sample(TimeSpan off, TimeSpan? lead = null, TimeSpan? trip = null)
    {
        var sent = machine.GetTimestamp();
        machine.Pass((trip ?? Trip) / 2);
        var database = new LedgerTime(True.UnixMicroseconds + (long)off.TotalMicroseconds);
        machine.Pass((trip ?? Trip) / 2);
        clock.Sample(sent, machine.GetTimestamp(), database, lead);
    }

    private void Set(TimeSpan by)
    {
        machine.Start += by;
        machine.Pass(TimeSpan.FromMilliseconds(500));
        clock.Look();
    }

    private sealed class SetLeases : ILeaseStore
    {
        private static readonly LeaseHolder Holder = new(Guid.NewGuid(), "other", 1, 10);

        public TimeSpan Age { get; set; }

        public TimeSpan Duration { get; set; }

        public IReadOnlyList<LeaseRow> List() =>
            [new LeaseRow(Holder, false, true, Duration + NodeLease.Margin - Age, []) { Duration = Duration }];

        public void Enter(LeaseHolder holder, TimeSpan duration) => throw new NotSupportedException();

        public DatabaseState Look(IReadOnlyList<AcknowledgedRow> acknowledged) => throw new NotSupportedException();

        public LeaseRenewal Renew(
            Guid id, long confirmed, long number, IReadOnlyList<AcknowledgedRow> acknowledged, LedgerTime time) =>
            throw new NotSupportedException();

        public void RecordLoss(long epoch, string noticedBy, string evidence) => throw new NotSupportedException();

        public LeaseTimes ReadTimes() => throw new NotSupportedException();

        public void Leave(Guid id) => throw new NotSupportedException();

        public void Release(Guid id) => throw new NotSupportedException();

        public void Revoke(IReadOnlyCollection<Guid> ids) => throw new NotSupportedException();

        public Task<bool> ClaimAsync(Guid id, string shard, long number, IReadOnlyCollection<Guid> ended) =>
            Task.FromResult(false);

        public Task GiveBackAsync(Guid id, IReadOnlyDictionary<string, long> claims) => Task.CompletedTask;

        public void Dispose()
        {
        }
    }
}
