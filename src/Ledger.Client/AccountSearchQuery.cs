namespace Ledger.Client;

/// <summary>Which accounts to find. All that is given must hold; nothing given is every account.</summary>
public sealed record AccountSearchQuery
{
    /// <summary>What the address begins with; empty for any.</summary>
    public string AddressPrefix { get; init; } = "";

    /// <summary>Pairs that the metadata has, at most 4.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; init; } = ProtoMapper.NoMetadata;

    /// <summary>The reference; empty for any.</summary>
    public string Reference { get; init; } = "";

    /// <summary>The asset; empty for any.</summary>
    public string Asset { get; init; } = "";

    /// <summary>The codes, at most 16.</summary>
    public IReadOnlyList<uint> Codes { get; init; } = [];

    /// <summary>What the account takes; empty for any.</summary>
    public IReadOnlyList<AccountStanding> Standings { get; init; } = [];

    /// <summary>The position of a write that must be seen; empty for as it is.</summary>
    public string AtLeast { get; init; } = "";

    /// <summary>How many are fetched at a time: 1 to 1,000. The default is 100. It does not limit the list.</summary>
    public int PageSize { get; init; } = 100;
}
