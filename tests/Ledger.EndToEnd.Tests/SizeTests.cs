using System.Net;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Ledger.EndToEnd.Tests.Support;

namespace Ledger.EndToEnd.Tests;

/// <summary>Goal: what a node takes it can keep, show and go on with, whatever its size; and what it can't is refused
/// by name, at once and without a trace (R17). Method: plain JSON against a real node, as an application that has much
/// to say sends it.</summary>
[Collection(SharedNodeCollection.Name)]
public sealed class SizeTests(SharedNode shared) : IDisposable
{
    private readonly HttpClient http = new() { BaseAddress = shared.Node.Json };
    private readonly string debit = $"{SharedNode.NewName()}:debit";
    private readonly string credit = $"{SharedNode.NewName()}:credit";

    public void Dispose() => http.Dispose();

    [Fact]
    public async Task A_transaction_that_is_too_large_is_refused_by_name_while_the_account_serves_others()
    {
        await OpenAsync();
        var id = Guid.CreateVersion7().ToString();
        var others = Task.WhenAll(Enumerable.Range(0, 50).Select(async _ =>
            (string)(await SendAsync("/v1/transfers", NewTransfer()))["result"]!["status"]!));
        foreach (var _ in Enumerable.Range(0, 3))
        {
            using var response = await http.PostAsJsonAsync("/v1/transactions", NewTransaction(id, 560, NewTransfer));
            var text = await response.Content.ReadAsStringAsync();
            response.StatusCode.ShouldBe(HttpStatusCode.BadRequest, text);
            var error = JsonNode.Parse(text)!;
            var info = error["details"]!.AsArray()
                .Single(static detail => (string)detail!["@type"]! == "type.googleapis.com/google.rpc.ErrorInfo")!;
            ((string)info["reason"]!).ShouldBe("TRANSACTION_TOO_LARGE");
            ((string)info["metadata"]!["outcome"]!).ShouldBe("not_applied");
            ((string)info["metadata"]!["limit"]!).ShouldBe("2097152");
            int.Parse((string)info["metadata"]!["size"]!).ShouldBeGreaterThan(2_097_152);
            text.ShouldNotContain("RetryInfo");
        }

        (await others).ShouldAllBe(static status => status == "TRANSFER_STATUS_CREATED");

        // Nothing is known of it, so the id may still be used.
        var small = await SendAsync("/v1/transactions", NewTransaction(id, 2, NewTransfer));
        ((string)small["result"]!["status"]!).ShouldBe("TRANSFER_STATUS_CREATED");
        var account = await GetAsync($"/v1/accounts/{debit}");
        ((string)account["account"]!["entryCount"]!).ShouldBe("52");
    }

    [Fact]
    public async Task A_thousand_holds_with_large_metadata_are_voided_by_one_request()
    {
        // Each void names no asset, so each hold is looked up before the transaction is asked for.
        http.DefaultRequestHeaders.Add("grpc-timeout", "50S");
        await OpenAsync();
        var holds = Enumerable.Range(0, 1_000).Select(_ => NewTransfer()).ToArray();
        foreach (var hold in holds)
        {
            hold["kind"] = "TRANSFER_KIND_HOLD";
        }

        foreach (var some in holds.Chunk(400))
        {
            var made = await SendAsync(
                "/v1/transfers:batch", new JsonObject { ["transfers"] = new JsonArray([.. some]) });
            made["results"]!.AsArray()
                .ShouldAllBe(static result => (string)result!["status"]! == "TRANSFER_STATUS_CREATED");
        }

        var number = 0;
        var voids = NewTransaction(Guid.CreateVersion7().ToString(), holds.Length, () => new JsonObject
        {
            ["kind"] = "TRANSFER_KIND_VOID_HOLD",
            ["id"] = Guid.CreateVersion7().ToString(),
            ["holdId"] = (string)holds[number++]["id"]!,
            ["debitAccount"] = debit,
            ["creditAccount"] = credit,
        });
        var voided = await SendAsync("/v1/transactions", voids);
        ((string)voided["result"]!["status"]!).ShouldBe("TRANSFER_STATUS_CREATED");

        var last = (string)voids["legs"]![holds.Length - 1]!["transfer"]!["id"]!;
        var shown = await GetAsync($"/v1/accounts/{credit}/transfers/{last}");
        ((string)shown["record"]!["transfer"]!["metadata"]!["k15"]!).ShouldBe((string)holds[^1]["metadata"]!["k15"]!);
        var whole = await GetAsync($"/v1/accounts/{debit}/transactions/{(string)voids["id"]!}");
        ((bool)whole["record"]!["abridged"]!).ShouldBeTrue();
        whole["record"]!["result"]!["legs"]!.AsArray().Count.ShouldBe(holds.Length);
        var account = await GetAsync($"/v1/accounts/{debit}");
        ((string)account["account"]!["balances"]!["debitsPending"]!).ShouldBe("0");
    }

    private async Task OpenAsync() => await SendAsync("/v1/accounts", new JsonObject
    {
        ["accounts"] = new JsonArray(
            [.. new[] { debit, credit }.Select(static JsonNode (address) => new JsonObject
            {
                ["address"] = address, ["asset"] = "USD/2", ["code"] = 1,
            })]),
    });

    private static JsonObject NewTransaction(string id, int legs, Func<JsonObject> transfer) => new()
    {
        ["id"] = id,
        ["legs"] = new JsonArray(
            [.. Enumerable.Range(0, legs).Select(JsonNode (_) => new JsonObject { ["transfer"] = transfer() })]),
    };

    private JsonObject NewTransfer() => new()
    {
        ["id"] = Guid.CreateVersion7().ToString(),
        ["debitAccount"] = debit,
        ["creditAccount"] = credit,
        ["amount"] = "1",
        ["asset"] = "USD/2",
        ["code"] = 1,
        ["metadata"] = new JsonObject(Enumerable.Range(0, 16).Select(static i => KeyValuePair.Create(
            $"k{i:00}", (JsonNode?)JsonValue.Create(Guid.NewGuid().ToString().PadRight(253, 'x'))))),
    };

    private async Task<JsonNode> SendAsync(string path, JsonNode body)
    {
        using var response = await http.PostAsJsonAsync(path, body);
        return await ReadAsync(response);
    }

    private async Task<JsonNode> GetAsync(string path)
    {
        using var response = await http.GetAsync(path);
        return await ReadAsync(response);
    }

    private static async Task<JsonNode> ReadAsync(HttpResponseMessage response)
    {
        var text = await response.Content.ReadAsStringAsync();
        response.StatusCode.ShouldBe(HttpStatusCode.OK, text);
        return JsonNode.Parse(text)!;
    }
}
