using System.Net;
using System.Text;
using System.Text.Json;
using Ledger.Grpc.Http;

namespace Ledger.Grpc.Tests;

/// <summary>The JSON form: routes, the spelling of values, and errors that carry what gRPC errors carry.</summary>
public sealed class JsonTests
{
    private const string Body =
        """{"id":"0190a5c8-9d3e-7c42-8f1a-2b3c4d5e6f70","debitAccount":"a","creditAccount":"b","amount":"5","code":1}""";

    [Theory]
    [InlineData("users:42:wallet")]
    [InlineData("shop")]
    [InlineData("a:batch")]
    public async Task An_address_with_colons_is_one_path_segment(string address)
    {
        await using var host = await GrpcHost.StartAsync();
        host.Ledger.Account = Sample(address);
        var response = await host.Http.GetAsync($"/v1/accounts/{address}");
        response.StatusCode.ShouldBe(HttpStatusCode.OK, await response.Content.ReadAsStringAsync());
        host.Ledger.Calls.ShouldHaveSingleItem().Argument.ShouldBe(AccountAddress.Parse(address));

        (await host.Http.GetAsync($"/v1/accounts/{address}/statement")).StatusCode.ShouldBe(HttpStatusCode.OK);
        ((StatementQuery)host.Ledger.Calls.Last().Argument).Account.Text.ShouldBe(address);

        (await host.Http.GetAsync($"/v1/accounts/{Uri.EscapeDataString(address)}")).StatusCode
            .ShouldBe(HttpStatusCode.OK);
        host.Ledger.Calls.Last().Argument.ShouldBe(AccountAddress.Parse(address));
    }

    [Fact]
    public async Task A_transfer_is_looked_up_under_its_account()
    {
        await using var host = await GrpcHost.StartAsync();
        var error = await ErrorAsync(await host.Http.GetAsync($"/v1/accounts/users:42:wallet/transfers/{Samples.Id}"));
        error.ShouldBe((404, 5, "TRANSFER_NOT_FOUND"));
        host.Ledger.Calls.ShouldHaveSingleItem().Method.ShouldBe("GetTransfer");
    }

    [Fact]
    public async Task Posting_takes_the_transfer_itself_as_its_body()
    {
        await using var host = await GrpcHost.StartAsync();
        var response = await PostAsync(host, "/v1/transfers", Body);
        response.StatusCode.ShouldBe(HttpStatusCode.OK, await response.Content.ReadAsStringAsync());
        using var json = JsonDocument.Parse(await response.Content.ReadAsStringAsync());
        var result = json.RootElement.GetProperty("result");
        result.GetProperty("status").GetString().ShouldBe("TRANSFER_STATUS_CREATED");
        result.GetProperty("createTime").GetString().ShouldBe("2023-11-14T22:13:20.123456Z");
    }

    [Fact]
    public async Task A_batch_has_its_own_path()
    {
        await using var host = await GrpcHost.StartAsync();
        var response = await PostAsync(host, "/v1/transfers:batch", $$"""{"transfers":[{{Body}},{{Body}}]}""");
        response.StatusCode.ShouldBe(HttpStatusCode.OK, await response.Content.ReadAsStringAsync());
        host.Ledger.Calls.ShouldHaveSingleItem().Method.ShouldBe("PostTransfers");
    }

    [Theory]
    [InlineData("freeze", """{"debits":true,"reason":"theft"}""")]
    [InlineData("unfreeze", """{"reason":"found"}""")]
    [InlineData("close", "{}")]
    [InlineData("reopen", "{}")]
    [InlineData("setLimits", """{"debitsMustNotExceedCredits":{"allowance":"5"}}""")]
    public async Task A_change_is_a_verb_after_the_address(string verb, string body)
    {
        await using var host = await GrpcHost.StartAsync();
        foreach (var address in new[] { "shop", "users:42:wallet", "users:freeze" })
        {
            var response = await PostAsync(host, $"/v1/accounts/{address}:{verb}", body);
            response.StatusCode.ShouldBe(HttpStatusCode.OK, await response.Content.ReadAsStringAsync());
            (((AccountAddress, AccountChange))host.Ledger.Calls.Last().Argument).Item1.Text.ShouldBe(address);
        }
    }

    [Fact]
    public async Task A_transfer_is_looked_up_without_an_account_too()
    {
        await using var host = await GrpcHost.StartAsync();
        var error = await ErrorAsync(await host.Http.GetAsync($"/v1/transfers/{Samples.Id}"));
        error.ShouldBe((404, 5, "TRANSFER_NOT_FOUND"));
        host.Ledger.Calls.ShouldHaveSingleItem().Argument.ShouldBe(
            (default(AccountAddress), TransferId.FromGuid(Guid.Parse(Samples.Id))));
    }

