using Akka.Configuration;
using Akka.Event;
using Akka.Remote;

namespace Ledger.Actors.Remoting;

/// <summary>The cluster's failure detector, more patient with a member that this node has not known for long.</summary>
/// <remarks>
/// A node that has just joined connects to all others, is handed accounts, and has the compiler at work; on a busy
/// machine it is silent for seconds, and so may be the others to it. A wrong suspicion is dear: who is suspected and
/// still heard of by way of a third node is removed together with who suspects it, which of three nodes is the
/// majority. So in the first seconds of each other a pause is borne that is longer than the one between members that
/// have long been there. A node that dies in these seconds is missed as much later.
/// </remarks>
internal sealed class PatientFailureDetector : PhiAccrualFailureDetector
{
    private readonly Clock clock;
    private readonly long youngFor;
    private readonly long youngPause;
    private long first = -1;
    private long latest;

    /// <summary>Made by Akka.Cluster for each member that answers, as its <c>implementation-class</c>.</summary>
    /// <param name="config">The failure detector's section.</param>
    /// <param name="events">Where warnings go.</param>
    public PatientFailureDetector(Config config, EventStream events)
        : base(config, events) =>
        (clock, youngFor, youngPause) = (
            DefaultClock, Milliseconds(config, "young-for"), Milliseconds(config, "young-pause"));

    /// <summary>Made by tests, with a clock of theirs.</summary>
    internal PatientFailureDetector(Config config, Clock clock)
        : base(
            config.GetDouble("threshold"), config.GetInt("max-sample-size"), config.GetTimeSpan("min-std-deviation"),
            config.GetTimeSpan("acceptable-heartbeat-pause"), config.GetTimeSpan("heartbeat-interval"), clock) =>
        (this.clock, youngFor, youngPause) = (
            clock, Milliseconds(config, "young-for"), Milliseconds(config, "young-pause"));

    /// <inheritdoc/>
    public override bool IsAvailable => base.IsAvailable || IsBorne(clock());

    /// <inheritdoc/>
    public override void HeartBeat()
    {
        var now = clock();
        Volatile.Write(ref latest, now);
        Interlocked.CompareExchange(ref first, now, -1);
        base.HeartBeat();
    }

    private static long Milliseconds(Config config, string key) => (long)config.GetTimeSpan(key).TotalMilliseconds;

    // By when it was last heard: a member that dies while it is young is not missed later than one that is silent from
    // then on.
    private bool IsBorne(long now)
    {
        var since = Volatile.Read(ref first);
        var heard = Volatile.Read(ref latest);
        return since >= 0 && heard - since < youngFor && now - heard < youngPause;
    }
}
