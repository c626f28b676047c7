using Ledger.Core;

namespace Ledger.Simulation;

/// <summary>What one process knows of the database under its accounts (R19).</summary>
internal sealed class NodeWatch
{
    /// <summary>Up to which change of the database it has looked.</summary>
    public required int Revision { get; set; }

    /// <summary>Which history of which epoch its accounts were read from.</summary>
    public required int History { get; set; }

    /// <summary>The epoch that it knows.</summary>
    public required int Epoch { get; set; }

    /// <summary>Whether it has found evidence of a loss, or was told of it, and is silent until a new epoch has
    /// begun.</summary>
    public required bool IsHalted { get; set; }

    /// <summary>Whether it has begun since the last change, and so has nothing in memory that could contradict the
    /// database.</summary>
    public bool IsNew { get; set; } = true;

    /// <summary>The newest row that it knows to be durable.</summary>
    public (SimulatedAccount Place, EventBatch Row)? Acknowledged { get; set; }

    /// <summary>Whether the database has lost a renewal of its lease that was confirmed.</summary>
    public bool HasLostRenewal { get; set; }

    /// <summary>Until when its lease is good, where it has not looked at the database since that has changed.</summary>
    public long LeaseUntil { get; set; } = long.MaxValue;

    /// <summary>Whether the newest row that it knows to be durable is there no more.</summary>
    public bool HasLostRow => Acknowledged is var (place, row)
        && (place.Rows.Count < row.SequenceNr || !ReferenceEquals(place.Rows[(int)row.SequenceNr - 1], row));
}
