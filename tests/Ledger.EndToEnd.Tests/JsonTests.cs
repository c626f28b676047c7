using System.Net;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Ledger.EndToEnd.Tests.Support;

namespace Ledger.EndToEnd.Tests;

/// <summary>Goal: a caller without gRPC, who knows HTTP and JSON only, can do the same. Method: plain HttpClient over
/// HTTP/1.1, and curl, against a real node.</summary>
[Collection(SharedNodeCollection.Name)]
public sealed class JsonTests : IDisposable
{
    private readonly HttpClient http;
    private readonly Uri address;
    private readonly string bank = $"{SharedNode.NewName()}:bank";
    private readonly string alice = $"{SharedNode.NewName()}:alice";

    public JsonTests(SharedNode shared)
    {
        address = shared.Node.Json;
        http = new HttpClient { BaseAddress = address, DefaultRequestVersion = HttpVersion.Version11 };
    }

    public void Dispose() => http.Dispose();

    [Fact]
    public async Task Accounts_and_transfers_go_through_json_and_back()
    {
        await OpenAsync();
        var transfer = NewTransfer("340282366920938463463374607431768211455");

        var posted = await SendAsync(HttpMethod.Post, "/v1/transfers", transfer);
        var repeated = await SendAsync(HttpMethod.Post, "/v1/transfers", transfer);

        ((string)posted["result"]!["status"]!).ShouldBe("TRANSFER_STATUS_CREATED");
        ((string)repeated["result"]!["status"]!).ShouldBe("TRANSFER_STATUS_EXISTS");
        ((bool)repeated["result"]!["replayed"]!).ShouldBeTrue();
        ((string)repeated["result"]!["createTime"]!).ShouldBe((string)posted["result"]!["createTime"]!);

        var account = (await SendAsync(HttpMethod.Get, $"/v1/accounts/{alice}"))["account"]!;
        ((string)account["balance"]!).ShouldBe("-340282366920938463463374607431768211455");
        ((string)account["availableDebits"]!).ShouldBe("340282366920938463463374607431768211455");
        ((string)account["spec"]!["metadata"]!["who"]!).ShouldBe("Alice");

        var record = (await SendAsync(HttpMethod.Get, $"/v1/accounts/{alice}/transfers/{transfer["id"]}"))["record"]!;
        ((string)record["status"]!).ShouldBe("TRANSFER_STATUS_CREATED");
        ((string)record["transfer"]!["amount"]!).ShouldBe("340282366920938463463374607431768211455");

        var overflow = await SendAsync(HttpMethod.Post, "/v1/transfers", NewTransfer("1"));
        ((string)overflow["result"]!["status"]!).ShouldStartWith("TRANSFER_STATUS_OVERFLOWS_DEBITS");
    }

    [Fact]
    public async Task Statement_is_paged_in_both_directions()
    {
        await OpenAsync();
        var batch = new JsonObject
        {
            ["transfers"] = new JsonArray([.. Enumerable.Range(1, 7).Select(JsonNode (n) => NewTransfer($"{n}"))]),
        };
        var posted = await SendAsync(HttpMethod.Post, "/v1/transfers:batch", batch);
        posted["results"]!.AsArray().Select(result => (string)result!["status"]!)
            .ShouldAllBe(status => status == "TRANSFER_STATUS_CREATED");

        foreach (var newestFirst in new[] { false, true })
        {
            var (sequences, pages, token) = (new List<int>(), 0, "");
            do
            {
                var page = await SendAsync(
                    HttpMethod.Get,
                    $"/v1/accounts/{alice}/statement?pageSize=3&newestFirst={(newestFirst ? "true" : "false")}"
                        + $"&pageToken={Uri.EscapeDataString(token)}");
                sequences.AddRange(page["entries"]!.AsArray().Select(entry => int.Parse((string)entry!["sequence"]!)));
                token = (string)page["nextPageToken"]!;
                pages++;
            }
            while (token.Length > 0);

            pages.ShouldBe(3);
            sequences.ShouldBe(newestFirst ? Enumerable.Range(1, 7).Reverse() : Enumerable.Range(1, 7));
        }
    }

