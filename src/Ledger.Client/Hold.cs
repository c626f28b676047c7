namespace Ledger.Client;

/// <summary>What has become of a hold.</summary>
/// <param name="State">Whether it is live, and how it ended.</param>
/// <param name="Remaining">For a live hold: what is left of it. Otherwise 0.</param>
/// <param name="ExpireTime">For a live hold with a timeout: when it expires. Otherwise null.</param>
public sealed record Hold(HoldState State, UInt128 Remaining, DateTimeOffset? ExpireTime);
