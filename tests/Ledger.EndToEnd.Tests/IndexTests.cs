using System.Net;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Ledger.Client;
using Ledger.EndToEnd.Tests.Support;
using Ledger.Tests.Shared;

namespace Ledger.EndToEnd.Tests;

/// <summary>Goal: what a node was told is found by its index over gRPC, JSON and the command line, and the index comes
/// out the same however often the node is killed while it makes it. Method: real nodes on both stores.</summary>
public sealed class IndexTests : IClassFixture<PostgresCollection.Lifetime>
{
    private static readonly string[] s_enabled = ["--Ledger:Index:Enabled", "true"];

    [Theory]
    [InlineData(Database.Sqlite)]
    [InlineData(Database.PostgreSql)]
    public async Task What_was_posted_is_found_over_grpc_json_and_the_command_line(Database database)
    {
        using var store = new Store(database);
        await using var node = await NodeProcess.StartAsync(store, s_enabled);
        await using var client = node.Connect();
        var spec = new AccountSpec { Address = "users:1", Asset = "USD/2", Code = 1 };
        await client.OpenAccountsAsync([spec, spec with { Address = "users:2" }, spec with { Address = "shop" }]);
        var paid = New("users:1", "shop", 5) with
        {
            Reference = "order-1", Metadata = new Dictionary<string, string> { ["channel"] = "web" },
        };
        var result = await client.PostTransferAsync(paid);
        var hold = New("users:2", "shop", 7) with { Kind = TransferKind.Hold, Reference = "=1+1" };
        var held = await client.PostTransferAsync(hold);

        // gRPC, with the client.
        (await ListAsync(
            client.SearchTransfersAsync(new TransferQuery { References = ["order-1"], AtLeast = result.Position })))
            .ShouldBe([paid.Id]);
        (await ListAsync(
            client.SearchTransfersAsync(
                new TransferQuery { Account = "shop", AtLeast = held.Position, NewestFirst = true })))
            .ShouldBe([hold.Id, paid.Id]);
        (await client.CountTransfersAsync(new TransferQuery { AccountPrefix = "users:", AtLeast = held.Position }))
            .ShouldBe((2, false));
        (await ListAsync(client.ListHoldsAsync("users:2"))).ShouldBe([hold.Id]);
        (await client.GetAccountsAsync(["shop", "nobody"])).Select(static one => one?.Spec.Address)
            .ShouldBe(["shop", null]);
        (await client.GetTransfersAsync([("shop", paid.Id), ("", hold.Id)])).Select(static one => one?.Transfer.Id)
            .ShouldBe([paid.Id, hold.Id]);
        var wide = await Should.ThrowAsync<LedgerClientException>(
            () => ListAsync(client.SearchTransfersAsync(new TransferQuery())));
        wide.Reason.ShouldBe("FILTER_TOO_WIDE");

        // JSON.
        using var http = new HttpClient { BaseAddress = node.Json };
        var found = await PostAsync(
            http, "/v1/transfers:search",
            new JsonObject { ["filter"] = new JsonObject { ["metadata"] = new JsonObject { ["channel"] = "web" } } });
        ((string)found["transfers"]![0]!["transfer"]!["id"]!).ShouldBe(paid.Id.ToString("D"));
        var one = await http.GetFromJsonAsync<JsonNode>($"/v1/transfers/{paid.Id:D}");
        ((string)one!["record"]!["transfer"]!["reference"]!).ShouldBe("order-1");
        using var missing = await http.GetAsync($"/v1/transfers/{Guid.CreateVersion7():D}");
        missing.StatusCode.ShouldBe(HttpStatusCode.NotFound);
        var accounts = await PostAsync(
            http, "/v1/accounts:search",
            new JsonObject { ["filter"] = new JsonObject { ["addressPrefix"] = "users:" }, ["count"] = true });
        accounts["accounts"]!.AsArray().Select(static account => (string)account!["spec"]!["address"]!)
            .ShouldBe(["users:1", "users:2"]);
        ((string)accounts["count"]!).ShouldBe("2");
        var holds = await http.GetFromJsonAsync<JsonNode>("/v1/accounts/shop/holds");
        holds!["holds"]!.AsArray().Count.ShouldBe(1);
        ((int)holds["account"]!["holdCount"]!).ShouldBe(1);
        (await http.GetStringAsync("/health")).ShouldContain("ledger-index");

        // The command line.
        var listed = await LedgerAsync(node, "transfers", "list", "--reference", "order-1", "--output", "json");
        listed.ExitCode.ShouldBe(0, listed.All);
        ((string)JsonNode.Parse(listed.Out)!["transfers"]![0]!["transfer"]!["id"]!).ShouldBe(paid.Id.ToString("D"));
        var csv = await LedgerAsync(node, "transfers", "list", "--prefix", "users:2", "--output", "csv");
        csv.Out.ShouldContain("'=1+1", customMessage: csv.All);
        (await LedgerAsync(node, "accounts", "list", "--prefix", "users:", "--output", "csv")).Out
            .ShouldContain("users:2,USD/2,1,OPEN,");
        (await LedgerAsync(node, "holds", "list", "shop")).Out.ShouldContain(hold.Id.ToString("D"));
        var refused = await LedgerAsync(node, "transfers", "list");
        refused.ExitCode.ShouldNotBe(0);
        refused.Error.ShouldContain("names nothing by which transfers are found");
    }