    [Theory]
    [InlineData("/v1/accounts/nobody-at-all", 404, "ACCOUNT_NOT_FOUND")]
    [InlineData("/v1/accounts/not%20an%20address", 400, "MALFORMED_ADDRESS")]
    [InlineData("/v1/accounts?pageSize=-1", 400, "INVALID_PAGE_SIZE")]
    [InlineData("/v1/accounts?pageToken=rubbish", 400, "INVALID_PAGE_TOKEN")]
    [InlineData("/v1/nothing", 404, "METHOD_NOT_FOUND")]
    [InlineData("/", 404, "METHOD_NOT_FOUND")]
    [InlineData("/v1/transfers", 405, "METHOD_NOT_ALLOWED")]
    public async Task A_failed_read_carries_its_reason(string path, int status, string reason)
    {
        using var response = await http.GetAsync(path);

        ((int)response.StatusCode).ShouldBe(status);
        await ShouldExplainAsync(response, reason);
    }

    [Theory]
    [InlineData(
        "{\"id\":\"0198c0de-0000-7000-8000-000000000001\",\"debitAccount\":\"a\",\"creditAccount\":\"b\","
        + "\"amount\":\"-5\",\"code\":1}",
        "AMOUNT_NEGATIVE")]
    [InlineData("{\"amount\":", "MALFORMED_REQUEST")]
    [InlineData("[]", "MALFORMED_REQUEST")]
    [InlineData("", "MALFORMED_REQUEST")]
    public async Task A_failed_write_carries_its_reason(string body, string reason)
    {
        using var content = new StringContent(body, System.Text.Encoding.UTF8, "application/json");
        using var response = await http.PostAsync("/v1/transfers", content);

        response.StatusCode.ShouldBe(HttpStatusCode.BadRequest);
        await ShouldExplainAsync(response, reason);
    }

    [Fact]
    public async Task A_misspelt_limit_opens_no_account_and_leaves_the_limit_that_there_is()
    {
        await OpenAsync();
        var other = $"{SharedNode.NewName()}:other";
        var before = (await SendAsync(HttpMethod.Get, $"/v1/accounts/{alice}")).ToJsonString();

        await ShouldBeRefusedAsync(
            "/v1/accounts",
            $$$"""{"accounts":[{"address":"{{{other}}}","asset":"USD/2","code":1,"debitsMustNotExceedCredit":{}}]}""",
            "UNKNOWN_FIELD", "accounts[0].debitsMustNotExceedCredit");
        await ShouldBeRefusedAsync(
            $"/v1/accounts/{alice}:setLimits", """{"debitsMustNotExceedCredit":{"allowance":"0"}}""",
            "UNKNOWN_FIELD", "debitsMustNotExceedCredit");
        await ShouldBeRefusedAsync(
            $"/v1/accounts/{alice}:setLimits", """{"debitsMustNotExceedCredits":null}""",
            "MALFORMED_REQUEST", "debits_must_not_exceed_credits");

        using var missing = await http.GetAsync($"/v1/accounts/{other}");
        missing.StatusCode.ShouldBe(HttpStatusCode.NotFound);
        (await SendAsync(HttpMethod.Get, $"/v1/accounts/{alice}")).ToJsonString().ShouldBe(before);
        var back = NewTransfer("1");
        (back["debitAccount"], back["creditAccount"]) = (alice, bank);
        ((string)(await SendAsync(HttpMethod.Post, "/v1/transfers", back))["result"]!["status"]!)
            .ShouldBe("TRANSFER_STATUS_EXCEEDS_CREDITS");
    }