    [Fact]
    public async Task A_transfer_that_the_node_has_forgotten_is_not_said_not_to_exist()
    {
        await using var host = await GrpcHost.StartAsync();
        host.Ledger.Failure = new LedgerException(
            LedgerErrorReason.TransferNotRemembered, "Name an account.", "account");
        var error = await ErrorAsync(await host.Http.GetAsync($"/v1/transfers/{Samples.Id}"));
        error.ShouldBe((400, 9, "TRANSFER_NOT_REMEMBERED"));
    }

    [Fact]
    public async Task A_transaction_is_posted_and_looked_up()
    {
        await using var host = await GrpcHost.StartAsync();
        var response = await PostAsync(host, "/v1/transactions", $$$"""
            {"id":"{{{Samples.OtherId}}}","legs":[
              {"opening":{"spec":{"address":"a","asset":"USD/2","code":1},"ifMissing":true}},
              {"transfer":{"debitAccount":"a","creditAccount":"b","amount":"5","asset":"USD/2","code":1,
                "kind":"TRANSFER_KIND_HOLD","timeout":"3600s"}}]}
            """);
        response.StatusCode.ShouldBe(HttpStatusCode.OK, await response.Content.ReadAsStringAsync());
        var transaction = (Transaction)host.Ledger.Calls.ShouldHaveSingleItem().Argument;
        transaction.Legs[0].IfMissing.ShouldBeTrue();
        transaction.Legs[1].Transfer!.Kind.ShouldBe(TransferKind.Hold);
        transaction.Legs[1].Transfer!.Timeout.ShouldBe(TimeSpan.FromHours(1));
        using var json = JsonDocument.Parse(await response.Content.ReadAsStringAsync());
        json.RootElement.GetProperty("result").GetProperty("legs")[1].GetProperty("transferId").GetString()
            .ShouldBe(Transaction.LegId(transaction.Id, 1).ToString());

        (await ErrorAsync(await host.Http.GetAsync($"/v1/accounts/users:42:wallet/transactions/{Samples.OtherId}")))
            .ShouldBe((404, 5, "TRANSACTION_NOT_FOUND"));
        host.Ledger.Calls.Last().Argument.ShouldBe((AccountAddress.Parse("users:42:wallet"), transaction.Id));
    }

    [Fact]
    public async Task What_is_done_to_a_transaction_or_a_hold_is_a_verb_after_its_id()
    {
        await using var host = await GrpcHost.StartAsync();
        var id = TransferId.FromGuid(Guid.Parse(Samples.Id));
        (string Path, string Body)[] calls =
        [
            ($"/v1/transactions/{Samples.Id}:reverse", $$"""{"id":"{{Samples.OtherId}}","reason":"twice"}"""),
            ($"/v1/transactions/{Samples.Id}:resolve",
                $$"""{"id":"{{Samples.OtherId}}","account":"shop","resolution":"RESOLUTION_VOID"}"""),
            ($"/v1/holds/{Samples.Id}:extend", """{"expireTime":"2030-01-01T00:00:00Z"}"""),
            ("/v1/batches", $$"""{"items":[{"transfer":{{Body}},"linked":true},{"transfer":{{Body}} }]}"""),
        ];
        foreach (var (path, body) in calls)
        {
            var response = await PostAsync(host, path, body);
            response.StatusCode.ShouldBe(HttpStatusCode.OK, await response.Content.ReadAsStringAsync());
        }

        var arguments = host.Ledger.Calls.Select(static c => c.Argument).ToArray();
        ((Reversal)arguments[0]).OriginalId.ShouldBe(id);
        ((TransactionResolution)arguments[1]).TransactionId.ShouldBe(id);
        ((ExtendHold)arguments[2]).HoldId.ShouldBe(id);
        ((IReadOnlyList<BatchItem>)arguments[3]).Count.ShouldBe(2);
    }

    [Fact]
    public async Task Numbers_of_64_bits_are_strings()
    {
        await using var host = await GrpcHost.StartAsync();
        host.Ledger.Account = Sample("shop");
        using var json = JsonDocument.Parse(await host.Http.GetStringAsync("/v1/accounts/shop"));
        json.RootElement.GetProperty("account").GetProperty("entryCount").GetString().ShouldBe("18446744073709551615");
    }

