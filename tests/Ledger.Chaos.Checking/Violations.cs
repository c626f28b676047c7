using System.Globalization;
using System.Text;

namespace Ledger.Chaos.Checking;

/// <summary>What is checked. The numbers are those of the invariants of the chaos suite.</summary>
public static class Rule
{
    /// <summary>Conservation: per asset, debits equal credits at every consistent prefix.</summary>
    public const string Conservation = "C1";

    /// <summary>What was acknowledged is there, with its amounts on its accounts.</summary>
    public const string NothingLost = "C2";

    /// <summary>Nothing is there twice; an id stands for one content.</summary>
    public const string NothingTwice = "C3";

    /// <summary>Every effect traces to a call; what was rejected has none.</summary>
    public const string NoPhantom = "C4";

    /// <summary>What was unknown is settled, nothing is left in doubt, and look-ups agree with the journal.</summary>
    public const string UnknownsSettle = "C5";

    /// <summary>Per account, reads and writes are linearizable, with their real-time order.</summary>
    public const string Linearizable = "C6";

    /// <summary>A transaction is on all its accounts or on none.</summary>
    public const string Atomic = "C7";

    /// <summary>A session never goes back.</summary>
    public const string Monotonic = "C8";

    /// <summary>No limit is broken at any prefix, reserved money included.</summary>
    public const string Limits = "C9";

    /// <summary>One writer at a time: numbers without a hole, an unbroken hash chain.</summary>
    public const string SingleWriter = "C10";

    /// <summary>The books are the fold of the journal, and so is what was read last.</summary>
    public const string Replay = "C11";

    /// <summary>A hold is resolved at most once, never beyond its amount, and expires not before its time.</summary>
    public const string Holds = "C12";

    /// <summary>Every error is a known one and says the truth of what was applied.</summary>
    public const string ErrorsKnown = "C14";

    /// <summary>Every row is to be found by each id without an order of time that it brings up.</summary>
    public const string IdsIndexed = "C16";

    /// <summary>What is committed up to a time contains the sources of what it spends, whatever the nodes' clocks were
    /// (I11).</summary>
    public const string Cut = "C17";

    /// <summary>What can't be read is not answered, is refused by name, and keeps nobody else from working.</summary>
    public const string Unreadable = "C18";

    /// <summary>Nobody falls silent, ends or stays away without a cause.</summary>
    public const string Operation = "C19";

    /// <summary>All of them.</summary>
    public static readonly IReadOnlyList<string> All =
    [
        Conservation, NothingLost, NothingTwice, NoPhantom, UnknownsSettle, Linearizable, Atomic, Monotonic, Limits,
        SingleWriter, Replay, Holds, ErrorsKnown, IdsIndexed, Cut, Unreadable, Operation,
    ];
}

/// <summary>What a run has shown.</summary>
public enum Verdict
{
    /// <summary>It came to its end, and every rule held.</summary>
    Clean,

    /// <summary>A rule was broken.</summary>
    Violated,

    /// <summary>It proves nothing: its final phase is missing or did not finish.</summary>
    Unknown,
}

/// <summary>A row of the journal that is evidence.</summary>
/// <param name="Account">The account.</param>
/// <param name="SequenceNr">The row's number in its stream.</param>
public readonly record struct RowReference(string Account, long SequenceNr);

/// <summary>A rule that was broken.</summary>
/// <param name="Rule">Which, see <see cref="Checking.Rule"/>.</param>
/// <param name="Text">How.</param>
/// <param name="Calls">The lines of the history that are concerned.</param>
/// <param name="Rows">The rows of the journal that are concerned, as text.</param>
public sealed record Violation(string Rule, string Text, IReadOnlyList<string> Calls, IReadOnlyList<string> Rows);

/// <summary>What the checker found.</summary>
public sealed class CheckReport
{
    /// <summary>What the last line of a report begins with.</summary>
    public const string SummaryPrefix = "checker: ";

    /// <summary>Whether the run is clean.</summary>
    public required Verdict Verdict { get; init; }

    /// <summary>Why the run proves nothing, where it does not; empty otherwise.</summary>
    public required string Reason { get; init; }

    /// <summary>The first violations of each rule, in the order of the rules.</summary>
    public required IReadOnlyList<Violation> Violations { get; init; }

    /// <summary>How often each rule was broken, also beyond <see cref="Violations"/>.</summary>
    public required IReadOnlyDictionary<string, int> Counts { get; init; }

    /// <summary>What was looked at, in lines for people.</summary>
    public required IReadOnlyList<string> Notes { get; init; }

    /// <summary>Whether a rule was broken.</summary>
    /// <param name="rule">The rule.</param>
    public bool Has(string rule) => Counts.ContainsKey(rule);

    /// <summary>Writes the report.</summary>
    /// <param name="writer">Where to.</param>
    public void Write(TextWriter writer)
    {
        ArgumentNullException.ThrowIfNull(writer);
        foreach (var note in Notes)
        {
            writer.WriteLine(note);
        }

        foreach (var violation in Violations)
        {
            writer.WriteLine($"{violation.Rule}: {violation.Text}");
            foreach (var call in violation.Calls)
            {
                writer.WriteLine($"    call {call}");
            }

            foreach (var row in violation.Rows)
            {
                writer.WriteLine($"    row  {row}");
            }
        }

        writer.WriteLine(Summary());
    }

    /// <summary>The verdict in one line.</summary>
    public string Summary()
    {
        var text = new StringBuilder(SummaryPrefix).Append(Verdict switch
        {
            Verdict.Clean => "clean",
            Verdict.Violated => "VIOLATED",
            _ => "unknown",
        });
        foreach (var (rule, count) in Counts.OrderBy(static one => Rank(one.Key)))
        {
            text.Append(CultureInfo.InvariantCulture, $" {rule}x{count}");
        }

        return Reason.Length == 0 ? text.ToString() : text.Append(" (").Append(Reason).Append(')').ToString();
    }

    internal static int Rank(string rule) => Rule.All.Index().FirstOrDefault(one => one.Item == rule).Index;
}

/// <summary>Gathers violations: all are counted, the first few of each rule are kept with their evidence.</summary>
internal sealed class Findings
{
    private const int KeptPerRule = 10;

    private readonly List<(string Rule, string Text, Call[] Calls, RowReference[] Rows)> kept = [];

    public Dictionary<string, int> Counts { get; } = new(StringComparer.Ordinal);

    public IReadOnlyList<(string Rule, string Text, Call[] Calls, RowReference[] Rows)> Kept => kept;

    public void Add(string rule, string text, Call? call = null, params ReadOnlySpan<RowReference> rows) =>
        Add(rule, text, call is null ? [] : [call], rows);

    public void Add(string rule, string text, Call?[] calls, params ReadOnlySpan<RowReference> rows)
    {
        var count = Counts.GetValueOrDefault(rule) + 1;
        Counts[rule] = count;
        if (count <= KeptPerRule)
        {
            kept.Add((rule, text, [.. calls.OfType<Call>().DistinctBy(static call => call.Offset)], rows.ToArray()));
        }
    }
}
