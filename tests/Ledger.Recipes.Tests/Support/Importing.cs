using System.Globalization;
using System.Text.Json.Nodes;

namespace Ledger.Recipes.Tests.Support;

/// <summary>An entry of a statement, by what the file says of it.</summary>
/// <param name="Key">The key of its transaction.</param>
/// <param name="Date">The date on which it counts.</param>
/// <param name="Balance">The account's balance after it, in minor units.</param>
internal sealed record Booked(string Key, DateOnly Date, decimal Balance);

/// <summary>Imports files into a node, and reads what the ledger then has.</summary>
internal static class Importing
{
    public static readonly string Data = Path.Combine(AppContext.BaseDirectory, "import");
    public static readonly string Books = Path.Combine(AppContext.BaseDirectory, "books");

    /// <summary>Imports a text as a file of a name.</summary>
    public static Task<(int ExitCode, string Printed)> ImportAsync(
        this Node node, string name, string text, params string[] more) =>
        node.CliAsync(["import", name, .. more], new Dictionary<string, string> { [name] = text });

    /// <summary>A number of the summary, such as of <c>transactions created</c>.</summary>
    public static int Count(this (int ExitCode, string Printed) result, string name) =>
        int.Parse(
            result.Printed.Split('\n').Single(line => line.StartsWith(name, StringComparison.Ordinal))[name.Length..],
            CultureInfo.InvariantCulture);

    /// <summary>All balances as CSV with lines that end in a line feed.</summary>
    public static async Task<string> BalancesAsync(this Node node)
    {
        var (exitCode, printed) = await node
            .CliAsync(["balances", "--output", "csv"], new Dictionary<string, string>());
        exitCode.ShouldBe(0, printed);
        return printed.ReplaceLineEndings("\n");
    }

    /// <summary>The statement of an account.</summary>
    public static async Task<IReadOnlyList<Booked>> StatementAsync(this Node node, string account)
    {
        var (exitCode, printed) = await node.CliAsync(
            ["accounts", "statement", account, "--all", "--output", "json"], new Dictionary<string, string>());
        exitCode.ShouldBe(0, printed);
        return
        [
            .. JsonNode.Parse(printed)!["entries"]!.AsArray().Select(static entry => new Booked(
                (string)entry!["transfer"]!["metadata"]!["transaction"]!,
                DateOnly.ParseExact(
                    ((string)entry["transfer"]!["effectiveTime"]!)[..10], "yyyy-MM-dd", CultureInfo.InvariantCulture),
                decimal.Parse((string)entry["balance"]!, CultureInfo.InvariantCulture))),
        ];
    }
}
