using System.Numerics;

namespace Ledger.Cli.Import;

/// <summary>One line of a posting file.</summary>
/// <param name="Line">The line of the file on which it starts.</param>
/// <param name="Account">The account's address.</param>
/// <param name="Asset">The account's asset.</param>
/// <param name="Amount">Minor units: positive is a debit, negative a credit.</param>
internal sealed record Posting(long Line, string Account, string Asset, BigInteger Amount);
