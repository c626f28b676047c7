using System.Diagnostics;
using System.Globalization;

namespace Ledger.Chaos.Checking;

/// <summary>
/// Judges a run of the chaos suite by two things that can't both be wrong in the same way: the history, which says what
/// clients asked and were told, and the journal, which says what was decided.
/// </summary>
/// <remarks>
/// The method. The journal's rows are decoded and folded, in the order in which they were written, on a small ledger of
/// the checker's own (<see cref="ReferenceAccount"/>), which says what the books are at every place of every stream,
/// and complains of what can't be (<see cref="Books"/>: C1, C3, C7, C9 to C12). Reads name the row that they rest on,
/// so each is compared with the books at that very place. Then what clients were told is held against the decisions
/// (<see cref="Answers"/>: C2 to C5, C11, C14), and all calls are gone through in real time (<see cref="RealTime"/>: C6
/// to C8). At last windows of the busiest accounts are explained without the help of versions
/// (<see cref="Linearizability"/>: C6). A run whose final phase is missing proves nothing, whatever else holds: its
/// verdict is <see cref="Verdict.Unknown"/>, or violated, but never clean.
/// </remarks>
public static class ChaosChecker
{
    /// <summary>What the reason of a verdict begins with where the final phase did not come to its end.</summary>
    internal const string Unfinished = "the final phase did not finish";

    private const int HotAccounts = 5;
    private const int WindowsPerAccount = 100;

    /// <summary>Checks a run and writes the report.</summary>
    /// <param name="historyPath">The history file.</param>
    /// <param name="connection">Connects to the journal, PostgreSQL or SQLite; null for what the history names.</param>
    /// <param name="writer">Where the report is written.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>The report.</returns>
    public static async Task<CheckReport> RunAsync(
        string historyPath, string? connection, TextWriter writer, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(writer);
        var report = await CheckAsync(historyPath, connection, cancellationToken);
        report.Write(writer);
        await writer.FlushAsync(cancellationToken);
        return report;
    }

