using Ledger.Client;

namespace Ledger.Cli.Import;

/// <summary>A transfer of a plan, and the line that it came from.</summary>
/// <param name="Line">The line of its debit posting.</param>
/// <param name="Transfer">The transfer.</param>
internal sealed record PlannedTransfer(long Line, Transfer Transfer);
