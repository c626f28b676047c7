using System.Numerics;
using Ledger.Cli.Output;

namespace Ledger.Cli.Import;

/// <summary>One line of a posting file.</summary>
/// <param name="Line">The line of the file on which it starts.</param>
/// <param name="Account">The account's address.</param>
/// <param name="Asset">The account's asset.</param>
/// <param name="Amount">Minor units: positive is a debit, negative a credit.</param>
internal sealed record Posting(long Line, string Account, string Asset, BigInteger Amount);

/// <summary>A transaction of a posting file: postings that balance to zero per asset.</summary>
/// <param name="Key">What the file calls it, such as a running number; unique in the file.</param>
/// <param name="Date">The date, in ISO 8601.</param>
/// <param name="Description">The description.</param>
/// <param name="Postings">The postings, in the order of the file.</param>
internal sealed record PostingTransaction(string Key, string Date, string Description, IReadOnlyList<Posting> Postings)
{
    /// <summary>The line on which it begins.</summary>
    public long Line { get; init; }

    /// <summary>When it counts; null where the date is none, which is told.</summary>
    public DateTimeOffset? Time { get; init; }

    /// <summary>The code of its transfers.</summary>
    public uint Code { get; init; } = 1;

    /// <summary>Which try to import it this is, from 1.</summary>
    public uint Attempt { get; init; } = 1;
}

/// <summary>A posting file that has been found valid as a whole.</summary>
internal sealed record PostingFile(IReadOnlyList<PostingTransaction> Transactions)
{
    /// <summary>Accounts that the file writes as virtual postings, with the accounts that they are booked on.</summary>
    public IReadOnlyDictionary<string, string> VirtualAccounts { get; init; } = new Dictionary<string, string>();

    /// <summary>How many postings were added by a balancing line of the mapping file.</summary>
    public int BalancingCount { get; init; }
}

/// <summary>One thing that is wrong with a posting file.</summary>
/// <param name="File">The file's name as it was given.</param>
/// <param name="Line">The line.</param>
/// <param name="Message">What is wrong.</param>
internal sealed record ImportError(string File, long Line, string Message)
{
    public override string ToString() => Printable.Of($"{File}:{Line}: {Message}");
}
