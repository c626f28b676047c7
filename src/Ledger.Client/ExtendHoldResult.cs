namespace Ledger.Client;

/// <summary>What became of the extension of a hold.</summary>
/// <param name="HoldId">The hold.</param>
/// <param name="Status"><see cref="TransferStatus.Created"/> when the time was set, <see cref="TransferStatus.Exists"/>
/// when it was so already, or why not.</param>
/// <param name="ExpireTime">When the hold expires; null when it does not, or when there is no such live hold.</param>
public sealed record ExtendHoldResult(Guid HoldId, TransferStatus Status, DateTimeOffset? ExpireTime)
{
    /// <summary>Where it was decided, as an opaque text: whoever has read the journals up to it has seen this outcome.
    /// Empty for what an earlier request had decided, and from a ledger that does not say.</summary>
    public string Position { get; init; } = "";

    /// <summary>Whether the hold expires as was asked, since now or since before.</summary>
    public bool IsApplied => Status is TransferStatus.Created or TransferStatus.Exists;
}
