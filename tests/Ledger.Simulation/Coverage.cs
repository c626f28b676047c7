using System.Globalization;
using System.Text;
using Ledger.Core;

namespace Ledger.Simulation;

/// <summary>Which cells of the protocol were reached: what an account was doing about an id, by what came to
/// it.</summary>
/// <remarks>A cell is a phase of the machine's work, or "nothing", and a message about that id, or something that
/// happens to the account as a whole and so to all that it does.</remarks>
internal static class Coverage
{
    [ThreadStatic]
    private static Dictionary<(string Row, string Column), long>? mine;

    [ThreadStatic]
    private static bool isOn;

    private static readonly List<Dictionary<(string Row, string Column), long>> All = [];

    private static Dictionary<(string Row, string Column), long> Cells => All.SelectMany(static one => one)
        .GroupBy(static one => one.Key)
        .ToDictionary(static group => group.Key, static group => group.Sum(static one => one.Value));

    public static readonly string[] Columns =
        ["nothing", "LookingUp", "Waiting", "DryRunning", "Voting", "Committing", "Cancelling", "Notifying",
            "Releasing", "Reserved"];

    public static readonly string[] Rows =
    [
        "PostTransferRequest", "PostTransactionRequest", "GetTransferRequest", "GetTransactionRequest",
        "ExtendHoldRequest", "PrepareRequest",
        "CommitRequest (commit)", "CommitRequest (cancel)", "DryRunRequest", "DryRunResponse", "Vote yes", "Vote no",
        "Vote in doubt",
        "CommitResponse committed", "CommitResponse refused", "Outcome committed", "Outcome aborted", "OutcomeAck",
        "OutcomeRequest",
        "GetAccountRequest", "ChangeAccountRequest", "OpenAccountRequest", "Activate",
        "tick", "written", "write failed", "looked up", "look-up failed", "recovered", "silent", "database changed",
    ];

    // What can't be, and why.
    private static readonly (string Row, string[] Columns, string Why)[] Unreachable =
    [
        ("recovered", ["Cancelling", "Notifying", "Releasing"], "a recovered coordinator begins with the votes (R3)"),
        ("CommitResponse refused", ["Notifying"],
            "a last agent that has committed never says that it has refused (R1)"),
    ];

    // What takes several rare things at once, so that no number of histories is promised to come to it.
    private static readonly (string[] Rows, string[] Columns, string Why)[] Rare =
    [
        (["Vote yes", "Vote no", "Vote in doubt", "CommitResponse committed", "CommitResponse refused",
            "DryRunResponse", "OutcomeAck", "OutcomeRequest"],
            ["Reserved"],
            "one id used by two coordinators, and a late message of the one while the other's is reserved"),
        (["Outcome committed", "Outcome aborted"],
            ["Waiting", "DryRunning", "Voting", "Committing", "Cancelling", "Notifying", "Releasing"],
            "one id used by two coordinators, and the outcome of the one while the other is in hand"),
        (["CommitRequest (commit)", "CommitRequest (cancel)"],
            ["Voting", "Committing", "Cancelling", "Notifying", "Releasing"],
            "two transactions about one id or hold, each decided by the other's coordinator"),
        (["PrepareRequest"], ["Voting", "Committing", "Cancelling", "Notifying", "Releasing"],
            "two transactions about one id or hold, one of which asks the other's coordinator"),
        (["looked up", "look-up failed"],
            ["Waiting", "DryRunning", "Voting", "Committing", "Cancelling", "Notifying", "Releasing", "Reserved"],
            "a look-up of a work that was given up comes to the next one about the id"),
        (["Activate"], ["LookingUp", "Waiting", "DryRunning", "Cancelling", "Notifying", "Releasing"],
            "only who sleeps is activated, and just awake does none of it"),
        (["recovered"], ["LookingUp", "Waiting", "DryRunning"], "only an expiry is begun by recovery itself"),
        (["Vote yes", "Vote no", "Vote in doubt"],
            ["LookingUp", "Waiting", "DryRunning", "Notifying", "Releasing", "Committing"],
            "a vote that comes late or again, for an attempt whose key is in hand otherwise"),
        (["DryRunResponse"], ["Voting", "Cancelling", "Notifying", "Releasing"], "a report that comes late or again"),
        (["CommitResponse committed"], ["Waiting", "DryRunning", "Cancelling"],
            "the answer to a former incarnation or attempt, late"),
        (["CommitResponse committed"], ["Releasing"],
            "the answer about a hold, late, while what was to resolve it is given up"),
        (["CommitResponse refused"], ["DryRunning", "Waiting"], "the answer to a former attempt, late"),
        (["OutcomeAck"], ["LookingUp", "Waiting", "DryRunning", "Committing", "Cancelling"],
            "an acknowledgement that comes late or again"),
        (["OutcomeRequest"], ["LookingUp", "Waiting", "DryRunning"], "a question about a former attempt"),
        (["GetTransferRequest", "GetTransactionRequest", "ExtendHoldRequest", "PostTransferRequest"],
            ["Notifying", "Releasing", "Reserved", "Cancelling"],
            "a call about an id in the short while of a phase that takes three accounts"),
        (["GetAccountRequest", "ChangeAccountRequest", "OpenAccountRequest"], ["Notifying", "Releasing", "Cancelling"],
            "a call in the short while of a phase that takes three accounts"),
        (["database changed"], ["Cancelling", "Notifying", "Releasing"],
            "a failover that is noticed in such a short while"),
        (["silent"], ["Cancelling", "Notifying", "Releasing"],
            "a lease that is found to have lapsed in such a short while"),
    ];

