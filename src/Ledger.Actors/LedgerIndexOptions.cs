using System.ComponentModel.DataAnnotations;

namespace Ledger;

/// <summary>The index of transfers and accounts, by which they are found without asking any account.</summary>
public sealed class LedgerIndexOptions
{
    /// <summary>Whether this node answers from the index, and takes its turn to keep it: one node of all does. It is
    /// off unless it is asked for, since it writes each transfer once more, beside the journal and in the same
    /// database.</summary>
    /// <value>The default value is false.</value>
    public bool Enabled { get; set; }

    /// <summary>How far the index may lag behind the journal: beyond that a search is refused rather than answered by
    /// what was.</summary>
    /// <value>The default value is 30 seconds. From 1 second to 1 day.</value>
    public TimeSpan LagMax { get; set; } = TimeSpan.FromSeconds(30);

    internal void Validate()
    {
        if (LagMax < TimeSpan.FromSeconds(1) || LagMax > TimeSpan.FromDays(1))
        {
            throw new ValidationException($"Index:LagMax is {LagMax}; it must lie between 00:00:01 and 1.00:00:00.");
        }
    }
}
