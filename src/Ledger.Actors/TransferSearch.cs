namespace Ledger;

/// <summary>A page of a search for transfers. Immutable.</summary>
/// <param name="Filter">Which ones.</param>
public sealed record TransferSearch(TransferFilter Filter)
{
    /// <summary>How many at most, 1 to <see cref="LedgerLimits.PageSizeMax"/>.</summary>
    public int PageSize { get; init; } = 100;

    /// <summary>The <see cref="TransferSearchPage.Next"/> of the page before, with the same filter and order; null for
    /// the first.</summary>
    public string? After { get; init; }

    /// <summary>Whether the newest come first. With <see cref="TransferFilter.AccountPrefix"/> as that by which they
    /// are found, they come by account, and of each in this order.</summary>
    public bool NewestFirst { get; init; }

    /// <summary>The text of a position that a write was answered with: the answer shows at least what that write did.
    /// Empty for as it is.</summary>
    public string AtLeast { get; init; } = "";

    /// <summary>Whether to count.</summary>
    public bool Count { get; init; }
}