    [Fact]
    public async Task Query_parameters_have_the_names_of_the_fields()
    {
        await using var host = await GrpcHost.StartAsync();
        var response = await host.Http.GetAsync(
            "/v1/accounts/shop/statement?pageSize=7&newest_first=true&minSequence=3&start_time=2020-01-01T00:00:00Z");
        response.StatusCode.ShouldBe(HttpStatusCode.OK, await response.Content.ReadAsStringAsync());
        host.Ledger.Calls.ShouldHaveSingleItem().Argument.ShouldBe(new StatementQuery(AccountAddress.Parse("shop"))
        {
            PageSize = 7,
            NewestFirst = true,
            MinSequence = 3,
            StartTime = LedgerTime.From(new DateTimeOffset(2020, 1, 1, 0, 0, 0, TimeSpan.Zero)),
        });
    }

    [Theory]
    [InlineData("/v1/transfers", "{", 400, 3, "MALFORMED_REQUEST")]
    [InlineData("/v1/transfers", "[]", 400, 3, "MALFORMED_REQUEST")]
    [InlineData("/v1/transfers", "", 400, 3, "MALFORMED_REQUEST")]
    [InlineData("/v1/transfers", """{"code":-1}""", 400, 3, "MALFORMED_REQUEST")]
    [InlineData("/v1/transfers", """{"id":"\ud800"}""", 400, 3, "MALFORMED_REQUEST")]
    [InlineData("/v1/transfers", """{"amount":"x"}""", 400, 3, "AMOUNT_NOT_A_NUMBER")]
    [InlineData("/v1/transfers", "null", 400, 3, "MALFORMED_REQUEST")]
    [InlineData("/v1/transfers:batch", "null", 400, 3, "MALFORMED_REQUEST")]
    [InlineData("/v1/transfers:batch", "{}", 400, 3, "EMPTY_BATCH")]
    [InlineData("/v1/transactions", "{}", 400, 3, "EMPTY_BATCH")]
    [InlineData("/v1/transactions", """{"legs":[{}]}""", 400, 3, "STEP_MISSING")]
    [InlineData(
        "/v1/transactions", """{"legs":[{"transfer":{"timeout":"-1s","amount":"1"}}]}""", 400, 3, "TIMEOUT_NEGATIVE")]
    [InlineData("/v1/transfers", """{"kind":"TRANSFER_KIND_GIFT"}""", 400, 3, "MALFORMED_REQUEST")]
    [InlineData("/v1/batches", "{}", 400, 3, "EMPTY_BATCH")]
    [InlineData("/v1/accounts/shop:freeze", "{}", 400, 3, "FREEZE_MISSING")]
    [InlineData("/v1/accounts/shop:burn", "{}", 405, 12, "METHOD_NOT_ALLOWED")]
    [InlineData("/v1/nothing", "{}", 404, 12, "METHOD_NOT_FOUND")]
    [InlineData("/v1/accounts/shop", "{}", 405, 12, "METHOD_NOT_ALLOWED")]
    public async Task An_error_carries_an_ErrorInfo(string path, string body, int http, int code, string reason)
    {
        await using var host = await GrpcHost.StartAsync();
        (await ErrorAsync(await PostAsync(host, path, body))).ShouldBe((http, code, reason));
        host.Ledger.Calls.ShouldBeEmpty();
    }

    [Theory]
    [InlineData("DELETE", "/v1/accounts", "GET, POST")]
    [InlineData("PUT", "/v1/accounts/", "GET, POST")]
    [InlineData("PATCH", "/v1/accounts/users:42:wallet", "GET")]
    [InlineData("HEAD", "/v1/accounts/users:42:wallet", "GET")]
    [InlineData("OPTIONS", "/v1/accounts/users:42:wallet/statement", "GET")]
    [InlineData("DELETE", "/v1/accounts/users:42:wallet:freeze", "GET, POST")]
    [InlineData("GET", "/v1/transfers", "POST")]
    [InlineData("GET", "/v1/transfers:batch", "POST")]
    [InlineData("DELETE", "/v1/transfers/0190a5c8-9d3e-7c42-8f1a-2b3c4d5e6f70", "GET")]
    [InlineData("GET", "/v1/holds/0190a5c8-9d3e-7c42-8f1a-2b3c4d5e6f70:extend", "POST")]
    [InlineData("GET", "/v1/admin/inDoubt/a:resolve", "GET, POST", 200)]
    [InlineData("POST", "/v1/accounts/shop/statement", "GET")]
    public async Task A_known_path_says_which_methods_it_takes(
        string method, string path, string allowed, int http = 405)
    {
        await using var host = await GrpcHost.StartAsync();
        using var request = new HttpRequestMessage(new HttpMethod(method), path);
        var response = await host.Http.SendAsync(request);
        if (http == 200)
        {
            response.StatusCode.ShouldBe(HttpStatusCode.OK, "an address may hold a colon");
            return;
        }

        ((int)response.StatusCode).ShouldBe(405);
        string.Join(", ", response.Content.Headers.Allow).ShouldBe(allowed);
        if (method != "HEAD")
        {
            var message = await response.Content.ReadAsStringAsync();
            (await ErrorAsync(response)).ShouldBe((405, 12, "METHOD_NOT_ALLOWED"));
            message.ShouldContain($"which takes {allowed.Replace(", ", " and ", StringComparison.Ordinal)}.");
            message.ShouldContain("not_applied");
        }

        host.Ledger.Calls.ShouldBeEmpty();
    }

