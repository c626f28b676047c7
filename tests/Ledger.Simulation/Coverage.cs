using System.Globalization;
using System.Text;
using Ledger.Core;

namespace Ledger.Simulation;

/// <summary>Which cells of the protocol were reached: what an account was doing about an id, by what came to it.</summary>
/// <remarks>A cell is a phase of the machine's work, or "nothing", and a message about that id, or something that happens to
/// the account as a whole and so to all that it does.</remarks>
internal static class Coverage
{
    [ThreadStatic]
    private static Dictionary<(string Row, string Column), long>? mine;

    [ThreadStatic]
    private static bool isOn;

    private static readonly List<Dictionary<(string Row, string Column), long>> All = [];

    private static Dictionary<(string Row, string Column), long> Cells => All.SelectMany(static one => one)
        .GroupBy(static one => one.Key).ToDictionary(static group => group.Key, static group => group.Sum(static one => one.Value));

    public static readonly string[] Columns =
        ["nothing", "LookingUp", "Waiting", "OnTrial", "Voting", "Closing", "Cancelling", "Telling", "Releasing", "Reserved"];

    public static readonly string[] Rows =
    [
        "PostTransferCall", "PostTransactionCall", "GetTransferCall", "GetTransactionCall", "ExtendHoldCall", "PrepareRequest",
        "CloseRequest (close)", "CloseRequest (cancel)", "TrialRequest", "TrialAnswer", "Vote yes", "Vote no", "Vote in doubt",
        "CloseAnswer committed", "CloseAnswer refused", "Outcome committed", "Outcome aborted", "OutcomeAck", "OutcomeRequest",
        "GetAccountCall", "ChangeAccountCall", "OpenAccountCall", "Poke",
        "tick", "written", "write failed", "looked up", "look-up failed", "recovered",
    ];

    // What can't be, and why.
    private static readonly (string Row, string Column, string Why)[] Unreachable =
    [
        ("recovered", "LookingUp", "what is not prepared is not recovered"),
        ("recovered", "Waiting", "what is not prepared is not recovered"),
        ("recovered", "OnTrial", "what is not prepared is not recovered"),
    ];

    /// <summary>Whether this thread counts.</summary>
    public static bool IsOn
    {
        get => isOn;
        set => isOn = value;
    }

    public static void Note(AccountRuntime runtime, AccountMessage? message, string? happening, TransferId id)
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
        CloseRequest close => close.Cancel ? "CloseRequest (cancel)" : "CloseRequest (close)",
        CloseAnswer answer => answer.Committed ? "CloseAnswer committed" : "CloseAnswer refused",
        Outcome outcome => outcome.Committed ? "Outcome committed" : "Outcome aborted",
        _ => message.GetType().Name,
    };

    public static IReadOnlyList<(string Row, string Column)> Empty()
    {
        var cells = Cells;
        return [.. Rows.SelectMany(static row => Columns.Select(column => (row, column)))
            .Where(cell => !cells.ContainsKey(cell) && !Unreachable.Any(one => one.Row == cell.row && one.Column == cell.column))];
    }

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
                var unreachable = Unreachable.Any(one => one.Row == row && one.Column == column);
                text.Append(CultureInfo.InvariantCulture, $"{(cells.TryGetValue((row, column), out var count) ? count.ToString(CultureInfo.InvariantCulture) : unreachable ? "-" : "0"),11}");
            }

            text.AppendLine();
        }

        foreach (var (row, column, why) in Unreachable)
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"  - {row} x {column}: {why}{(cells.ContainsKey((row, column)) ? " (WAS REACHED)" : "")}");
        }

        var empty = Empty();
        text.AppendLine(empty.Count == 0
            ? "every reachable cell was reached"
            : $"not reached: {string.Join("; ", empty.Select(static cell => $"{cell.Row} x {cell.Column}"))}");
        return text.ToString();
    }
}
