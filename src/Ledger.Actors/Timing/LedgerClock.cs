using System.Globalization;

namespace Ledger.Actors.Timing;

/// <summary>The ledger time of a node (R21): the machine's monotonic clock and an offset. It never goes back; it is
/// stepped forward by ten seconds at most, and slewed back at 95 % of its speed. What it follows is the database's
/// clock where nodes share one, and else the machine's own, as far as that agrees with how long the machine has
/// run.</summary>
/// <remarks>Thread-safe. As a <see cref="TimeProvider"/> it also gives the timers and time stamps of the
/// machine.</remarks>
internal sealed class LedgerClock : TimeProvider
{
    /// <summary>Further than this forward no clock is believed alone.</summary>
    public static readonly TimeSpan StepMax = TimeSpan.FromSeconds(10);

    /// <summary>Further than this apart no two times are believed that a process could begin with.</summary>
    public static readonly TimeSpan StartApartMax = TimeSpan.FromSeconds(60);

    /// <summary>A node whose error is greater is not ready.</summary>
    public static readonly TimeSpan ErrorMax = TimeSpan.FromMilliseconds(250);

    /// <summary>Further than this from what is followed is worth an alarm.</summary>
    public static readonly TimeSpan DistanceAlarm = TimeSpan.FromSeconds(1);

    /// <summary>A sample that took longer is dropped where there is a better one.</summary>
    public static readonly TimeSpan RoundTripMax = TimeSpan.FromMilliseconds(100);

    private const int SlewShare = 20;
    private const long DriftPerMillion = 200;

    // Within this the machine's clock and the ledger's are the same.
    private const long SameMicros = 2_000;

    private static readonly TimeSpan s_watchEvery = TimeSpan.FromMilliseconds(500);

    // A suspended machine: its monotonic clock stood still, and that of its run did not.
    private static readonly TimeSpan s_suspended = TimeSpan.FromMilliseconds(500);

    // By how much the database's clock may differ from what it must show, and not count as set.
    private static readonly TimeSpan s_steadyWithin = TimeSpan.FromMilliseconds(150);

    private readonly TimeProvider source;
    private readonly BootClock boot;
    private readonly bool isGiven;
    private readonly Lock gate = new();
    private volatile Course course;
    private volatile string? problem;
    private ITimer? watch;
    private long distance;

    // Of the last sample of the database's clock; a timestamp of 0 for none.
    private long sampledAt;
    private long sampled;
    private long sampleError;
    private long behindFurthest;
    private long steadySince;
    private (long At, TimeSpan Uptime)? lastRun;

    /// <summary>Makes a clock that shows the machine's time until it is told better.</summary>
    /// <param name="source">The machine's clocks. One that is not the system's is a test's: it is the ledger's clock as
    /// it is.</param>
    public LedgerClock(TimeProvider source)
        : this(source, new BootClock(), isGiven: source != System)
    {
    }

    internal LedgerClock(TimeProvider source, BootClock boot, bool isGiven = false)
    {
        this.source = source;
        this.boot = boot;
        this.isGiven = isGiven;
        course = new Course(source, source.GetTimestamp(), LedgerTime.From(source.GetUtcNow()).UnixMicroseconds, 0);
    }

    /// <summary>The ledger's time now.</summary>
    public LedgerTime Now =>
        isGiven ? LedgerTime.From(source.GetUtcNow()) : new LedgerTime(course.At(source.GetTimestamp()));

    /// <summary>What is wrong with it, and what to do; null when nothing is. The node serves all the same.</summary>
    public string? Problem => problem;

    /// <summary>How far the clock that is followed is ahead; negative when it is behind.</summary>
    public TimeSpan Distance => TimeSpan.FromMicroseconds(Volatile.Read(ref distance));

