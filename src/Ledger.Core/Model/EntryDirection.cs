using System.Text.Json.Serialization;

namespace Ledger;

/// <summary>The side of an account that a transfer changed. The numbers are those of ledger.v1.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<EntryDirection>))]
public enum EntryDirection
{
    /// <summary>The account was debited.</summary>
    Debit = 1,

    /// <summary>The account was credited.</summary>
    Credit = 2,
}
