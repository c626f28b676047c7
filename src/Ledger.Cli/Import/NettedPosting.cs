using System.Numerics;

namespace Ledger.Cli.Import;

/// <summary>Postings of one account that cancel each other inside one transaction, so that no transfer can show
/// them.</summary>
internal sealed record NettedPosting(long Line, string Account, BigInteger Amount);