    /// <summary>How wrong it can be, against the clock that all nodes follow; zero where there is none.</summary>
    public TimeSpan Error
    {
        get
        {
            lock (gate)
            {
                return TimeSpan.FromMicroseconds(ErrorAt(Monotonic.GetTimestamp()));
            }
        }
    }

    /// <inheritdoc/>
    public override TimeZoneInfo LocalTimeZone => source.LocalTimeZone;

    /// <inheritdoc/>
    public override long TimestampFrequency => source.TimestampFrequency;

    /// <inheritdoc/>
    public override long GetTimestamp() => source.GetTimestamp();

    /// <inheritdoc/>
    public override DateTimeOffset GetUtcNow() => isGiven ? source.GetUtcNow() : Now.ToDateTimeOffset();

    /// <inheritdoc/>
    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
        source.CreateTimer(callback, state, dueTime, period);

    // ---------------------------------------------------------------- beginning

    /// <summary>Begins with the machine's clock, where one process has the storage to itself.</summary>
    /// <param name="mark">What the storage remembers.</param>
    /// <param name="accept">An operator's word.</param>
    /// <exception cref="ClockException">The machine's clock contradicts what the storage remembers.</exception>
    public void Start(ClockMark mark, ClockSource accept)
    {
        if (isGiven)
        {
            return;
        }

        var machine = MachineNow;
        var newest = mark.Newest?.UnixMicroseconds ?? long.MinValue;
        var expected = Expected(mark);
        var ledger = expected ?? newest;
        if (accept == ClockSource.Ledger && ledger > long.MinValue)
        {
            Set(ledger);
        }
        else if (accept is ClockSource.Machine or ClockSource.Database)
        {
            Set(machine);
        }
        else if (expected is { } right && IsFar(machine, right))
        {
            // The machine has not been started anew since: the time it has run says what its clock must show.
            throw Contradiction(
                "the machine's clock", machine, "what the ledger had, and the time that has passed since,", right,
                "Machine");
        }
        else if (newest > machine && IsFar(machine, newest))
        {
            throw Contradiction("the machine's clock", machine, "the newest row of the journal", newest, "Machine");
        }
        else
        {
            Set(Math.Max(machine, newest));
        }

        lock (gate)
        {
            watch ??= source.CreateTimer(
                static clock => ((LedgerClock)clock!).Look(), this, s_watchEvery, s_watchEvery);
        }
    }

    /// <summary>Begins beside other nodes, with their time.</summary>
    /// <param name="database">The database's clock, now.</param>
    /// <param name="lead">By how much the furthest of the others is ahead of it; negative when it is behind.</param>
    public void StartBeside(LedgerTime database, TimeSpan lead)
    {
        if (!isGiven)
        {
            Set(database.UnixMicroseconds + (long)lead.TotalMicroseconds);
        }
    }

    /// <summary>Begins alone with the database's clock.</summary>
    /// <param name="database">The database's clock, now.</param>
    /// <param name="newest">The newest ledger time that the database remembers; null for none.</param>
    /// <param name="accept">An operator's word.</param>
    /// <exception cref="ClockException">They are too far apart, and the machine's clock agrees with none.</exception>
    public void StartWith(LedgerTime database, LedgerTime? newest, ClockSource accept)
    {
        if (isGiven)
        {
            return;
        }

        var (theirs, machine) = (database.UnixMicroseconds, MachineNow);
        var ours = newest?.UnixMicroseconds ?? theirs;
        switch (accept)
        {
            case ClockSource.Machine:
                Set(machine);
                return;
            case ClockSource.Database:
                Set(theirs);
                return;
            case ClockSource.Ledger:
                Set(ours);
                return;
            default:
                break;
        }

        if (!IsFar(theirs, ours))
        {
            Set(Math.Max(theirs, ours));
        }
        else if (theirs > ours)
        {
            // Mostly the ledger has stood still for so long. The machine's clock is the witness.
            if (IsFar(theirs, machine))
            {
                throw Contradiction(
                    "the database's clock", theirs, "the machine's clock", machine, "Database or Machine");
            }

            Set(theirs);
        }
        else if (Math.Abs(machine - theirs) <= 1_000_000)
        {
            // What was ahead was the ledger: accounts that have rows there work on by this time.
            Set(theirs);
        }
        else if (Math.Abs(machine - ours) <= 1_000_000)
        {
            Set(ours);
        }
        else
        {
            throw Contradiction(
                "the database's clock", theirs, "the newest time of the ledger", ours, "Database, Ledger or Machine");
        }
    }

