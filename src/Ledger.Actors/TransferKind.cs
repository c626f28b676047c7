namespace Ledger;

/// <summary>What a transfer is. The numbers are those of ledger.v1.</summary>
public enum TransferKind
{
    /// <summary>It moved money at once.</summary>
    Direct = 0,

    /// <summary>It reserved money.</summary>
    Hold = 1,

    /// <summary>It moved the money of a hold, or a part of it.</summary>
    PostHold = 2,

    /// <summary>It released a hold.</summary>
    VoidHold = 3,

    /// <summary>The ledger released a hold whose time was up.</summary>
    ExpireHold = 4,
}
