namespace Ledger.Client;

/// <summary>Asks to post or to void all holds of a transaction.</summary>
public sealed record TransactionResolution
{
    /// <summary>The id of the new transaction, made before the first attempt and kept for every retry.</summary>
    public required Guid Id { get; init; }

    /// <summary>The coordinator of the transaction that made the holds: the debit account of its first
    /// transfer.</summary>
    public required string Account { get; init; }

    /// <summary>The id of the transaction that made the holds.</summary>
    public required Guid TransactionId { get; init; }

    /// <summary>Whether to post them; otherwise they are voided.</summary>
    public required bool Post { get; init; }

    /// <summary>When the posts or voids count from a business point of view; null (the default) for when they are
    /// committed.</summary>
    public DateTimeOffset? EffectiveTime { get; init; }
}
