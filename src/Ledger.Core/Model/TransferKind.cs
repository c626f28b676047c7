using System.Text.Json.Serialization;

namespace Ledger;

/// <summary>What a transfer does. The numbers are those of ledger.v1.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<TransferKind>))]
public enum TransferKind
{
    /// <summary>It moves the money at once.</summary>
    Direct = 0,

    /// <summary>It reserves the money until the hold is posted, voided or expired.</summary>
    Hold = 1,

    /// <summary>It moves the money of a hold, wholly or in part; the rest is released unless
    /// <see cref="Transfer.KeepRest"/> is set.</summary>
    PostHold = 2,

    /// <summary>It releases a hold.</summary>
    VoidHold = 3,

    /// <summary>The release of a hold whose time was up. Only the ledger makes it.</summary>
    ExpireHold = 4,
}
