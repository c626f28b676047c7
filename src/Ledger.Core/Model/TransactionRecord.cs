using System.Collections.Immutable;

namespace Ledger;

/// <summary>A transaction as its coordinator remembers it. Immutable.</summary>
/// <param name="Transaction">The transaction, its posts and voids with what they took from their holds.</param>
/// <param name="Result">What became of it.</param>
public sealed record TransactionRecord(Transaction Transaction, TransactionResult Result)
{
    /// <summary>For each leg, see <see cref="Core.ResolvedLeg.HoldRow"/>; a row of the coordinator. Empty where it is 0
    /// for all of them.</summary>
    public ImmutableArray<long> HoldRows { get; init; } = [];

    /// <summary>Whether posts or voids are shown without what they leave to their holds, which would have made the
    /// answer larger than
    /// <see cref="LedgerSizes.AnswerMax"/>. Each transfer can be asked for by its own id.</summary>
    public bool IsAbridged { get; init; }

    /// <summary>Who asked for it first, see <see cref="Principals"/>; empty where nobody was named.</summary>
    public string Principal { get; init; } = "";
}
