namespace Ledger.Actors.Storage;

/// <summary>The limits of reads in groups. Each place may take a connection; together they must leave some to
/// others.</summary>
internal sealed record ReadBatcherOptions
{
    /// <summary>How many groups may be read at once. Where rows come from a disk, more sessions wait for it at
    /// once.</summary>
    public int GroupsMax { get; init; } = 6;

    /// <summary>How many questions one group holds.</summary>
    public int GroupMax { get; init; } = 16;

    /// <summary>How many questions of groups that failed may be asked again at once.</summary>
    public int AgainMax { get; init; } = 3;

    /// <summary>How many questions that failed before may be asked at once.</summary>
    public int SuspectsMax { get; init; } = 2;

    /// <summary>How long a group may be read. So much shorter than its callers wait that each can be asked again
    /// alone.</summary>
    public TimeSpan GroupPatience { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>How long a question of a group that failed may be read when it is asked again, before it leaves its
    /// place to the others of that group.</summary>
    public TimeSpan AgainPatience { get; init; } = TimeSpan.FromSeconds(0.6);

    /// <summary>How long a question may be read alone: about as long as a caller waits.</summary>
    public TimeSpan AlonePatience { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>For how long what failed is not grouped with others.</summary>
    public TimeSpan SuspectFor { get; init; } = TimeSpan.FromMinutes(1);
}
