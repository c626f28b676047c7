using System.Text.Json.Nodes;
using Ledger.Client;
using Ledger.EndToEnd.Tests.Support;
using Ledger.Tests.Shared;
using Xunit.Abstractions;

namespace Ledger.EndToEnd.Tests;

/// <summary>Goal: somebody's real books, imported, show the balances that another program (hledger) computed, to the
/// last digit; whatever is killed on the way, and however often they are imported. Method: the command line and the
/// node as processes.</summary>
public sealed class BooksTests(ITestOutputHelper output) : IClassFixture<PostgresCollection.Lifetime>
{
    private const int AccountCount = 105;

    private static readonly string Books = Path.Combine(AppContext.BaseDirectory, "books");
    private static readonly string PostingsFile = Path.Combine(Books, "books.postings.csv");
    private static readonly string BalancesFile = Path.Combine(Books, "books.balances.csv");

    [Theory]
    [InlineData(Database.Sqlite)]
    [InlineData(Database.PostgreSql)]
    public async Task Books_imported_twice_show_the_independent_balances(Database database)
    {
        using var store = new Store(database);
        await using var node = await NodeProcess.StartAsync(store);

        var first = await ImportAsync(store, node);
        var second = await ImportAsync(store, node);

        Count(first, "transfers", "created").ShouldBeGreaterThan(0);
        foreach (var kind in new[] { "existing", "rejected", "unknown" })
        {
            Count(first, "transfers", kind).ShouldBe(0, kind);
        }

        Count(first, "accounts", "existing").ShouldBe(0);
        Count(first, "accounts", "opened").ShouldBe(AccountCount);
        Count(second, "transfers", "created").ShouldBe(0);
        Count(second, "transfers", "existing").ShouldBe(Count(first, "transfers", "created"));
        Count(second, "accounts", "opened").ShouldBe(0);
        await ShouldHaveTheIndependentBalancesAsync(store, node);
    }

    [Theory]
    [InlineData(Database.Sqlite)]
    [InlineData(Database.PostgreSql)]
    public async Task Books_whose_import_was_killed_are_completed_by_the_next_and_unchanged_by_the_one_after(
        Database database)
    {
        // Few, so that far from all is imported: one row may hold a hundred transfers.
        const int rowsOfProgress = 25;
        using var store = new Store(database);
        var url = NodeProcess.LastingAddress();

        // About a fifth of the import through each connection: none gets to the end before its node is killed.
        await using var gate = new Gate(url, bytesPerConnection: 80_000);
        await using var secondGate = new Gate(url, bytesPerConnection: 200_000);
        using var killImport = new CancellationTokenSource();
        var node = await NodeProcess.StartAtAsync(url, store);
        try
        {
            // The import outlives one node, and dies while the second is dead: in the middle, whatever the speed.
            var import = Programs.RunAsync(
                Programs.Cli, store.Root, killImport.Token, "import", PostingsFile, "--server", gate.Address);
            await KillAfterProgressAsync(import, AccountCount);
            node = await NodeProcess.StartAtAsync(url, store);
            await KillAfterProgressAsync(import, await store.CountJournalRowsAsync());
            await killImport.CancelAsync();
            await Should.ThrowAsync<OperationCanceledException>(import);

            // The next one finishes the work, though its node dies too.
            node = await NodeProcess.StartAtAsync(url, store);
            var completing = ImportAsync(store, secondGate.Address);
            await KillAfterProgressAsync(completing, await store.CountJournalRowsAsync());
            secondGate.Open();
            node = await NodeProcess.StartAtAsync(url, store);
            var second = await completing;
            Count(second, "transfers", "created").ShouldBeGreaterThan(0);
            Count(second, "transfers", "existing").ShouldBeGreaterThan(0);
            Count(second, "transfers", "rejected").ShouldBe(0);
            Count(second, "transactions", "rejected").ShouldBe(0);
            Count(second, "transactions", "unknown").ShouldBe(0);
            Count(second, "accounts", "opened").ShouldBe(0);
            await ShouldHaveTheIndependentBalancesAsync(store, node);

            // Whatever a node still has to write, it has written when it is stopped in order.
            node = await RestartAsync(node);
            var (rowsBefore, before) = (await store.CountJournalRowsAsync(), await VersionsAsync(node));
            var third = await ImportAsync(store, node);
            Count(third, "transfers", "created").ShouldBe(0);
            Count(third, "accounts", "opened").ShouldBe(0);
            (await VersionsAsync(node)).ShouldBe(before);
            node = await RestartAsync(node);
            (await store.CountJournalRowsAsync()).ShouldBe(rowsBefore);
            (await VersionsAsync(node)).ShouldBe(before);
            await ShouldHaveTheIndependentBalancesAsync(store, node);
        }
        finally
        {
            await node.DisposeAsync();
        }

        async Task KillAfterProgressAsync(Task running, long rows)
        {
            await Until.TrueAsync(
                $"{rowsOfProgress} journal rows after {rows}",
                async () => running.IsCompleted || await store.CountJournalRowsAsync() >= rows + rowsOfProgress);
            await node.KillAsync();
            await node.DisposeAsync();
            running.IsCompleted.ShouldBeFalse("the import was over before the node was killed");
        }

        async Task<NodeProcess> RestartAsync(NodeProcess running)
        {
            await running.StopAsync();
            await running.DisposeAsync();
            return await NodeProcess.StartAtAsync(url, store);
        }
    }

    private static int Count(JsonNode summary, string of, string kind) => (int)summary[of]![kind]!;

    private static async Task<SortedDictionary<string, (ulong Version, ulong Entries)>> VersionsAsync(NodeProcess node)
    {
        using var client = node.Connect();
        var versions = new SortedDictionary<string, (ulong, ulong)>(StringComparer.Ordinal);
        await foreach (var account in client.ListAccountsAsync())
        {
            versions.Add(account.Spec.Address, (account.Version, account.EntryCount));
        }

        return versions;
    }

    private Task<JsonNode> ImportAsync(Store store, NodeProcess node) => ImportAsync(store, node.Grpc.ToString());

    private async Task<JsonNode> ImportAsync(Store store, string server)
    {
        var ended = await Programs.RunAsync(
            Programs.Cli, store.Root, "import", PostingsFile, "--output", "json", "--server", server);
        output.WriteLine(ended.All);
        ended.ExitCode.ShouldBe(0, ended.All);
        return JsonNode.Parse(ended.Out)!;
    }

    private static async Task ShouldHaveTheIndependentBalancesAsync(Store store, NodeProcess node)
    {
        var ended = await Programs.RunAsync(
            Programs.Cli, store.Root, "balances", "--output", "csv", "--server", node.Grpc.ToString());
        ended.ExitCode.ShouldBe(0, ended.All);

        // Line for line; the two programs may end their lines differently. Named, since hundreds that agree hide the
        // one.
        var (shown, expected) = (Lines(ended.Out), Lines(await File.ReadAllTextAsync(BalancesFile)));
        shown.Except(expected).ShouldBeEmpty("lines that hledger does not have");
        expected.Except(shown).ShouldBeEmpty("lines that only hledger has");
        shown.ShouldBe(expected);

        static string[] Lines(string text) =>
            text.ReplaceLineEndings("\n").Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }
}
