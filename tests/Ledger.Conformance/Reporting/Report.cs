namespace Ledger.Conformance.Reporting;

/// <summary>What came of all tables.</summary>
internal sealed class Report
{
    private readonly List<RowOutcome> outcomes = [];
    private readonly List<string> problems = [];

    public IReadOnlyList<RowOutcome> Outcomes => outcomes;

    public int Passing => outcomes.Count(static outcome => outcome.Passes);

    public int Applicable => outcomes.Count(static outcome => !outcome.IsWaived);

    public int Waived => outcomes.Count(static outcome => outcome.IsWaived);

    /// <summary>Whether every applicable row passes and nothing stopped a table, be it at a place that has no
    /// row.</summary>
    public bool IsGood => Passing == Applicable && problems.Count == 0;

    public void Add(RowOutcome outcome) => outcomes.Add(outcome);

    /// <summary>Adds what stopped a table.</summary>
    public void AddProblem(string place, string? step, string what) =>
        problems.Add(step is null ? $"{place}: {what}" : $"{place}: {step}: {what}");

    /// <summary>Writes it for people; the last line is for programs too.</summary>
    public void Write(TextWriter output)
    {
        foreach (var outcome in outcomes.Where(static outcome => outcome.Fails))
        {
            output.WriteLine($"failed {Place(outcome)}: {outcome.Row.Text}");
            output.WriteLine($"  expected {outcome.Expected}");
            output.WriteLine($"  actual   {outcome.Actual}");
        }

        foreach (var problem in problems)
        {
            output.WriteLine($"stopped {problem}");
        }

        var waived = outcomes.Where(static outcome => outcome.IsWaived)
            .GroupBy(static outcome => outcome.Waiver, StringComparer.Ordinal).ToArray();
        foreach (var group in waived)
        {
            output.WriteLine($"waived, {group.Count()} rows: {group.Key}");
            foreach (var outcome in group)
            {
                output.WriteLine($"  {Place(outcome)}: {outcome.Row.Text}");
            }
        }

        output.WriteLine($"conformance: {Passing} of {Applicable} rows pass, {Waived} waived");
    }

    private static string Place(RowOutcome outcome) => $"{outcome.Table}:{outcome.Row.Line}";
}