    [Theory]
    [InlineData(Database.Sqlite)]
    [InlineData(Database.PostgreSql)]
    public async Task Killed_while_the_index_is_made_it_is_made_all_the_same(Database database)
    {
        const int kills = 8;
        using var store = new Store(database);
        var spec = new AccountSpec { Address = "a:0", Asset = "USD/2", Code = 1 };
        var sent = new List<Guid>();
        await using (var node = await NodeProcess.StartAsync(store))
        {
            await using var client = node.Connect();
            await client.OpenAccountsAsync([.. Enumerable.Range(0, 20).Select(i => spec with { Address = $"a:{i}" })]);
            for (var round = 0; round < 10; round++)
            {
                var batch = Enumerable.Range(0, 1_000).Select(i => New($"a:{i % 20}", $"a:{(i + 1 + round) % 20}", 1))
                    .Where(
                    static one => one.DebitAccount != one.CreditAccount).ToList();
                (await client.PostTransfersAsync(batch))
                    .ShouldAllBe(static one => one.Status == TransferStatus.Created);
                sent.AddRange(batch.Select(static one => one.Id));
            }

            await node.StopAsync();
        }

        for (var kill = 0; kill < kills; kill++)
        {
            await using var node = await NodeProcess.StartAsync(store, s_enabled);
            await Task.Delay(TimeSpan.FromMilliseconds(Random.Shared.Next(5, 250)));
            await node.KillAsync();
        }

        await using var last = await NodeProcess.StartAsync(store, s_enabled);
        await using var reader = last.Connect();
        var after = await reader.PostTransferAsync(New("a:0", "a:1", 1));
        var all = new List<Guid>();
        for (var account = 0; account < 20; account++)
        {
            all.AddRange(await ListAsync(reader.SearchTransfersAsync(
                new TransferQuery { Account = $"a:{account}", Direction = EntryDirection.Debit,
                    AtLeast = after.Position, PageSize = 1_000 },
                new RequestOptions { Timeout = TimeSpan.FromSeconds(60) })));
        }

        all.Count.ShouldBe(sent.Count + 1);
        all.ToHashSet().IsSupersetOf(sent).ShouldBeTrue();
    }

    [Fact]
    public async Task A_node_without_an_index_says_so_and_lists_holds_all_the_same()
    {
        using var store = new Store(Database.Sqlite);
        await using var node = await NodeProcess.StartAsync(store);
        await using var client = node.Connect();
        await client.OpenAccountsAsync([new AccountSpec { Address = "shop", Asset = "USD/2", Code = 1 }]);
        var off = await Should.ThrowAsync<LedgerClientException>(
            () => ListAsync(client.SearchTransfersAsync(new TransferQuery { Account = "shop" })));
        off.Reason.ShouldBe("INDEX_OFF");
        (await ListAsync(client.ListHoldsAsync("shop"))).ShouldBeEmpty();
    }

    private static Transfer New(string debit, string credit, UInt128 amount) => new()
    {
        Id = Guid.CreateVersion7(),
        DebitAccount = debit, CreditAccount = credit, Amount = amount, Code = 1,
        Asset = "USD/2",
    };

    private static async Task<List<Guid>> ListAsync(IAsyncEnumerable<TransferRecord> records)
    {
        var ids = new List<Guid>();
        await foreach (var record in records)
        {
            ids.Add(record.Transfer.Id);
        }

        return ids;
    }

    private static async Task<JsonNode> PostAsync(HttpClient http, string path, JsonObject body)
    {
        using var response = await http.PostAsJsonAsync(path, body);
        var text = await response.Content.ReadAsStringAsync();
        response.StatusCode.ShouldBe(HttpStatusCode.OK, text);
        return JsonNode.Parse(text)!;
    }

    private static Task<Ended> LedgerAsync(NodeProcess node, params string[] arguments) => Programs.RunAsync(
        Programs.Cli, Environment.CurrentDirectory, [.. arguments, "--server", node.Grpc.ToString()]);
}
