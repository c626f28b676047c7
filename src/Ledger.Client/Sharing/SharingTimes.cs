namespace Ledger.Client.Sharing;

/// <summary>How long the parts of a shared stream's life take.</summary>
internal static class SharingTimes
{
    /// <summary>How long a server may take to say hello.</summary>
    public static readonly TimeSpan HelloWithin = TimeSpan.FromSeconds(2);

    /// <summary>When an address is asked again that has no such stream.</summary>
    public static readonly TimeSpan AskedAgainAfter = TimeSpan.FromMinutes(10);

    /// <summary>When an address is asked again that could not be reached, at the earliest; twice as long each
    /// time.</summary>
    public static readonly TimeSpan ReopenedAfter = TimeSpan.FromSeconds(1);

    /// <summary>When it is asked again, at the latest.</summary>
    public static readonly TimeSpan ReopenedWithin = TimeSpan.FromSeconds(30);

    /// <summary>How old a stream becomes, on average.</summary>
    public static readonly TimeSpan Life = TimeSpan.FromMinutes(5);

    /// <summary>By which share of <see cref="Life"/> streams live longer or shorter, so that those that began together
    /// do not end together.</summary>
    public const double LifeJitter = 0.2;

    /// <summary>After which share of the life of what the caller has shown another stream is opened.</summary>
    public const double CredentialsShare = 0.8;

    /// <summary>When a stream ends on which nothing is asked.</summary>
    public static readonly TimeSpan IdleAfter = TimeSpan.FromSeconds(60);

    /// <summary>How often a stream beats, so that nobody between takes it for forgotten.</summary>
    public static readonly TimeSpan BeatEvery = TimeSpan.FromSeconds(15);

    /// <summary>After how much silence a stream is asked, by a beat, whether it lives, while answers are due.</summary>
    public static readonly TimeSpan AskedAfter = TimeSpan.FromSeconds(2);

    /// <summary>After how much silence it is dead, while answers are due.</summary>
    public static readonly TimeSpan DeadAfter = TimeSpan.FromSeconds(5);

    /// <summary>How long answers are waited for on a stream that takes no more items.</summary>
    public static readonly TimeSpan DrainWithin = TimeSpan.FromSeconds(10);

    /// <summary>How often a stream is looked after.</summary>
    public static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(1);

    /// <summary>The longest pause before what a stream has lost is sent again; the shortest is none.</summary>
    public static readonly TimeSpan ResentWithin = TimeSpan.FromMilliseconds(500);
}
