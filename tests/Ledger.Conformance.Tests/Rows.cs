using Ledger.Conformance.Grammar;

namespace Ledger.Conformance.Tests;

/// <summary>Short ways to the rows of a text.</summary>
internal static class Rows
{
    public static Table Parse(params string[] lines) => TableParser.Parse("some.table", string.Join('\n', lines));

    /// <summary>The steps of a text that speaks of one ledger.</summary>
    public static IReadOnlyList<Step> Steps(params string[] lines) => Parse(lines).Sections.ShouldHaveSingleItem();

    public static AccountRow Account(string row) =>
        (AccountRow)Parse(row, "commit create_accounts").Rows.ShouldHaveSingleItem();

    public static TransferRow Transfer(string row) =>
        (TransferRow)Parse(row, "commit create_transfers").Rows.ShouldHaveSingleItem();

    /// <summary>A plain account with some columns as given.</summary>
    public static AccountRow Plain(
        string id, string status = "created", string link = "_", string imported = "_", string history = "_",
        string counters = "0 0 0 0", string userData = "_ _ _") =>
        Account($"account {id} {counters} {userData} _ L1 C1 {link} _ _ {history} {imported} _ _ _ {status}");
}
