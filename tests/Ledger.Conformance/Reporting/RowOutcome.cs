using Ledger.Conformance.Grammar;

namespace Ledger.Conformance.Reporting;

/// <summary>What became of one row.</summary>
/// <param name="Table">The name of its table.</param>
/// <param name="Row">The row.</param>
/// <param name="Expected">What the row says.</param>
/// <param name="Actual">What the ledger says; null when it was not asked.</param>
/// <param name="Waiver">Why it is not judged; null when it is.</param>
internal sealed record RowOutcome(string Table, Row Row, string Expected, string? Actual, string? Waiver = null)
{
    public bool IsWaived => Waiver is not null;

    public bool Passes => !IsWaived && Actual == Expected;

    public bool Fails => !IsWaived && Actual != Expected;
}
