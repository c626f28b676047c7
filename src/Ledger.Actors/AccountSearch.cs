namespace Ledger;

/// <summary>A page of a search for accounts. Immutable.</summary>
/// <param name="Filter">Which ones.</param>
public sealed record AccountSearch(AccountFilter Filter)
{
    /// <summary>How many at most, 1 to <see cref="LedgerLimits.PageSizeMax"/>.</summary>
    public int PageSize { get; init; } = 100;

    /// <summary>The <see cref="AccountSearchPage.Next"/> of the page before, with the same filter; null for the
    /// first.</summary>
    public string? After { get; init; }

    /// <summary>See <see cref="TransferSearch.AtLeast"/>.</summary>
    public string AtLeast { get; init; } = "";

    /// <summary>Whether to count.</summary>
    public bool Count { get; init; }
}