    [Fact]
    public async Task A_transfer_with_a_field_that_is_misspelt_or_doubled_or_rounded_moves_nothing()
    {
        await OpenAsync();
        var right = NewTransfer("100").ToJsonString()[..^1];
        (string Body, string Reason, string Field)[] wrongs =
        [
            ($$"""{{right}},"typ":"TRANSFER_KIND_HOLD"}""", "UNKNOWN_FIELD", "transfer.typ"),
            ($$"""{{right}},"timeOut":"3600s"}""", "UNKNOWN_FIELD", "transfer.timeOut"),
            ($$"""{{right}},"Kind":"TRANSFER_KIND_HOLD"}""", "UNKNOWN_FIELD", "transfer.Kind"),
            ($$"""{{right}},"amount":"1"}""", "DUPLICATE_FIELD", "transfer.amount"),
            ($$"""{{right}},"debit_account":"{{alice}}"}""", "DUPLICATE_FIELD", "transfer.debit_account"),
            ($$"""{{right}},"kind":"HOLD"}""", "MALFORMED_REQUEST", "transfer.kind"),
            ($$"""{{right}},"timeout":"1h"}""", "MALFORMED_REQUEST", "transfer.timeout"),
            ($$"""{{right}},"metadata":{"a":1} }""", "MALFORMED_REQUEST", "transfer.metadata[\"a\"]"),
            (NewTransfer("9007199254740993").ToJsonString().Replace("\"9007199254740993\"", "9007199254740993"),
                "NUMBER_NOT_EXACT", "transfer.amount"),
            (NewTransfer("5").ToJsonString().Replace("\"5\"", "5.5"), "AMOUNT_NOT_A_NUMBER", "transfer.amount"),
        ];
        foreach (var (body, reason, field) in wrongs)
        {
            await ShouldBeRefusedAsync("/v1/transfers", body, reason, field);
        }

        await ShouldBeRefusedAsync($"/v1/transfers?returnBalance=true", $"{right}}}", "UNKNOWN_FIELD", "returnBalance");
        var account = (await SendAsync(HttpMethod.Get, $"/v1/accounts/{alice}"))["account"]!;
        ((string)account["entryCount"]!, (int)account["holdCount"]!, (string)account["balance"]!)
            .ShouldBe(("0", 0, "0"));

        // None of them has used its id up.
        var posted = await SendAsync(HttpMethod.Post, "/v1/transfers", JsonNode.Parse($"{right}}}"));
        ((string)posted["result"]!["status"]!)
            .ShouldBe("TRANSFER_STATUS_CREATED");
    }

    [Fact]
    public async Task An_amount_may_be_a_number_and_a_misspelt_query_shows_nothing()
    {
        await OpenAsync();
        var transfer = NewTransfer("0");
        transfer["amount"] = 9_007_199_254_740_991;
        ((string)(await SendAsync(HttpMethod.Post, "/v1/transfers", transfer))["result"]!["status"]!)
            .ShouldBe("TRANSFER_STATUS_CREATED");
        var account = (await SendAsync(HttpMethod.Get, $"/v1/accounts/{alice}"))["account"]!;
        ((string)account["balance"]!).ShouldBe("-9007199254740991");

        using var response = await http.GetAsync($"/v1/accounts/{alice}/statement?startTme=2999-01-01T00:00:00Z");
        response.StatusCode.ShouldBe(HttpStatusCode.BadRequest);
        await ShouldExplainAsync(response, "UNKNOWN_FIELD");
        (await response.Content.ReadAsStringAsync()).ShouldContain("Is startTime meant?");
    }

    [Theory]
    [InlineData("Content-Length: 100", "{\"id\":")]
    [InlineData("Transfer-Encoding: chunked", "ZZ\r\n{\"id\":")]
    public async Task A_body_that_is_cut_off_is_refused_and_the_node_serves_on(string framing, string sent)
    {
        using var client = new System.Net.Sockets.TcpClient();
        await client.ConnectAsync(address.Host, address.Port);
        await client.Client.SendAsync(System.Text.Encoding.ASCII.GetBytes(
            $"POST /v1/transfers HTTP/1.1\r\nHost: {address.Authority}\r\nContent-Type: application/json\r\n"
            + $"Connection: close\r\n{framing}\r\n\r\n{sent}"));

        // What is not framed as HTTP wants it is answered at once, what is too slow once it has been waited for.
        using var reader = new StreamReader(client.GetStream());
        var answer = await reader.ReadToEndAsync().WaitAsync(TimeSpan.FromSeconds(30));

        answer.ShouldStartWith("HTTP/1.1 4");
        answer.ShouldContain("The body ended before it was whole.");
        answer.ShouldContain("not_applied");
        (await http.GetAsync("/v1/accounts?pageSize=1")).StatusCode.ShouldBe(HttpStatusCode.OK);
    }