    /// <summary>What to remember now, to begin with another time.</summary>
    /// <param name="time">The ledger time of this moment.</param>
    public ClockMark? Mark(LedgerTime time) => boot.Uptime is { } uptime && boot.BootId is { Length: > 0 } id
        ? new ClockMark(time) { BootId = id, Uptime = uptime, Time = time }
        : null;

    // ---------------------------------------------------------------- following

    /// <summary>Takes a sample of the database's clock.</summary>
    /// <param name="sent">The time stamp before it was asked for.</param>
    /// <param name="received">The time stamp when it was there.</param>
    /// <param name="database">What it showed in between.</param>
    /// <param name="lead">By how much the furthest of the other nodes is ahead of it; null for no other.</param>
    public void Sample(long sent, long received, LedgerTime database, TimeSpan? lead)
    {
        lock (gate)
        {
            var error = Micros(sent, received) / 2;
            if (sampledAt != 0 && error * 2 > RoundTripMax.TotalMicroseconds && error >= ErrorAt(received))
            {
                return;
            }

            var theirs = database.UnixMicroseconds + error;
            NoteSteadiness(received, theirs, error);
            (sampledAt, sampled, sampleError) = (received, theirs, error);
            if (isGiven)
            {
                return;
            }

            long? furthest = lead is { } ahead ? theirs + (long)ahead.TotalMicroseconds : null;
            Follow(received, theirs, furthest, error);
        }
    }

    /// <summary>Since when the database's clock has run as the monotonic clock of this machine does, as far as samples
    /// show: how long ago something was by that clock is true as far back as this.</summary>
    public TimeSpan SteadyFor
    {
        get
        {
            lock (gate)
            {
                return steadySince == 0 ? TimeSpan.Zero : Monotonic.GetElapsedTime(steadySince);
            }
        }
    }

    /// <summary>Ends the watch over the machine's clock.</summary>
    public void Stop()
    {
        lock (gate)
        {
            watch?.Dispose();
        }
    }

    // Of a process that has the storage to itself: is the machine's clock still right?
    internal void Look()
    {
        lock (gate)
        {
            var at = source.GetTimestamp();
            if (boot.Uptime is { } uptime)
            {
                if (lastRun is { } last)
                {
                    var slept = uptime - last.Uptime - source.GetElapsedTime(last.At, at);
                    if (slept > s_suspended)
                    {
                        course = course.Stepped(at, (long)slept.TotalMicroseconds);
                    }
                }

                lastRun = (at, uptime);
            }

            var (machine, here) = (MachineNow, course.At(at));
            var off = machine - here;
            Volatile.Write(ref distance, off);
            if (Math.Abs(off) > (long)StepMax.TotalMicroseconds)
            {
                Report(
                    $"The machine's clock shows {Text(machine)}, and by the time that the machine has run it is "
                    + $"{Text(here)}: it was set by more than 10 s, and is not followed. Set it right; or, if it is "
                    + "right now, restart the ledger with Clock:Accept = Machine.");
                return;
            }

            problem = null;
            if (off > SameMicros)
            {
                course = course.Stepped(at, off);
            }
            else
            {
                course = course.Slewed(at, off < -SameMicros ? -off : 0);
            }
        }
    }

