namespace Ledger;

/// <summary>Which accounts are looked for: all that is given must hold. Nothing given is every account.
/// Immutable.</summary>
public sealed record AccountFilter
{
    /// <summary>What the address begins with; empty for any.</summary>
    public string AddressPrefix { get; init; } = "";

    /// <summary>The reference; empty for any.</summary>
    public string Reference { get; init; } = "";

    /// <summary>Pairs that its metadata has, up to <see cref="TransferFilter.MetadataPairsMax"/>.</summary>
    public Metadata Metadata { get; init; } = Metadata.Empty;

    /// <summary>The asset; none for any.</summary>
    public Asset Asset { get; init; }

    /// <summary>The codes, up to <see cref="TransferFilter.ListMax"/>; empty for any.</summary>
    public IReadOnlyList<uint> Codes { get; init; } = [];

    /// <summary>What it takes; empty for any.</summary>
    public IReadOnlyList<AccountStanding> Standings { get; init; } = [];
}
