using System.Numerics;

namespace Ledger.Cli.Import;

/// <summary>One movement between two accounts.</summary>
internal sealed record Move(long Line, string Debit, string Credit, string Asset, BigInteger Amount);