    [Fact]
    public async Task Each_route_of_the_contract_answers_405_to_another_method_and_names_its_own()
    {
        await using var host = await GrpcHost.StartAsync();
        var methods = V1.AccountService.Descriptor.Methods.Concat(V1.TransferService.Descriptor.Methods)
            .Concat(V1.TransactionService.Descriptor.Methods).Concat(V1.AdminService.Descriptor.Methods);
        JsonRoute[] routes = [.. methods.SelectMany(JsonRoute.Of)];
        routes.Length.ShouldBe(25);
        foreach (var route in routes)
        {
            var path = System.Text.RegularExpressions.Regex.Replace(route.Path, @"\{[a-z_]+\}", Samples.Id);
            using var request = new HttpRequestMessage(HttpMethod.Delete, path);
            var response = await host.Http.SendAsync(request);
            ((int)response.StatusCode).ShouldBe(405, path);
            response.Content.Headers.Allow.ShouldContain(route.Method, path);
        }
    }

    [Fact]
    public async Task A_verb_that_there_is_none_of_is_answered_with_those_that_there_are()
    {
        await using var host = await GrpcHost.StartAsync();
        var response = await PostAsync(host, "/v1/accounts/shop:burn", "{}");
        (await response.Content.ReadAsStringAsync()).ShouldContain(
            "POST takes: /v1/accounts/{address}:close, /v1/accounts/{address}:freeze, ");
    }

    [Theory]
    [InlineData("/v1/nothing")]
    [InlineData("/v1/acounts/shop")]
    [InlineData("/v1")]
    [InlineData("/v1/accounts/shop/statement/more")]
    public async Task An_unknown_path_says_which_there_are(string path)
    {
        await using var host = await GrpcHost.StartAsync();
        foreach (var response in (HttpResponseMessage[])[
            await host.Http.GetAsync(path), await PostAsync(host, path, "{}")])
        {
            var message = await response.Content.ReadAsStringAsync();
            (await ErrorAsync(response)).ShouldBe((404, 12, "METHOD_NOT_FOUND"), path);
            message.ShouldContain("There is no path ");
            message.ShouldContain(
                "GET, POST /v1/accounts; GET /v1/accounts/{account}/holds; GET "
                    + "/v1/accounts/{account}/transactions/{id}; ");
            message.ShouldContain("POST /v1/transfers:batch");
        }
    }

    [Fact]
    public async Task A_query_that_does_not_fit_its_field_is_malformed()
    {
        await using var host = await GrpcHost.StartAsync();
        var response = await host.Http.GetAsync("/v1/accounts?pageSize=many");
        (await ErrorAsync(response)).ShouldBe((400, 3, "MALFORMED_REQUEST"));
    }

    [Fact]
    public async Task A_body_that_is_not_JSON_is_malformed()
    {
        await using var host = await GrpcHost.StartAsync();
        var response =
            await host.Http.PostAsync("/v1/transfers", new StringContent("a=b", Encoding.UTF8, "text/plain"));
        (await ErrorAsync(response)).ShouldBe((400, 3, "MALFORMED_REQUEST"));
    }

