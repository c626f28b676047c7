namespace Ledger.Client;

/// <summary>Asks to take back a posted transaction, or one transfer.</summary>
public sealed record Reversal
{
    /// <summary>The id of the correction, made before the first attempt and kept for every retry.</summary>
    public required Guid Id { get; init; }

    /// <summary>The id of the transaction, or of the one transfer, to take back.</summary>
    public required Guid OriginalId { get; init; }

    /// <summary>Why, from 1 to 256 characters.</summary>
    public required string Reason { get; init; }

    /// <summary>The debit account of the original, or of its first transfer; empty (the default) when the caller does
    /// not know it.</summary>
    public string Account { get; init; } = "";

    /// <summary>For a single transfer: how much of it to take back; null (the default) for all that is left.</summary>
    public UInt128? Amount { get; init; }

    /// <summary>The code of the correction; 0 (the default) for that of the original.</summary>
    public uint Code { get; init; }

    /// <summary>The caller's own reference, at most 128 characters; empty by default.</summary>
    public string Reference { get; init; } = "";

    /// <summary>When the correction counts from a business point of view; null (the default) for when it is committed.
    /// It is not the original's.</summary>
    public DateTimeOffset? EffectiveTime { get; init; }
}
