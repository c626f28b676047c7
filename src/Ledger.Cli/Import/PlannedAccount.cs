using Ledger.Client;

namespace Ledger.Cli.Import;

/// <summary>An account of a plan, and the line that first names it.</summary>
internal sealed record PlannedAccount(long Line, AccountSpec Spec);
