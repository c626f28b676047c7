namespace Ledger.Simulation;

/// <summary>The ledger time of a node as its clock tells it (R21, T1): monotone while the process lives, stepped
/// forward, and slewed back at a twentieth of its speed.</summary>
internal sealed class SimulatedClock
{
    private long at;
    private long shown;

    /// <summary>By how much it is to be off true time, in microseconds.</summary>
    public long Aimed { get; private set; }

    /// <summary>Begins, in a new process.</summary>
    /// <param name="now">The true time.</param>
    /// <param name="off">By how much it is off.</param>
    public void Start(long now, long off) => (at, shown, Aimed) = (now, now + off, off);

    /// <summary>Goes towards another distance from true time.</summary>
    /// <param name="now">The true time.</param>
    /// <param name="off">The distance.</param>
    public void Aim(long now, long off)
    {
        Read(now);
        Aimed = off;
    }

    /// <summary>Whether it shows what nobody would go on with.</summary>
    /// <param name="now">The true time.</param>
    public bool IsFarFrom(long now) => Math.Abs(Read(now) - now) > 1_000_000;

    /// <summary>What it shows.</summary>
    /// <param name="now">The true time.</param>
    public long Read(long now)
    {
        var passed = now - at;
        at = now;
        shown = Math.Max(shown + passed - (passed / 20), now + Aimed);
        return shown;
    }
}
