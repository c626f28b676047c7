using System.Text.Json.Nodes;
using Ledger.Client;

namespace Ledger.Cli.Output;

/// <summary>Writes what is in doubt.</summary>
internal static class Doubts
{
    private static readonly string[] Columns =
        ["attempt", "transaction", "since", "coordinator", "with", ">debits", ">credits", ">debits held",
            ">credits held"];

    /// <summary>In one line.</summary>
    public static string Summary(AccountDoubt doubt)
    {
        var oldest = doubt.Transactions[0];
        var with = oldest.Counterparties.Count == 0 ? "" : $", with {string.Join(", ", oldest.Counterparties)}";
        return doubt.TransactionCount == 1
            ? $"transaction {oldest.Id:D} is in doubt since {Names.Of(oldest.PrepareTime)}{with}"
            : $"{doubt.TransactionCount} transactions are in doubt, the oldest {oldest.Id:D} since"
                + $" {Names.Of(oldest.PrepareTime)}{with}";
    }

    /// <summary>As a table.</summary>
    public static void Write(CliContext context, IEnumerable<TransactionInDoubt> transactions) => Tables.Write(
        context,
        Columns,
        transactions.Select(static one => new[]
        {
            one.AttemptId.ToString("D"), one.Id.ToString("D"), Names.Of(one.PrepareTime), one.Coordinator,
            string.Join(" ", one.Counterparties), one.DebitsPosted.ToString(), one.CreditsPosted.ToString(),
            one.DebitsPending.ToString(), one.CreditsPending.ToString(),
        }));

    /// <summary>As JSON.</summary>
    public static JsonObject Of(TransactionInDoubt one) => new()
    {
        ["id"] = one.Id.ToString("D"),
        ["attemptId"] = one.AttemptId.ToString("D"),
        ["prepareTime"] = Names.Of(one.PrepareTime),
        ["coordinator"] = one.Coordinator,
        ["counterparties"] = Json.Array([.. one.Counterparties.Select(static account => (JsonNode)account)]),
        ["debitsPending"] = one.DebitsPending.ToString(),
        ["debitsPosted"] = one.DebitsPosted.ToString(),
        ["creditsPending"] = one.CreditsPending.ToString(),
        ["creditsPosted"] = one.CreditsPosted.ToString(),
    };
}
