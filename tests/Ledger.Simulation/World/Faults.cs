namespace Ledger.Simulation;

/// <summary>The kinds of faults; a bit each, so that a failing history can be tried without some of them.</summary>
[Flags]
internal enum FaultKinds
{
    None = 0,
    Drop = 1 << 0,
    Duplicate = 1 << 1,
    Delay = 1 << 2,
    Partition = 1 << 3,
    Crash = 1 << 4,
    Relocate = 1 << 5,
    Sleep = 1 << 6,
    WriteFails = 1 << 7,
    AckLost = 1 << 8,
    WriteLate = 1 << 9,
    WriteSlow = 1 << 10,
    SharedFate = 1 << 11,
    LookupFails = 1 << 12,
    Skew = 1 << 13,
    ClockJump = 1 << 14,
    Forgetful = 1 << 15,
    Snapshots = 1 << 16,
    OldSnapshots = 1 << 17,

    /// <summary>The lease guards what decides, not what only asks: an older incarnation that has written something goes
    /// on asking others to prepare and what has become of it. (Its votes, answers and closes must not leave: what they
    /// promise could be unknown to the newer incarnation, which answers reads and refuses by what it knows.)</summary>
    LooseLease = 1 << 18,

    /// <summary>A node can't renew its lease for a while: what its accounts say waits, in order, and leaves when it is
    /// renewed; what an incarnation said that has got a successor meanwhile never does.</summary>
    Lapse = 1 << 19,

    /// <summary>Transfers carry text, up to limits in bytes that are so small that rows close by them and transactions
    /// pass them (R17).</summary>
    Payload = 1 << 20,

    /// <summary>The table of the index of ids is put back from a copy that is older than the journal.</summary>
    IndexLost = 1 << 21,

    /// <summary>The database fails over, or an older copy of it is put back: with all that it had, or without its last
    /// commits. What nodes know, and what they say to each other, is then newer than the journal (R19).</summary>
    Failover = 1 << 22,

    /// <summary>The accounts of a node share a writer, which stores their rows in groups, and requests leave before
    /// their row is durable (R8').</summary>
    SharedWriter = 1 << 23,

    /// <summary>What an account decides throws at times, by a defect that comes and goes.</summary>
    Throws = 1 << 27,

    /// <summary>An account can't be read for long: its rows are damaged, or its page does not come. Nothing reaches it,
    /// and what others have prepared with it stays in doubt.</summary>
    Unreadable = 1 << 28,

    /// <summary>An operator has transactions aborted that are in doubt: while the last agent sleeps, can't be read, is
    /// cut off, or writes at that moment (R20).</summary>
    Verdicts = 1 << 29,
    All = ((1 << 24) - 1) | Throws | Unreadable | Verdicts,
}

/// <summary>What one world suffers: each seed picks its own (swarm).</summary>
internal sealed record Faults
{
    public FaultKinds Kinds { get; init; }

    public int Drop { get; init; }

    public int Duplicate { get; init; }

    /// <summary>Messages take 2^this microseconds at most.</summary>
    public int DelayBits { get; init; } = 12;

    /// <summary>The pause between two crashes of a node is 2^this microseconds on average; 0 for never. So for the
    /// others.</summary>
    public int CrashBits { get; init; }

    public int RelocateBits { get; init; }

    public int SleepBits { get; init; }

    public int PartitionBits { get; init; }

    public int ClockJumpBits { get; init; }

    public int LapseBits { get; init; }

    public int UnreadableBits { get; init; }

    public int VerdictBits { get; init; }

    public int FailoverBits { get; init; }

    /// <summary>How much one other account may leave unanswered, and all of them.</summary>
    public int UnansweredMax { get; init; } = 256;

    public int DoubtMax { get; init; } = 4096;

    /// <summary>When doubt counts as old, and how often one goes through beyond a bound.</summary>
    public TimeSpan OldDoubtAfter { get; init; } = TimeSpan.FromSeconds(2);

    public TimeSpan ProbeEvery { get; init; } = TimeSpan.FromSeconds(1);

    public int WriteFails { get; init; }

    public int AckLost { get; init; }

    public int WriteLate { get; init; }

    public int WriteBits { get; init; } = 12;

    /// <summary>How many groups a node's writer stores at once; 0 where each account writes for itself.</summary>
    public int Writers { get; init; }

    /// <summary>How many rows a group has at most.</summary>
    public int GroupRowsMax { get; init; }

    /// <summary>How long a writer waits for further rows: 2^this microseconds at most.</summary>
    public int GatherBits { get; init; }

    /// <summary>How many rows in a thousand fail alone, and how many are given up before they are sent.</summary>
    public int RowFails { get; init; }

    public int LookupFails { get; init; }

    public int IndexLostBits { get; init; }

    public int Throws { get; init; }

    public int LookupBits { get; init; } = 12;

    public long SkewMax { get; init; }

    public int IdempotencyWindowMax { get; init; } = 4096;

    public TimeSpan IdempotencyAgeMax { get; init; } = TimeSpan.FromDays(1);

    public int SnapshotEvery { get; init; } = 1_000_000;

    public long SnapshotEveryBytes { get; init; } = 1_000_000_000;

    public bool Has(FaultKinds kind) => (Kinds & kind) != FaultKinds.None;