    /// <summary>Checks a run.</summary>
    /// <param name="historyPath">The history file.</param>
    /// <param name="connection">Connects to the journal, PostgreSQL or SQLite; null for what the history names.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public static async Task<CheckReport> CheckAsync(
        string historyPath, string? connection, CancellationToken cancellationToken)
    {
        var clock = Stopwatch.StartNew();
        var findings = new Findings();
        var notes = new List<string>();
        var history = HistoryFile.Read(historyPath, cancellationToken);
        var read = clock.Elapsed;
        if (history.Run is not { } run)
        {
            return Unproven(history.Problem ?? "the history has no first line that says what the run was", notes);
        }

        var source = new JournalSource(string.IsNullOrEmpty(connection) ? run.Connection : connection);
        var isFinished = history is { Final.Finished: true, Problem: null };
        var books = new Books(findings, run.Others);
        Introduce(history, books, findings);
        foreach (var snapshot in await source.SnapshotsAsync(cancellationToken))
        {
            books.Expect(snapshot);
        }

        books.Expect(await source.IndexedIdsAsync(cancellationToken));
        books.Begin();
        await foreach (var row in source.ReadAsync(cancellationToken))
        {
            books.Add(row);
        }

        books.End(isFinished);
        var folded = clock.Elapsed;
        var answers = new Answers(history, books, findings, isFinished);
        answers.Check();
        new Damages(history, findings).Check();
        var realTime = new RealTime(history, books, findings);
        realTime.Check();
        var (windows, undecided) =
            Linearizability.CheckHot(history, books, findings, HotAccounts, WindowsPerAccount, cancellationToken);

        var reason = history.Problem
            ?? (history.Final is null ? "the final phase is missing"
            : !history.Final.Finished ? $"{Unfinished}: {history.Final.Reason}"
            : answers.NotLookedUp > 0 ? $"{answers.NotLookedUp} calls of unknown outcome were not looked up"
            : books.RowCount == 0 ? "the journal is empty"
            : "");
        Say($"seed {run.Seed}, {run.Nodes} nodes, workload {run.Workload}: {history.Calls.Count} calls, "
            + $"{history.Faults.Count} faults");
        Say($"writes: {answers.Acknowledged} acknowledged, {answers.Rejected} rejected, {answers.Unknown} unknown, of "
            + $"which {answers.UnknownApplied} happened");
        Say($"journal: {books.RowCount} rows, {books.EventCount} events, {books.Accounts.Count} accounts, "
            + $"{books.SnapshotsCompared} snapshots compared, {books.ForeignRows} rows of others");
        Say($"index of ids: {books.IndexedText}");
        Say($"reads placed: {realTime.ReadsPlaced}, of which {books.LazyReads} on commits that were written anew, "
            + $"{books.UndecidedReads} of them undecided; statement entries compared: {realTime.Entries}");
        Say($"windows searched without versions: {windows}, undecided {undecided}");
        foreach (var (error, count) in answers.Errors)
        {
            Say($"error {error}: {count}");
        }

        Say(string.Create(
            CultureInfo.InvariantCulture,
            $"checked in {clock.Elapsed.TotalSeconds:0.0} s (history {read.TotalSeconds:0.0} s, journal "
            + $"{(folded - read).TotalSeconds:0.0} s)"));
        return new CheckReport
        {
            Verdict = findings.Counts.Count > 0
                ? Verdict.Violated
                : reason.Length > 0 ? Verdict.Unknown : Verdict.Clean,
            Reason = reason,
            Violations = await EvidenceAsync(findings, history, source, cancellationToken),
            Counts = findings.Counts,
            Notes = notes,
        };

        void Say(string text) => notes.Add(text);
    }

    private static CheckReport Unproven(string reason, IReadOnlyList<string> notes) => new()
    {
        Verdict = Verdict.Unknown,
        Reason = reason,
        Violations = [],
        Counts = new Dictionary<string, int>(StringComparer.Ordinal),
        Notes = notes,
    };

    // Who asked under which id, and which reads are to be compared with which rows.
    private static void Introduce(HistoryFile history, Books books, Findings findings)
    {
        var numbers = new HashSet<long>();
        foreach (var account in history.Run!.Accounts)
        {
            books.AccountOf(account.Address);
        }

        foreach (var call in history.Calls)
        {
            if (!numbers.Add(call.Record.Op))
            {
                findings.Add(Rule.ErrorsKnown, $"the history has two calls of the number {call.Record.Op}", call);
            }

            if (call.IsWrite)
            {
                books.FactsOf(call.Id).Calls.Add(call);
                foreach (var leg in call.Record.Request.Legs ?? [])
                {
                    if (Ids.Of(leg.Id) != call.Id)
                    {
                        books.FactsOf(Ids.Of(leg.Id)).Calls.Add(call);
                    }
                }
            }
            else if (call.Record.Kind is CallKind.Read or CallKind.Statement)
            {
                if (AccountAddress.TryParse(call.Record.Request.Account, out _))
                {
                    books.Expect(call);
                }
                else
                {
                    findings.Add(Rule.ErrorsKnown, "the history reads an account that can't be", call);
                }
            }
        }
    }

    private static async Task<IReadOnlyList<Violation>> EvidenceAsync(
        Findings findings, HistoryFile history, JournalSource source, CancellationToken cancellationToken)
    {
        var violations = new List<Violation>(findings.Kept.Count);
        foreach (var (rule, text, calls, rows) in findings.Kept.OrderBy(static one => CheckReport.Rank(one.Rule)))
        {
            var texts = new List<string>(rows.Length);
            foreach (var row in rows.Distinct())
            {
                texts.Add(RowText.Of(row, await source.FindAsync(row.Account, row.SequenceNr, cancellationToken)));
            }

            violations.Add(new Violation(rule, text, [.. calls.Select(history.LineOf)], texts));
        }

        return violations;
    }
}
