using System.Net;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Google.Api;
using Google.Protobuf.Reflection;
using Ledger.V1;

namespace Ledger.Grpc.Tests;

/// <summary>
/// Goal: nothing of a JSON request is passed over. What a method does not have, or has been given twice, or can't read
/// is refused by its name, and nothing is applied. Method: the contract itself is walked, every route, nested message
/// and parameter; in a request that is right, one field at a time is misspelt, doubled, spelt in two ways and given
/// each other type.
/// </summary>
public sealed partial class JsonStrictnessTests
{
    private const string Body =
        """{"id":"0190a5c8-9d3e-7c42-8f1a-2b3c4d5e6f70","debitAccount":"a","creditAccount":"b","amount":"5","code":1}""";

    private static readonly Dictionary<string, Route> Routes = AllRoutes()
        .ToDictionary(static route => route.ToString());

    public static TheoryData<string> WithBody =>
        [.. Routes.Where(static r => r.Value.Rule.Body.Length > 0).Select(static r => r.Key)];

    public static TheoryData<string> All => [.. Routes.Keys];

    [Theory]
    [MemberData(nameof(WithBody))]
    public async Task Every_field_that_is_misspelt_doubled_or_of_another_type_is_refused_by_name(string name)
    {
        var route = Routes[name];
        await using var host = await GrpcHost.StartAsync();
        var (message, prefix) = route.Rule.Body == "*"
            ? (route.Method.InputType, "")
            : (route.Method.InputType.FindFieldByName(route.Rule.Body).MessageType, route.Rule.Body);
        var tried = 0;
        for (var choice = 0; choice < 2; choice++)
        {
            var right = JsonForms.Right(message, choice, route.Bound);
            var accepted = await ReadAsync(await PostAsync(host, route.Path, right.ToString()));
            accepted.Reason.ShouldNotBe("MALFORMED_REQUEST", accepted.Text);
            accepted.Reason.ShouldNotBe("UNKNOWN_FIELD", accepted.Text);
            host.Ledger.Calls.Clear();

            foreach (var wrong in JsonForms.Wrongs(right, prefix))
            {
                await ShouldBeRefusedAsync(await PostAsync(host, route.Path, wrong.Body), wrong);
                tried++;
            }
        }

        host.Ledger.Calls.ShouldBeEmpty();
        tried.ShouldBeGreaterThan(
            10 * message.Fields.InFieldNumberOrder().Count(field => !route.Bound.Contains(field.Name)));
    }

    [Theory]
    [MemberData(nameof(WithBody))]
    public async Task A_field_of_the_path_is_not_given_again_in_the_body(string name)
    {
        var route = Routes[name];
        await using var host = await GrpcHost.StartAsync();
        foreach (var field in route.Method.InputType.Fields.InFieldNumberOrder()
            .Where(f => route.Bound.Contains(f.Name)))
        {
            var twice = await PostAsync(host, route.Path, $$"""{"{{field.JsonName}}":"other"}""");
            if (route.Rule.Body == "*")
            {
                await ShouldBeRefusedAsync(
                    twice, new JsonWrong("", "DUPLICATE_FIELD", field.Name, "the path of the URL"));
            }
            else
            {
                await ShouldBeRefusedAsync(
                    twice,
                    new JsonWrong("", "UNKNOWN_FIELD", $"{route.Rule.Body}.{field.JsonName}", "There is no field"));
            }
        }

        host.Ledger.Calls.ShouldBeEmpty();
    }