    [Fact]
    public async Task Curl_opens_pays_and_reads()
    {
        if (Programs.OnPath("curl") is not { } curl)
        {
            return;
        }

        await OpenAsync();
        var paid = await CurlAsync(
            "-d", NewTransfer("42").ToJsonString(), "-H", "content-type: application/json", Url("/v1/transfers"));
        ((string)paid["result"]!["status"]!).ShouldBe("TRANSFER_STATUS_CREATED");
        var account = await CurlAsync(Url($"/v1/accounts/{alice}"));
        ((string)account["account"]!["balance"]!).ShouldBe("-42");

        // Without -f, as a person types it: the body must explain itself.
        var refused = await CurlAsync(Url("/v1/accounts/nobody-at-all"));
        ((string)refused["details"]![0]!["reason"]!).ShouldBe("ACCOUNT_NOT_FOUND");

        string Url(string path) => new Uri(address, path).ToString();

        async Task<JsonNode> CurlAsync(params string[] arguments)
        {
            var ended = await Programs.RunAsync(curl, Path.GetTempPath(), ["--silent", "--show-error", .. arguments]);
            ended.ExitCode.ShouldBe(0, ended.All);
            return JsonNode.Parse(ended.Out)!;
        }
    }

    private async Task ShouldBeRefusedAsync(string path, string body, string reason, string field)
    {
        using var content = new StringContent(body, System.Text.Encoding.UTF8, "application/json");
        using var response = await http.PostAsync(path, content);
        var text = await response.Content.ReadAsStringAsync();
        response.StatusCode.ShouldBe(HttpStatusCode.BadRequest, $"{body}\n{text}");
        await ShouldExplainAsync(response, reason);
        ((string)JsonNode.Parse(text)!["details"]![1]!["fieldViolations"]![0]!["field"]!).ShouldBe(field, text);
    }

    private static async Task ShouldExplainAsync(HttpResponseMessage response, string reason)
    {
        response.Content.Headers.ContentType!.MediaType.ShouldBe("application/json");
        var text = await response.Content.ReadAsStringAsync();
        var info = JsonNode.Parse(text)!["details"]!.AsArray()
            .Single(detail => (string)detail!["@type"]! == "type.googleapis.com/google.rpc.ErrorInfo")!;
        ((string)info["reason"]!).ShouldBe(reason, text);
        ((string)info["domain"]!).ShouldBe("ledger", text);
        ((string)info["metadata"]!["outcome"]!).ShouldBe("not_applied", text);
    }

    private async Task OpenAsync()
    {
        var opened = await SendAsync(HttpMethod.Post, "/v1/accounts", new JsonObject
        {
            ["accounts"] = new JsonArray(
                new JsonObject { ["address"] = bank, ["asset"] = "USD/2", ["code"] = 1 },
                new JsonObject
                {
                    ["address"] = alice,
                    ["asset"] = "USD/2",
                    ["code"] = 2,
                    ["metadata"] = new JsonObject { ["who"] = "Alice" },
                    ["debitsMustNotExceedCredits"] = new JsonObject(),
                }),
        });
        opened["results"]!.AsArray().Select(result => (string)result!["status"]!)
            .ShouldBe(["ACCOUNT_STATUS_CREATED", "ACCOUNT_STATUS_CREATED"]);
    }

    private JsonObject NewTransfer(string amount) => new()
    {
        ["id"] = Guid.CreateVersion7().ToString(),
        ["debitAccount"] = bank,
        ["creditAccount"] = alice,
        ["amount"] = amount,
        ["code"] = 1,
    };

    private async Task<JsonNode> SendAsync(HttpMethod method, string path, JsonNode? body = null)
    {
        using var request =
            new HttpRequestMessage(method, path) { Content = body is null ? null : JsonContent.Create(body) };
        using var response = await http.SendAsync(request);
        var text = await response.Content.ReadAsStringAsync();
        response.StatusCode.ShouldBe(HttpStatusCode.OK, text);
        response.Version.ShouldBe(HttpVersion.Version11);
        return JsonNode.Parse(text)!;
    }
}