    [Fact]
    public async Task A_body_that_is_too_large_is_refused()
    {
        await using var host = await GrpcHost.StartAsync(o => o.MaxReceiveMessageBytes = 64 * 1024);
        var body = Body.Replace("\"5\"", "\"" + new string('1', 200_000) + "\"", StringComparison.Ordinal);
        (await ErrorAsync(await PostAsync(host, "/v1/transfers", body))).ShouldBe((413, 3, "REQUEST_TOO_LARGE"));
        host.Ledger.Calls.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_body_that_is_nested_too_deeply_is_malformed_and_what_a_text_holds_is_no_nesting()
    {
        await using var host = await GrpcHost.StartAsync();
        var deep = Body.Replace("\"5\"", new string('[', 16) + "\"5\"" + new string(']', 16), StringComparison.Ordinal);
        (await ErrorAsync(await PostAsync(host, "/v1/transfers", deep))).ShouldBe((400, 3, "MALFORMED_REQUEST"));
        host.Ledger.Calls.ShouldBeEmpty();

        var text = new string('{', 100) + "\\\"" + new string('[', 100);
        var flat = Body.Replace("\"5\"", "\"5\",\"reference\":\"" + text[..100] + "\\\"[\"", StringComparison.Ordinal);
        (await PostAsync(host, "/v1/transfers", flat)).StatusCode.ShouldBe(System.Net.HttpStatusCode.OK);
    }

    [Fact]
    public async Task What_is_too_large_says_its_size_and_the_limit_and_is_not_to_be_sent_again()
    {
        await using var host = await GrpcHost.StartAsync();
        host.Ledger.Failure =
            new LedgerException(LedgerErrorReason.TransactionTooLarge, "Told.") { Size = 3_000_000, Limit = 2_097_152 };
        var response = await PostAsync(host, "/v1/transfers", Body);
        var text = await response.Content.ReadAsStringAsync();
        text.ShouldContain("\"size\":\"3000000\"");
        text.ShouldContain("\"limit\":\"2097152\"");
        text.ShouldContain("\"outcome\":\"not_applied\"");
        text.ShouldNotContain("RetryInfo");
    }

    [Theory]
    [InlineData(LedgerErrorReason.TransactionTooLarge, 400, 3, "TRANSACTION_TOO_LARGE")]
    [InlineData(LedgerErrorReason.MessageTooLarge, 400, 3, "MESSAGE_TOO_LARGE")]
    [InlineData(LedgerErrorReason.AnswerTooLarge, 500, 13, "ANSWER_TOO_LARGE")]
    [InlineData(LedgerErrorReason.Overloaded, 429, 8, "OVERLOADED")]
    [InlineData(LedgerErrorReason.JournalUnavailable, 503, 14, "JOURNAL_UNAVAILABLE")]
    [InlineData(LedgerErrorReason.DeadlineExceeded, 504, 4, "DEADLINE_EXCEEDED")]
    public async Task A_failure_of_the_ledger_has_its_HTTP_status(
        LedgerErrorReason reason, int http, int code, string name)
    {
        await using var host = await GrpcHost.StartAsync();
        host.Ledger.Failure = new LedgerException(reason, "Told.");
        (await ErrorAsync(await PostAsync(host, "/v1/transfers", Body))).ShouldBe((http, code, name));
    }

    [Fact]
    public async Task An_unexpected_failure_tells_nothing()
    {
        await using var host = await GrpcHost.StartAsync();
        host.Ledger.Failure = new InvalidOperationException("akka://secret");
        var response = await PostAsync(host, "/v1/transfers", Body);
        (await response.Content.ReadAsStringAsync()).ShouldNotContain("secret");
        (await ErrorAsync(response)).ShouldBe((500, 13, "INTERNAL"));
    }

    [Fact]
    public async Task A_timeout_header_bounds_the_call()
    {
        await using var host = await GrpcHost.StartAsync();
        using var request = new HttpRequestMessage(HttpMethod.Get, "/v1/accounts/shop");
        request.Headers.Add("grpc-timeout", "0m");
        (await ErrorAsync(await host.Http.SendAsync(request))).ShouldBe((504, 4, "DEADLINE_EXPIRED"));
        host.Ledger.Calls.ShouldBeEmpty();
    }

    private static Task<HttpResponseMessage> PostAsync(GrpcHost host, string path, string body) =>
        host.Http.PostAsync(path, new StringContent(body, Encoding.UTF8, "application/json"));

    private static async Task<(int Http, int Code, string Reason)> ErrorAsync(HttpResponseMessage response)
    {
        var text = await response.Content.ReadAsStringAsync();
        using var json = JsonDocument.Parse(text);
        var info = json.RootElement.GetProperty("details").EnumerateArray()
            .Where(static d => d.GetProperty("@type").GetString() == "type.googleapis.com/google.rpc.ErrorInfo")
            .ShouldHaveSingleItem(text);
        info.GetProperty("domain").GetString().ShouldBe("ledger");
        return ((int)response.StatusCode, json.RootElement.GetProperty("code").GetInt32(),
            info.GetProperty("reason").GetString()!);
    }

    private static Account Sample(string address) => new(
        new AccountSpec(AccountAddress.Parse(address), Asset.Parse("USD/2"), 1), FakeLedger.Now, default,
        ulong.MaxValue, 1, false);
}
