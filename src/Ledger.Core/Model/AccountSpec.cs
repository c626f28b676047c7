using System.Text.Json.Serialization;

namespace Ledger;

/// <summary>What an account is opened with. Immutable.</summary>
/// <param name="Address">The account's address.</param>
/// <param name="Asset">The one asset that it holds.</param>
/// <param name="Code">A number of the caller's own, not 0.</param>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record AccountSpec(AccountAddress Address, Asset Asset, uint Code)
{
    /// <summary>The caller's own reference, at most <see cref="LedgerLimits.ReferenceLengthMax"/> characters.</summary>
    public string Reference { get; init; } = "";

    /// <summary>The caller's own key-value pairs; see <see cref="LedgerLimits"/>.</summary>
    public Metadata Metadata { get; init; } = Metadata.Empty;

    /// <summary>When set: posted, pending and in-doubt debits must not exceed posted credits plus this
    /// allowance.</summary>
    public Amount? DebitsMustNotExceedCredits { get; init; }

    /// <summary>When set: posted, pending and in-doubt credits must not exceed posted debits plus this
    /// allowance.</summary>
    public Amount? CreditsMustNotExceedDebits { get; init; }

    /// <summary>Whether it is opened closed: it then takes no transfer until it is reopened. The default value is
    /// false.</summary>
    public bool IsClosed { get; init; }
}
