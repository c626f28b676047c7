namespace Ledger.Cli.Import;

/// <summary>A posting file that has been found valid as a whole.</summary>
internal sealed record PostingFile(IReadOnlyList<PostingTransaction> Transactions)
{
    /// <summary>Accounts that the file writes as virtual postings, with the accounts that they are booked on.</summary>
    public IReadOnlyDictionary<string, string> VirtualAccounts { get; init; } = new Dictionary<string, string>();

    /// <summary>How many postings were added by a balancing line of the mapping file.</summary>
    public int BalancingCount { get; init; }
}