    public static Faults Make(ulong seed, FaultKinds allowed, bool isSequential)
    {
        var random = new Prng(seed, "faults");
        var kinds = FaultKinds.None;
        var temper = random.Next(8);
        for (var bit = 0; bit < 22; bit++)
        {
            // One history in eight is calm, one suffers everything.
            var on = random.Next(100);
            kinds |= temper == 0 ? FaultKinds.None : temper == 1 || on < 40 ? (FaultKinds)(1 << bit) : FaultKinds.None;
        }

        // Of its own: what the other faults of a seed are does not hang on it.
        var doubt = new Prng(seed, "doubt");
        kinds |= temper != 0 && (temper == 1 || doubt.Next(100) < 40) ? FaultKinds.Unreadable : FaultKinds.None;
        // Drawn apart, so that what came before it is as it was.
        var throws = new Prng(seed, "throws");
        var throwsPermille = throws.Of(5, 30, 200);
        kinds |= temper != 0 && (temper == 1 || throws.Chance(400)) ? FaultKinds.Throws : FaultKinds.None;
        var writers = new Prng(seed, "writers");
        kinds |= writers.Chance(500) ? FaultKinds.SharedWriter : FaultKinds.None;
        var verdicts = new Prng(seed, "verdicts");
        kinds |= temper != 0 && (temper == 1 || verdicts.Chance(300)) ? FaultKinds.Verdicts : FaultKinds.None;
        var failovers = new Prng(seed, "failovers");
        kinds |= temper != 0 && (temper == 1 || failovers.Chance(400)) ? FaultKinds.Failover : FaultKinds.None;
        kinds &= allowed;
        if (isSequential)
        {
            // The reference knows no operator, and forgets nothing.
            kinds &= ~(FaultKinds.Verdicts | FaultKinds.Failover | FaultKinds.Payload | FaultKinds.Skew
                | FaultKinds.ClockJump | FaultKinds.WriteLate | FaultKinds.Partition);
        }

        int Rate(FaultKinds kind, params ReadOnlySpan<int> rates)
        {
            var rate = random.Of(rates);
            return (kinds & kind) != FaultKinds.None ? rate : 0;
        }

        var delays = random.Of(16, 19, 22, 25);
        var slow = random.Of(16, 19, 22);
        var looking = random.Of(12, 12, 16, 19, 22);
        var memory = random.Of(1, 1, 2, 3, 4, 8);
        var age = random.Of(0.001, 0.1, 1, 10, 1000);
        var every = random.Of(1, 1, 2, 3, 7, 1_000_000);
        var everyBytes = random.Of(1_000, 5_000, 1_000_000_000);
        return new Faults
        {
            Kinds = kinds,
            Drop = Rate(FaultKinds.Drop, 5, 30, 100, 250),
            Duplicate = Rate(FaultKinds.Duplicate, 10, 50, 200),
            DelayBits = (kinds & FaultKinds.Delay) != FaultKinds.None ? (isSequential ? 19 : delays) : 12,
            CrashBits = Rate(FaultKinds.Crash, 18, 20, 22, 24),
            RelocateBits = Rate(FaultKinds.Relocate, 17, 19, 21, 23),
            SleepBits = Rate(FaultKinds.Sleep, 16, 18, 20, 22),
            PartitionBits = Rate(FaultKinds.Partition, 20, 22, 24),
            ClockJumpBits = Rate(FaultKinds.ClockJump, 20, 22, 24),
            LapseBits = Rate(FaultKinds.Lapse, 19, 21, 23),
            IndexLostBits = Rate(FaultKinds.IndexLost, 19, 21, 23),
            VerdictBits = (kinds & FaultKinds.Verdicts) != FaultKinds.None ? verdicts.Of(16, 18, 20, 21) : 0,
            FailoverBits = (kinds & FaultKinds.Failover) != FaultKinds.None ? failovers.Of(16, 18, 20, 22) : 0,
            UnreadableBits = (kinds & FaultKinds.Unreadable) != FaultKinds.None ? doubt.Of(20, 21, 22, 23) : 0,
            UnansweredMax = doubt.Of(1, 2, 3, 256),
            DoubtMax = doubt.Of(1, 2, 3, 4096),
            OldDoubtAfter = TimeSpan.FromMilliseconds(doubt.Of(20, 200, 2000)),
            ProbeEvery = TimeSpan.FromSeconds(doubt.Of(1, 5, 20)),
            WriteFails = Rate(FaultKinds.WriteFails, 5, 20, 100),
            AckLost = Rate(FaultKinds.AckLost, 5, 20, 100),
            WriteLate = Rate(FaultKinds.WriteLate, 5, 20, 100),
            Writers = (kinds & FaultKinds.SharedWriter) != FaultKinds.None ? writers.Of(1, 1, 2, 3) : 0,
            GroupRowsMax = writers.Of(1, 2, 4, 8, 1000),
            GatherBits = writers.Of(4, 9, 12, 14),
            RowFails = temper == 0 ? 0 : writers.Of(0, 5, 20, 100),
            WriteBits = (kinds & FaultKinds.WriteSlow) != FaultKinds.None ? slow : 12,
            LookupFails = Rate(FaultKinds.LookupFails, 20, 200, 500),
            Throws = (kinds & FaultKinds.Throws) != FaultKinds.None ? throwsPermille : 0,
            LookupBits = (kinds & FaultKinds.WriteSlow) != FaultKinds.None ? looking : 12,
            SkewMax = Rate(FaultKinds.Skew, 10_000, 50_000, 125_000, 600_000, 8_000_000),
            IdempotencyWindowMax = (kinds & FaultKinds.Forgetful) != FaultKinds.None ? memory : 4096,
            IdempotencyAgeMax = TimeSpan.FromSeconds((kinds & FaultKinds.Forgetful) != FaultKinds.None ? age : 86400),
            SnapshotEvery = (kinds & FaultKinds.Snapshots) != FaultKinds.None ? every : 1_000_000,
            SnapshotEveryBytes = (kinds & FaultKinds.Snapshots) != FaultKinds.None ? everyBytes : 1_000_000_000,
        };
    }
}
