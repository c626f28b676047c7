namespace Ledger.Core;

/// <summary>What an account knows about the ids that a leg names. Immutable.</summary>
/// <param name="Index">The leg's place.</param>
internal sealed record LegContext(int Index)
{
    /// <summary>That it knows nothing of a leg's ids.</summary>
    internal static readonly LegContext Nothing = new(0);

    /// <summary>Whether the leg's own id is decided already, and how that is to be answered; else
    /// <see cref="TransferStatus.None"/>.</summary>
    public TransferStatus Known { get; init; }

    /// <summary>Whether it depends on what is in doubt.</summary>
    public bool InDoubt { get; init; }

    /// <summary>For a post or a void: why there is no live hold; for a hold: why there is no room for it; else
    /// <see cref="TransferStatus.None"/>.</summary>
    public TransferStatus HoldProblem { get; init; }

    /// <summary>For a post or a void: the transfer that made the hold, where it is known; without its reference and
    /// metadata, by which nothing is decided.</summary>
    public Transfer? Pending { get; init; }

    /// <summary>For a live hold: what is left of it.</summary>
    public Amount Remaining { get; init; }

    /// <summary>For a live hold: when it expires.</summary>
    public LedgerTime Deadline { get; init; }

    /// <summary>For a correction: why the original can't be taken back; else
    /// <see cref="TransferStatus.None"/>.</summary>
    public TransferStatus ReversalProblem { get; init; }

    /// <summary>For a correction: what can still be taken back.</summary>
    public Amount Reversible { get; init; }
}