    private void Follow(long at, long theirs, long? furthest, long error)
    {
        var here = course.At(at);
        var stepMax = (long)StepMax.TotalMicroseconds;
        var most = Math.Max(theirs, furthest ?? long.MinValue);
        if (most - here > stepMax && !(furthest is { } one && Math.Abs(one - theirs) <= 1_000_000))
        {
            // One clock alone is not believed: the nodes go on together.
            most = furthest is { } other && other - here <= stepMax && theirs - here > stepMax ? other
                : theirs - here <= stepMax ? theirs
                : here;
        }

        if (most > here + error)
        {
            course = course.Stepped(at, most - error - here);
        }
        else
        {
            course = course.Slewed(at, Math.Max(0, here - error - most));
        }

        here = course.At(at);
        behindFurthest = Math.Max(0, (furthest ?? here) - here);
        Volatile.Write(ref distance, theirs - here);
        if (Math.Abs(theirs - here) > (long)DistanceAlarm.TotalMicroseconds + error)
        {
            Report(
                $"The database's clock shows {Text(theirs)}, and the ledger's {Text(here)}: one of them was set. The "
                + "ledger goes on by its own, and comes nearer by itself as far as it may; look at the clock of the "
                + "database's machine.");
        }
        else
        {
            problem = null;
        }
    }

    private void NoteSteadiness(long at, long theirs, long error)
    {
        if (sampledAt == 0)
        {
            steadySince = at;
            return;
        }

        var passed = Micros(sampledAt, at);
        var off = Math.Abs(theirs - sampled - passed);
        if (off > error + sampleError + (long)s_steadyWithin.TotalMicroseconds + (passed * DriftPerMillion / 1_000_000))
        {
            steadySince = at;
        }
    }

    private long ErrorAt(long at) =>
        sampledAt == 0 ? 0 : sampleError + behindFurthest + (Micros(sampledAt, at) * DriftPerMillion / 1_000_000);

    private long Micros(long from, long to) => Monotonic.GetElapsedTime(from, to).Ticks / TimeSpan.TicksPerMicrosecond;

    // What samples are measured by: a test's clock may stand still.
    private TimeProvider Monotonic => isGiven ? System : source;

    private long MachineNow => LedgerTime.From(source.GetUtcNow()).UnixMicroseconds;

    // What it must be now by the run of the machine; null where that says nothing.
    private long? Expected(ClockMark mark) =>
        mark.BootId.Length > 0 && mark.BootId == boot.BootId && boot.Uptime is { } uptime && uptime >= mark.Uptime
            ? mark.Time.UnixMicroseconds + (long)(uptime - mark.Uptime).TotalMicroseconds
            : null;

    private void Set(long micros)
    {
        lock (gate)
        {
            course = new Course(source, source.GetTimestamp(), micros, 0);
        }
    }

    private void Report(string what) => problem = what;

    private static bool IsFar(long one, long other) => Math.Abs(one - other) > (long)StartApartMax.TotalMicroseconds;

    private static ClockException Contradiction(
        string one, long oneTime, string other, long otherTime, string choice) => new(
        $"The ledger can't tell what time it is: {one} shows {Text(oneTime)}, and {other} {Text(otherTime)}. Set the "
        + $"clock that is wrong and start again; or say which is right with Clock:Accept = {choice}, for this one "
        + "start.");

    private static string Text(long micros) =>
        new LedgerTime(micros).ToDateTimeOffset()
            .ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);

    // How the time goes on from a moment; what is too much is lost little by little.
    private sealed class Course(TimeProvider source, long from, long micros, long excess)
    {
        public long At(long timestamp)
        {
            var passed = Math.Max(0, source.GetElapsedTime(from, timestamp).Ticks / TimeSpan.TicksPerMicrosecond);
            return micros + passed - Math.Min(excess, passed / SlewShare);
        }

        public Course Stepped(long at, long by) => new(source, at, At(at) + by, 0);

        public Course Slewed(long at, long by) => by == 0 && excess == 0 ? this : new(source, at, At(at), by);
    }
}