    [Theory]
    [MemberData(nameof(All))]
    public async Task Every_query_parameter_that_is_misspelt_doubled_or_of_another_type_is_refused_by_name(string name)
    {
        var route = Routes[name];
        await using var host = await GrpcHost.StartAsync();
        foreach (var field in route.Method.InputType.Fields.InFieldNumberOrder())
        {
            var right = RightParameter(field);
            if (route.Rule.Body == "*" || route.Rule.Body == field.Name || route.Bound.Contains(field.Name))
            {
                foreach (var given in new[] { field.Name, field.JsonName, $"{field.JsonName}.amount" })
                {
                    await ShouldBeRefusedAsync(
                        await SendAsync(host, route, $"?{given}={right}"),
                        new JsonWrong("", "UNKNOWN_FIELD", given, "There is no query parameter"));
                }

                continue;
            }

            foreach (var given
                in new[] { field.JsonName[..^1], field.JsonName + "s", field.JsonName.ToUpperInvariant(), "" })
            {
                await ShouldBeRefusedAsync(
                    await SendAsync(host, route, $"?{given}={right}"),
                    new JsonWrong(
                        "", "UNKNOWN_FIELD", given.Length == 0 ? "\"\"" : given, "There is no query parameter"));
            }

            foreach (var second in new[] { field.Name, field.JsonName })
            {
                await ShouldBeRefusedAsync(
                    await SendAsync(host, route, $"?{field.JsonName}={right}&{second}={right}"),
                    new JsonWrong("", "DUPLICATE_FIELD", field.Name, "twice"));
            }

            foreach (var wrong in WrongParameters(field))
            {
                await ShouldBeRefusedAsync(
                    await SendAsync(host, route, $"?{field.JsonName}={wrong}"),
                    new JsonWrong("", "MALFORMED_REQUEST", field.Name, $"The parameter {field.Name} is \""));
            }
        }

        host.Ledger.Calls.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_misspelt_limit_opens_no_account_and_takes_no_limit_away()
    {
        await using var host = await GrpcHost.StartAsync();
        await ShouldBeRefusedAsync(
            await PostAsync(host, "/v1/accounts", """
                {"accounts":[{"address":"a","asset":"USD/2","code":1},
                  {"address":"b","asset":"USD/2","code":1,"debitsMustNotExceedCredit":{}}]}
                """),
            new JsonWrong(
                "", "UNKNOWN_FIELD", "accounts[1].debitsMustNotExceedCredit", "Is debitsMustNotExceedCredits meant?"));
        await ShouldBeRefusedAsync(
            await PostAsync(host, "/v1/accounts/b:setLimits", """{"debitsMustNotExceedCredit":{"allowance":"0"}}"""),
            new JsonWrong("", "UNKNOWN_FIELD", "debitsMustNotExceedCredit", "Is debitsMustNotExceedCredits meant?"));
        await ShouldBeRefusedAsync(
            await PostAsync(host, "/v1/accounts/b:setLimits", """{"debitsMustNotExceedCredits":null}"""),
            new JsonWrong("", "MALFORMED_REQUEST", "debits_must_not_exceed_credits", "is null; wanted: an object"));
        host.Ledger.Calls.ShouldBeEmpty();
    }

    public static TheoryData<string?, string, string> ContentTypes => new()
    {
        { null, "Content-Type", "is missing" },
        { "", "Content-Type", "is " },
        { "text/plain", "Content-Type", "\"text/plain\"" },
        { "text/json", "Content-Type", "\"text/json\"" },
        { "application/jsonx", "Content-Type", "application/json" },
        { "application/x-www-form-urlencoded", "Content-Type", "application/json" },
        { "application/ld+json", "Content-Type", "application/json" },
        { "application/json, application/json", "Content-Type", "application/json" },
        { "application/json; charset=utf-16", "Content-Type", "charset=utf-16" },
        { "application/json; charset=iso-8859-1", "Content-Type", "utf-8" },
        { "application/json; charset=nonsense", "Content-Type", "nonsense" },
        { "application/json; charset=utf-8; charset=utf-7", "Content-Type", "utf-7" },
        { "application/json; charset", "Content-Type", "utf-8" },
    };

    [Theory]
    [MemberData(nameof(ContentTypes))]
    public async Task A_body_of_another_type_or_charset_is_refused(string? type, string field, string says)
    {
        await using var host = await GrpcHost.StartAsync();
        await ShouldBeRefusedAsync(
            await PostAsync(host, "/v1/transfers", Encoding.UTF8.GetBytes(Body), type),
            new JsonWrong("", "MALFORMED_REQUEST", field, says));
        host.Ledger.Calls.ShouldBeEmpty();
    }

    [Theory]
    [InlineData("application/json")]
    [InlineData("Application/JSON; Charset=UTF-8")]
    [InlineData("application/json; charset=\"utf-8\"")]
    [InlineData("application/json; profile=x; charset=utf-8")]
    public async Task A_body_in_UTF8_is_taken(string type)
    {
        await using var host = await GrpcHost.StartAsync();
        var body = Encoding.UTF8.GetBytes(
            Body.Replace("\"code\"", "\"reference\":\"€ \\u20ac \\ud83d\\ude00\",\"code\"", StringComparison.Ordinal));
        (await PostAsync(host, "/v1/transfers", body, type)).StatusCode.ShouldBe(HttpStatusCode.OK);
        ((Transfer)host.Ledger.Calls.ShouldHaveSingleItem().Argument).Reference.ShouldBe("€ € 😀");
    }

    [Fact]
    public async Task A_compressed_body_is_refused()
    {
        await using var host = await GrpcHost.StartAsync();
        using var content = new StringContent(Body, Encoding.UTF8, "application/json");
        content.Headers.ContentEncoding.Add("gzip");
        await ShouldBeRefusedAsync(
            await host.Http.PostAsync("/v1/transfers", content),
            new JsonWrong("", "MALFORMED_REQUEST", "Content-Encoding", "gzip"));
        host.Ledger.Calls.ShouldBeEmpty();
    }

    public static TheoryData<byte[], string> Broken => new()
    {
        { [], "The body is empty" },
        { "  "u8.ToArray(), "not JSON at line 1" },
        { [0xEF, 0xBB, 0xBF, .. Utf8(Body)], "byte order mark" },
        { Encoding.Unicode.GetPreamble().Concat(Encoding.Unicode.GetBytes(Body)).ToArray(), "UTF-16" },
        { Encoding.Unicode.GetBytes(Body), "not JSON at line 1" },
        { Utf8(Body + "x"), "not JSON at line 1" },
        { Utf8(Body + Body), "not JSON at line 1" },
        { Utf8(Body + "\n\n}"), "not JSON at line 3, byte 1" },
        { Utf8(Body[..^1]), "not JSON at line 1" },
        { Utf8(Body[..^2]), "not JSON at line 1" },
        { Utf8(Body[..^1] + ",}"), "not JSON at line 1" },
        { Utf8("// hello\n" + Body), "not JSON at line 1" },
        { Utf8($"[{Body}]"), "transfer is a list; wanted: an object" },
        { Utf8("null"), "transfer is null" },
        { Utf8("5"), "transfer is 5" },
        { Utf8("\"x\""), "transfer is \"x\"" },
        { Utf8(Body.Replace("\"5\"", "05", StringComparison.Ordinal)), "transfer.amount: this is not JSON" },
        { Utf8(Body.Replace("\"5\"", "NaN", StringComparison.Ordinal)), "transfer.amount: this is not JSON" },
        { Utf8(Body.Replace("\"5\"", "'5'", StringComparison.Ordinal)), "transfer.amount: this is not JSON" },
        { Utf8(Body.Replace("\"5\"", "+5", StringComparison.Ordinal)), "transfer.amount: this is not JSON" },
        { Utf8(Body.Replace("\"5\"", "", StringComparison.Ordinal)), "transfer.amount: this is not JSON" },
        { Utf8(Body.Replace("\"5\"", new string('[', 100_000), StringComparison.Ordinal)),
            "transfer.amount is a list" },
        { Utf8(string.Concat(Enumerable.Repeat("{\"x\":", 100_000))), "There is no field transfer.x" },
        { [.. Utf8(Body[..^1]), .. ",\"reference\":\""u8, 0xC3, 0x28, .. "\"}"u8], "transfer.reference is" },
        { [.. Utf8(Body[..^1]), .. ",\"reference\":\""u8, 0xC0, 0x80, .. "\"}"u8], "transfer.reference is" },
        { [.. Utf8(Body[..^1]), .. ",\"metadata\":{\""u8, 0xFF, .. "\":\"1\"}}"u8], "transfer.metadata is" },
        { [.. Utf8(Body[..^1]), .. ",\"refer"u8, 0xFF, .. "\":\"1\"}"u8], "There is no field transfer.refer" },
        { Utf8(Body[..^1] + ",\"" + new string('x', 5_000) + "\":1}"), "There is no field transfer.xxxx" },
        { Utf8(Body[..^1] + ",\"\\ud800\":1}"), "There is no field transfer.\\ud800" },
    };

    [Theory]
    [MemberData(nameof(Broken))]
    public async Task A_body_that_is_not_one_object_in_JSON_is_refused_with_its_place(byte[] body, string says)
    {
        await using var host = await GrpcHost.StartAsync();
        var answer = await ReadAsync(await PostAsync(host, "/v1/transfers", body, "application/json"));
        answer.Http.ShouldBe(400, answer.Text);
        answer.Message.ShouldContain(says);
        answer.Message.Length.ShouldBeLessThan(700);
        answer.Reason.ShouldBe(
            says.StartsWith("There is no field", StringComparison.Ordinal) ? "UNKNOWN_FIELD" : "MALFORMED_REQUEST");
        host.Ledger.Calls.ShouldBeEmpty();
    }

    [Theory]
    [InlineData("/v1/accounts")]
    [InlineData("/v1/accounts/shop")]
    [InlineData("/v1/accounts/shop/statement")]
    public async Task A_read_takes_no_body(string path)
    {
        await using var host = await GrpcHost.StartAsync();
        using var request = new HttpRequestMessage(HttpMethod.Get, path)
        {
            Content = new StringContent("""{"startTime":"2999-01-01T00:00:00Z"}""", Encoding.UTF8, "application/json"),
        };
        var answer = await ReadAsync(await host.Http.SendAsync(request));
        (answer.Http, answer.Reason).ShouldBe((400, "MALFORMED_REQUEST"));
        answer.Message.ShouldContain("takes no body");
        host.Ledger.Calls.ShouldBeEmpty();
    }

    [Theory]
    [InlineData("0")]
    [InlineData("5")]
    [InlineData("9007199254740991")]
    public async Task An_amount_may_be_an_integer_of_JSON(string amount)
    {
        await using var host = await GrpcHost.StartAsync();
        var transfer = Body.Replace("\"5\"", amount, StringComparison.Ordinal);
        foreach (var (path, body) in new[]
        {
            ("/v1/transfers", transfer),
            ("/v1/transfers:batch", $$"""{"transfers":[{{transfer}},{{transfer}}]}"""),
            ("/v1/transactions", $$"""{"id":"{{Samples.OtherId}}","legs":[{"transfer":{{transfer}}}]}"""),
            ("/v1/accounts/a:setLimits", $$"""{"debitsMustNotExceedCredits":{"allowance":{{amount}} } }"""),
            ("/v1/accounts",
                $$"""{"accounts":[{"address":"a","asset":"USD/2","code":1,"creditsMustNotExceedDebits":{"allowance":{{amount}} } } ] }"""),
            ($"/v1/transactions/{Samples.Id}:reverse",
                $$"""{"id":"{{Samples.OtherId}}","reason":"r","amount":{{amount}}}"""),
        })
        {
            var response = await PostAsync(host, path, body);
            response.StatusCode.ShouldBe(HttpStatusCode.OK, await response.Content.ReadAsStringAsync());
        }

        var wanted = new Amount(UInt128.Parse(amount, System.Globalization.CultureInfo.InvariantCulture));
        var calls = host.Ledger.Calls.Select(static call => call.Argument).ToArray();
        ((Transfer)calls[0]).Amount.ShouldBe(wanted);
        ((IReadOnlyList<Transfer>)calls[1]).Select(static one => one.Amount).ShouldBe([wanted, wanted]);
        ((Transaction)calls[2]).Legs[0].Transfer!.Amount.ShouldBe(wanted);
        ((Reversal)calls[5]).Amount.ShouldBe(wanted);
    }

    [Fact]
    public async Task A_negative_integer_is_refused_as_a_negative_amount()
    {
        await using var host = await GrpcHost.StartAsync();
        var answer = await ReadAsync(
            await PostAsync(host, "/v1/transfers", Body.Replace("\"5\"", "-5", StringComparison.Ordinal)));
        (answer.Http, answer.Reason, answer.Field).ShouldBe((400, "AMOUNT_NEGATIVE", "transfer.amount"));
    }

    [Fact]
    public async Task Both_spellings_of_a_name_escapes_and_numbers_in_quotes_are_read_as_they_are_meant()
    {
        await using var host = await GrpcHost.StartAsync();
        var response = await PostAsync(host, "/v1/transfers?returnBalances=true", $$"""

             { "id" : "{{Samples.Id}}", "debit_account":"a", "creditAccount":"b", "\u0061mount": 12, "code":"7",
               "metadata":{"a":"1","A":"2"}, "kind":1, "timeout":"3.5s", "keep_rest":false,
               "effectiveTime":"2026-11-30T12:00:00+01:00" }

            """);
        response.StatusCode.ShouldBe(HttpStatusCode.OK, await response.Content.ReadAsStringAsync());
        var transfer = (Transfer)host.Ledger.Calls.Last().Argument;
        (transfer.DebitAccount.Text, transfer.CreditAccount.Text, transfer.Amount, transfer.Code)
            .ShouldBe(("a", "b", Amount.Of(12), 7u));
        transfer.Kind.ShouldBe(TransferKind.Hold);
        transfer.Timeout.ShouldBe(TimeSpan.FromSeconds(3.5));
        transfer.Metadata.Pairs.Select(static pair => $"{pair.Key}{pair.Value}")
            .ShouldBe(["A2", "a1"], ignoreOrder: true);
        transfer.EffectiveTime.ShouldBe(LedgerTime.From(new DateTimeOffset(2026, 11, 30, 11, 0, 0, TimeSpan.Zero)));
    }

    [Fact]
    public async Task A_body_that_is_larger_than_it_may_be_is_refused_whether_or_not_it_says_its_length()
    {
        await using var host = await GrpcHost.StartAsync(static o => o.MaxReceiveMessageBytes = 64 * 1024);
        var room = (128 * 1024) - Encoding.UTF8.GetByteCount(Body);
        foreach (var (extra, http) in new[] { (room, 200), (room + 1, 413) })
        {
            foreach (var isChunked in new[] { false, true })
            {
                using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/transfers")
                {
                    Content = new StringContent(Body + new string(' ', extra), Encoding.UTF8, "application/json"),
                };
                request.Headers.TransferEncodingChunked = isChunked;
                ((int)(await host.Http.SendAsync(request)).StatusCode).ShouldBe(http, $"{extra}, {isChunked}");
            }
        }
    }

    private static async Task ShouldBeRefusedAsync(HttpResponseMessage response, JsonWrong wrong)
    {
        var answer = await ReadAsync(response);
        (answer.Http, answer.Reason, answer.Field)
            .ShouldBe((400, wrong.Reason, wrong.Field), $"{wrong.Body}\n{answer.Text}");
        answer.Message.ShouldContain(wrong.Says, Case.Sensitive, wrong.Body);
        answer.Outcome.ShouldBe("not_applied", answer.Text);
    }

    private static async Task<Answer> ReadAsync(HttpResponseMessage response)
    {
        var text = await response.Content.ReadAsStringAsync();
        if (response.IsSuccessStatusCode)
        {
            return new Answer(200, "", "", "", null, text);
        }

        using var json = JsonDocument.Parse(text);
        var details = json.RootElement.GetProperty("details").EnumerateArray().ToArray();
        var info = details.Single(
            static d => d.GetProperty("@type").GetString()!.EndsWith("ErrorInfo", StringComparison.Ordinal));
        var bad = details.SingleOrDefault(
            static d => d.GetProperty("@type").GetString()!.EndsWith("BadRequest", StringComparison.Ordinal));
        return new Answer(
            (int)response.StatusCode, info.GetProperty("reason").GetString()!,
            info.GetProperty("metadata").GetProperty("outcome").GetString()!,
            json.RootElement.GetProperty("message").GetString()!,
            bad.ValueKind == JsonValueKind.Undefined
            ? null
            : bad.GetProperty("fieldViolations")[0].GetProperty("field").GetString(),
            text);
    }

    private static Task<HttpResponseMessage> PostAsync(GrpcHost host, string path, string body) =>
        PostAsync(host, path, Utf8(body), "application/json");

    private static Task<HttpResponseMessage> PostAsync(GrpcHost host, string path, byte[] body, string? type)
    {
        var content = new ByteArrayContent(body);
        if (type is not null)
        {
            content.Headers.TryAddWithoutValidation("Content-Type", type);
        }

        return host.Http.PostAsync(path, content);
    }

    private static Task<HttpResponseMessage> SendAsync(GrpcHost host, Route route, string query) =>
        route.Rule.Body.Length == 0
        ? host.Http.GetAsync(route.Path + query)
        : PostAsync(host, route.Path + query, "{}");

    private static byte[] Utf8(string text) => Encoding.UTF8.GetBytes(text);

    private static string RightParameter(FieldDescriptor field) => field.FieldType switch
    {
        FieldType.Bool => "true",
        FieldType.Message => "2026-11-30T12:00:00Z",
        _ => "1",
    };

    private static string[] WrongParameters(FieldDescriptor field) => field.FieldType switch
    {
        FieldType.String => [],
        FieldType.Bool => ["", "1", "yes", "True", "%20true"],
        FieldType.Int32 => ["", "many", "1.5", "1e3", "%201", "2147483648", "0x10", "null"],
        FieldType.UInt64 => ["", "-1", "many", "1.5", "18446744073709551616", "1_000"],
        FieldType.Message => ["", "2026-11-30", "2026-11-30T12:00:00", "2026-11-30T12:00:00+01:00", "now", "%22", "1"],
        _ => throw new NotSupportedException($"{field.FullName}: say what is wrong for {field.FieldType}."),
    };

    private static IEnumerable<Route> AllRoutes()
    {
        ServiceDescriptor[] services =
            [AccountService.Descriptor, TransferService.Descriptor, TransactionService.Descriptor,
                AdminService.Descriptor];
        foreach (var method in services.SelectMany(static service => service.Methods))
        {
            var rule = method.GetOptions()?.GetExtension(AnnotationsExtensions.Http);
            if (rule is null)
            {
                // The one that is a stream has no form in JSON.
                method.IsClientStreaming.ShouldBeTrue(method.FullName);
                continue;
            }

            foreach (var one in rule.AdditionalBindings.Prepend(rule))
            {
                yield return new Route(method, one);
            }
        }
    }

    [GeneratedRegex(@"\{(?<name>[a-z_]+)\}", RegexOptions.ExplicitCapture)]
    private static partial Regex Variable();

    private sealed record Answer(int Http, string Reason, string Outcome, string Message, string? Field, string Text);

    private sealed record Route(MethodDescriptor Method, HttpRule Rule)
    {
        private string Pattern => Rule.Get.Length > 0 ? Rule.Get : Rule.Post;

        public HashSet<string> Bound =>
            [.. Variable().Matches(Pattern).Select(static match => match.Groups["name"].Value)];

        public string Path =>
            Variable().Replace(
                Pattern, static match => match.Groups["name"].Value is "address" or "account" ? "shop" : Samples.Id);

        public override string ToString() => $"{Method.Name} {Pattern}";
    }
}
