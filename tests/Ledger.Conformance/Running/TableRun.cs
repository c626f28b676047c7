using Ledger.Conformance.Grammar;
using Ledger.Conformance.Reporting;

namespace Ledger.Conformance.Running;

/// <summary>Runs tables. Whatever the ledger does, each row has an outcome.</summary>
internal static class TableRun
{
    /// <summary>Runs a table, each section on a ledger of its own.</summary>
    /// <param name="table">The table.</param>
    /// <param name="report">Takes the outcomes.</param>
    /// <param name="cancellationToken">Stops the run.</param>
    public static async Task RunAsync(Table table, Report report, CancellationToken cancellationToken)
    {
        foreach (var steps in table.Sections)
        {
            var judge = new Judge(table.Name, report);
            var at = 0;
            try
            {
                await using var ledger = await FundedLedger.StartAsync(cancellationToken);
                var interpreter = new Interpreter(ledger, judge, cancellationToken);
                for (; at < steps.Count; at++)
                {
                    cancellationToken.ThrowIfCancellationRequested();
                    await interpreter.RunAsync(steps[at]);
                }
            }
            catch (Exception e) when (!cancellationToken.IsCancellationRequested)
            {
                // The step that threw, if it was one, says nothing about its rows but this.
                var step = at < steps.Count ? steps[at] : null;
                var place = step is null ? table.Name : $"{table.Name}:{step.Line}";
                report.AddProblem(place, step?.Text, Interpreter.Describe(e));
                judge.FailRest(steps.Skip(at).OfType<CommitStep>(), $"not reached: line {step?.Line} failed");
            }
        }
    }
}
