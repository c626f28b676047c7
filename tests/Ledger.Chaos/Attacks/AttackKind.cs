namespace Ledger.Chaos.Attacks;

/// <summary>One way to harm a ledger.</summary>
/// <param name="Name">What it is called on the command line.</param>
/// <param name="Description">What it does, in a line.</param>
/// <param name="Run">Does it until its time is over.</param>
internal sealed record AttackKind(string Name, string Description, Func<Attacker, Task> Run)
{
    /// <summary>Whether it needs an account with many entries.</summary>
    public bool NeedsDepth { get; init; }

    /// <summary>Whether it needs many accounts.</summary>
    public bool NeedsAccounts { get; init; }

    /// <summary>Whether nobody reads what the node writes to its output meanwhile.</summary>
    public bool StallsLog { get; init; }
}
