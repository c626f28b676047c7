namespace Ledger.Client;

/// <summary>Which transfers an account refuses, and why.</summary>
public sealed record AccountFreeze
{
    /// <summary>Whether it takes no debits.</summary>
    public bool Debits { get; init; }

    /// <summary>Whether it takes no credits.</summary>
    public bool Credits { get; init; }

    /// <summary>Why, at most 256 characters; empty by default.</summary>
    public string Reason { get; init; } = "";

    /// <summary>When the freeze ends by itself; null (the default) for never.</summary>
    public DateTimeOffset? EndTime { get; init; }
}
