using System.Text.Json.Serialization;

namespace Ledger;

/// <summary>What has become of a hold.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<HoldState>))]
public enum HoldState
{
    /// <summary>The transfer is no hold.</summary>
    None,

    /// <summary>It reserves money.</summary>
    Live,

    /// <summary>It was posted.</summary>
    Posted,

    /// <summary>It was voided.</summary>
    Voided,

    /// <summary>It has expired.</summary>
    Expired,
}