    /// <summary>Whether this thread counts.</summary>
    public static bool IsOn
    {
        get => isOn;
        set => isOn = value;
    }

    public static void Note(AccountMachine runtime, AccountMessage? message, string? happening, TransferId id)
    {
        if (!IsOn)
        {
            return;
        }

        if (message is not null)
        {
            var row = NameOf(message);
            var any = false;
            foreach (var phase in runtime.PhasesFor(message))
            {
                any = true;
                Count(row, phase);
            }

            if (!any)
            {
                Count(row, "nothing");
            }

            return;
        }

        var seen = false;
        foreach (var phase in id.IsNil ? runtime.Phases() : runtime.PhasesOf(id))
        {
            seen = true;
            Count(happening!, phase);
        }

        if (!seen)
        {
            Count(happening!, "nothing");
        }
    }

    private static void Count(string row, string column)
    {
        if (mine is null)
        {
            mine = [];
            lock (All)
            {
                All.Add(mine);
            }
        }

        System.Runtime.InteropServices.CollectionsMarshal.GetValueRefOrAddDefault(mine, (row, column), out _)++;
    }

    private static string NameOf(AccountMessage message) => message switch
    {
        Vote vote => vote.Kind switch { VoteKind.Yes => "Vote yes", VoteKind.No => "Vote no", _ => "Vote in doubt" },
        CommitRequest close => close.Cancel ? "CommitRequest (cancel)" : "CommitRequest (commit)",
        CommitResponse answer => answer.Committed ? "CommitResponse committed" : "CommitResponse refused",
        Outcome outcome => outcome.Committed ? "Outcome committed" : "Outcome aborted",
        _ => message.GetType().Name,
    };

    /// <summary>The cells that should have been reached and were not.</summary>
    public static IReadOnlyList<(string Row, string Column)> Empty()
    {
        var cells = Cells;
        return [.. Rows.SelectMany(static row => Columns.Select(column => (row, column)))
            .Where(cell => !cells.ContainsKey(cell) && !IsUnreachable(cell) && !IsRare(cell))];
    }

    /// <summary>The cells that can't be reached and were.</summary>
    public static IReadOnlyList<(string Row, string Column)> Impossible() => [.. Cells.Keys.Where(IsUnreachable)];

    private static bool IsUnreachable((string Row, string Column) cell) =>
        Unreachable.Any(one => one.Row == cell.Row && one.Columns.Contains(cell.Column));

    private static bool IsRare((string Row, string Column) cell) =>
        Rare.Any(one => one.Rows.Contains(cell.Row) && one.Columns.Contains(cell.Column));

    public static string Table()
    {
        var cells = Cells;
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"{"",-22}");
        foreach (var column in Columns)
        {
            text.Append(CultureInfo.InvariantCulture, $"{column,11}");
        }

        text.AppendLine();
        foreach (var row in Rows)
        {
            text.Append(CultureInfo.InvariantCulture, $"{row,-22}");
            foreach (var column in Columns)
            {
                var cell = (row, column);
                var shown = cells.TryGetValue(cell, out var count) ? count.ToString(CultureInfo.InvariantCulture)
                    : IsUnreachable(cell) ? "-"
                    : IsRare(cell) ? "."
                    : "0";
                text.Append(CultureInfo.InvariantCulture, $"{shown,11}");
            }

            text.AppendLine();
        }

        foreach (var (row, columns, why) in Unreachable)
        {
            text.AppendLine(
                CultureInfo.InvariantCulture, $"  - unreachable: {row} x {string.Join(", ", columns)}: {why}");
        }

        foreach (var (rows, columns, why) in Rare)
        {
            var missing = rows.SelectMany(row => columns.Select(column => (row, column)))
                .Where(cell => !cells.ContainsKey(cell)).ToArray();
            if (missing.Length > 0)
            {
                text.AppendLine(
                    CultureInfo.InvariantCulture,
                    $"  . rare, and not reached: "
                        + $"{string.Join(", ", missing.Select(static cell => $"{cell.row} x {cell.column}"))}: {why}");
            }
        }

        var impossible = Impossible();
        if (impossible.Count > 0)
        {
            text.AppendLine(
                CultureInfo.InvariantCulture,
                $"UNREACHABLE, AND REACHED: "
                    + $"{string.Join("; ", impossible.Select(static cell => $"{cell.Row} x {cell.Column}"))}");
        }

        var empty = Empty();
        text.AppendLine(empty.Count == 0
            ? "every other cell was reached"
            : $"not reached: {string.Join("; ", empty.Select(static cell => $"{cell.Row} x {cell.Column}"))}");
        return text.ToString();
    }
}
