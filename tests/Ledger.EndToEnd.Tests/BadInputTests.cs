using System.Net;
using System.Net.Http.Headers;
using Google.Protobuf;
using Google.Rpc;
using Grpc.Core;
using Ledger.EndToEnd.Tests.Support;
using Ledger.V1;

namespace Ledger.EndToEnd.Tests;

/// <summary>Goal: bad input is refused by the name of what is wrong, and changes nothing. Method: the raw contract
/// against a real node; every case by all three ways in (one, batch, stream), and the accounts looked at before and
/// after: not even their version may change, unless the rejection is one that the ledger keeps for ever.</summary>
[Collection(SharedNodeCollection.Name)]
public sealed class BadInputTests : IAsyncLifetime
{
    private const string Nil = "00000000-0000-0000-0000-000000000000";
    private readonly SharedNode shared;
    private readonly string debit = $"{SharedNode.NewName()}:debit";
    private readonly string credit = $"{SharedNode.NewName()}:credit";
    private readonly string euros = $"{SharedNode.NewName()}:euros";

    public BadInputTests(SharedNode shared) => this.shared = shared;

    public async Task InitializeAsync()
    {
        var opened = await shared.Accounts.OpenAccountsAsync(new OpenAccountsRequest
        {
            Accounts =
            {
                new AccountSpec { Address = debit, Asset = "USD/2", Code = 1 },
                new AccountSpec { Address = credit, Asset = "USD/2", Code = 1 },
                new AccountSpec { Address = euros, Asset = "EUR/2", Code = 1 },
            },
        });
        opened.Results.ShouldAllBe(result => result.Status == AccountStatus.Created);
    }

    public Task DisposeAsync() => Task.CompletedTask;

    public static TheoryData<string, string, string> Malformed => new()
    {
        { "debit address with a blank", "MALFORMED_ADDRESS", "debit_account" },
        { "debit address with an empty segment", "MALFORMED_ADDRESS", "debit_account" },
        { "credit address of 129 characters", "MALFORMED_ADDRESS", "credit_account" },
        { "asset in small letters", "MALFORMED_ASSET", "asset" },
        { "asset without places", "MALFORMED_ASSET", "asset" },
        { "asset with too many places", "MALFORMED_ASSET", "asset" },
        { "negative amount", "AMOUNT_NEGATIVE", "amount" },
        { "amount of 2^128", "AMOUNT_TOO_LARGE", "amount" },
        { "amount that is no number", "AMOUNT_NOT_A_NUMBER", "amount" },
        { "amount with a point", "AMOUNT_NOT_A_NUMBER", "amount" },
        { "amount with a leading zero", "AMOUNT_NOT_A_NUMBER", "amount" },
        { "amount in Arabic digits", "AMOUNT_NOT_A_NUMBER", "amount" },
        { "empty amount", "AMOUNT_NOT_A_NUMBER", "amount" },
        { "id that is no UUID", "MALFORMED_ID", "id" },
        { "reference of 129 characters", "REFERENCE_TOO_LONG", "reference" },
        { "17 metadata entries", "METADATA_TOO_LARGE", "metadata" },
        { "metadata with an empty key", "METADATA_TOO_LARGE", "metadata" },
        { "metadata key of 65 characters", "METADATA_TOO_LARGE", "metadata" },
        { "metadata value of 257 characters", "METADATA_TOO_LARGE", "metadata" },
        { "metadata of 4,097 bytes in three-byte characters", "METADATA_TOO_LARGE", "metadata" },
    };

    [Theory]
    [MemberData(nameof(Malformed))]
    public async Task A_malformed_transfer_is_refused_by_name_and_changes_nothing(
        string what, string reason, string field)
    {
        var before = await LookAsync();
        var good = NewTransfer();
        var bad = Spoil(what);

        var one = await ShouldFailAsync(
            async () => await shared.Transfers.PostTransferAsync(new PostTransferRequest { Transfer = bad }));
        ShouldSay(one, reason, $"transfer.{field}");

        // A good transfer beside it shares its fate: the whole batch is refused.
        var batch = await ShouldFailAsync(async () => await shared.Transfers.PostTransfersAsync(
            new PostTransfersRequest { Transfers = { good, bad } }));
        ShouldSay(batch, reason, $"transfers[1].{field}");

        var stream = await StreamAsync(bad);
        stream.OutcomeCase.ShouldBe(StreamTransfersResponse.OutcomeOneofCase.Error);
        ShouldSay(stream.Error, reason, $"transfer.{field}");
        (await LookAsync()).ShouldBe(before);
    }

    public static TheoryData<string, TransferStatus> Unrecorded => new()
    {
        { "nil id", TransferStatus.IdMustNotBeZero },
        { "id missing", TransferStatus.IdMustNotBeZero },
        { "id of all ones", TransferStatus.IdMustNotBeIntMax },
        { "same account twice", TransferStatus.AccountsMustBeDifferent },
        { "code 0", TransferStatus.CodeMustNotBeZero },
        { "debit account missing", TransferStatus.DebitAccountIdMustNotBeZero },
        { "credit account missing", TransferStatus.CreditAccountIdMustNotBeZero },
    };

    [Theory]
    [MemberData(nameof(Unrecorded))]
    public async Task A_transfer_that_can_not_be_is_rejected_by_name_and_changes_nothing(
        string what, TransferStatus status)
    {
        var before = await LookAsync();
        foreach (var result in await AllWaysAsync(() => Spoil(what)))
        {
            result.Status.ShouldBe(status);
            result.CreateTime.ShouldBeNull();
        }

        (await LookAsync()).ShouldBe(before);
    }

    public static TheoryData<string, TransferStatus> Recorded => new()
    {
        { "unknown debit account", TransferStatus.DebitAccountNotFound },
        { "unknown credit account", TransferStatus.CreditAccountNotFound },
        { "accounts of two assets", TransferStatus.AccountsMustHaveTheSameLedger },
        { "asset that the accounts do not hold", TransferStatus.TransferMustHaveTheSameLedgerAsAccounts },
    };

    [Theory]
    [MemberData(nameof(Recorded))]
    public async Task A_rejection_that_is_kept_moves_nothing_and_is_given_again(string what, TransferStatus status)
    {
        var before = await LookAsync();
        foreach (var result in await AllWaysAsync(() => Spoil(what)))
        {
            result.Status.ShouldBe(status);
        }

        var transfer = Spoil(what);
        var first = await PostAsync(transfer);
        var second = await PostAsync(transfer);
        (first.Status, first.Replayed, second.Status, second.Replayed).ShouldBe((status, false, status, true));

        // Used up: the same id with content that would do. What is wrong with the request itself may be fixed under its
        // id.
        var isMendable = status is TransferStatus.AccountsMustHaveTheSameLedger
            or TransferStatus.TransferMustHaveTheSameLedgerAsAccounts;
        var other = NewTransfer();
        other.Id = transfer.Id;
        other.DebitAccount = transfer.DebitAccount == debit ? debit : transfer.DebitAccount;
        other.Amount = "0";
        (await PostAsync(other)).Status.ShouldBe(isMendable ? TransferStatus.Created : TransferStatus.IdAlreadyFailed);
        if (isMendable)
        {
            return;
        }

        // A rejection is journaled, so versions rise; but not an entry, and no money.
        (await LookAsync()).Select(seen => seen with { Version = 0 })
            .ShouldBe(before.Select(seen => seen with { Version = 0 }));
    }

    public static TheoryData<string, TransferStatus> Reused => new()
    {
        { "credit account", TransferStatus.ExistsWithDifferentCreditAccountId },
        { "amount", TransferStatus.ExistsWithDifferentAmount },
        { "code", TransferStatus.ExistsWithDifferentCode },
        { "asset", TransferStatus.ExistsWithDifferentLedger },
        { "reference", TransferStatus.ExistsWithDifferentReference },
        { "metadata", TransferStatus.ExistsWithDifferentMetadata },
        { "debit account", TransferStatus.ExistsWithDifferentDebitAccountId },
    };

    [Theory]
    [MemberData(nameof(Reused))]
    public async Task An_id_used_again_with_other_content_is_refused_by_the_field_and_changes_nothing(
        string field, TransferStatus status)
    {
        var third = $"{SharedNode.NewName()}:third";
        await shared.Accounts.OpenAccountsAsync(new OpenAccountsRequest
        {
            Accounts = { new AccountSpec { Address = third, Asset = "USD/2", Code = 1 } },
        });
        var transfer = NewTransfer();
        transfer.Asset = "USD/2";
        (await PostAsync(transfer)).Status.ShouldBe(TransferStatus.Created);
        var before = await LookAsync();
        var other = transfer.Clone();
        switch (field)
        {
            case "debit account":
                other.DebitAccount = third;
                break;
            case "credit account":
                other.CreditAccount = third;
                break;
            case "amount":
                other.Amount = "6";
                break;
            case "code":
                other.Code = 2;
                break;
            case "asset":
                other.Asset = "";
                break;
            case "reference":
                other.Reference = "another";
                break;
            default:
                other.Metadata["key"] = "value";
                break;
        }

        foreach (var result in await AllWaysAsync(() => other))
        {
            result.Status.ShouldBe(status);
        }

        (await PostAsync(transfer)).Status.ShouldBe(TransferStatus.Exists);
        var after = await LookAsync();
        if (field == "debit account")
        {
            // Another coordinator has never heard of the id; the credit account, which has, refuses, and that is
            // journaled.
            after = [.. after.Select(seen => seen with { Version = 0 })];
            before = [.. before.Select(seen => seen with { Version = 0 })];
            (await shared.Accounts.GetAccountAsync(new GetAccountRequest { Address = third })).Account.EntryCount
                .ShouldBe(0UL);
        }

        after.ShouldBe(before);
    }

    [Fact]
    public async Task An_amount_of_0_is_a_transfer()
    {
        var transfer = NewTransfer();
        transfer.Amount = "0";

        (await PostAsync(transfer)).Status.ShouldBe(TransferStatus.Created);

        (await LookAsync()).Select(seen => seen.EntryCount).ShouldBe([1UL, 1UL, 0UL]);
    }

    [Fact]
    public async Task A_batch_of_none_or_too_many_is_refused_and_changes_nothing()
    {
        var before = await LookAsync();
        var none = await ShouldFailAsync(
            async () => await shared.Transfers.PostTransfersAsync(new PostTransfersRequest()));
        ShouldSay(none, "EMPTY_BATCH", "transfers");
        var many = new PostTransfersRequest();
        many.Transfers.AddRange(Enumerable.Range(0, 8191).Select(_ => NewTransfer()));
        var tooMany = await ShouldFailAsync(async () => await shared.Transfers.PostTransfersAsync(many));
        ShouldSay(tooMany, "BATCH_TOO_LARGE", "transfers").Metadata["limit"].ShouldBe("8190");

        // 8,190 of the longest, past the largest message.
        var large = new PostTransfersRequest();
        large.Transfers.AddRange(Enumerable.Range(0, 8190).Select(_ =>
        {
            var transfer = NewTransfer();
            for (var i = 0; i < 16; i++)
            {
                transfer.Metadata[$"key{i}"] = new string('x', 256);
            }

            return transfer;
        }));
        var tooLarge = await ShouldFailAsync(async () => await shared.Transfers.PostTransfersAsync(large));
        ShouldSay(tooLarge, "REQUEST_TOO_LARGE", null);

        ShouldSay(
            await ShouldFailAsync(async () => await shared.Accounts.OpenAccountsAsync(new OpenAccountsRequest())),
            "EMPTY_BATCH", "accounts");
        ShouldSay(
            await ShouldFailAsync(async () => await shared.Transfers.PostTransferAsync(new PostTransferRequest())),
            "TRANSFER_MISSING", "transfer");
        (await LookAsync()).ShouldBe(before);
    }

    [Fact]
    public async Task A_full_batch_is_taken()
    {
        var full = new PostTransfersRequest();
        full.Transfers.AddRange(Enumerable.Range(0, 8190).Select(_ => NewTransfer()));

        var response = await shared.Transfers.PostTransfersAsync(full, deadline: DateTime.UtcNow.AddSeconds(60));

        response.Results.Count.ShouldBe(8190);
        response.Results.ShouldAllBe(result => result.Status == TransferStatus.Created);
        response.Results.Select(result => result.Id).ShouldBe(full.Transfers.Select(transfer => transfer.Id));
        (await LookAsync()).Select(seen => seen.EntryCount).ShouldBe([8190UL, 8190UL, 0UL]);
    }

    [Fact]
    public async Task A_bad_page_is_refused_by_name()
    {
        (await PostAsync(NewTransfer())).Status.ShouldBe(TransferStatus.Created);
        (await PostAsync(NewTransfer())).Status.ShouldBe(TransferStatus.Created);
        var request = new ListStatementRequest { Address = debit, PageSize = 1 };
        var token = (await shared.Accounts.ListStatementAsync(request)).NextPageToken;
        token.ShouldNotBeEmpty();
        await StatementFailsAsync("INVALID_PAGE_TOKEN", r => r.PageToken = "rubbish");
        await StatementFailsAsync("INVALID_PAGE_TOKEN", r => (r.PageToken, r.Address) = (token, credit));
        await StatementFailsAsync("INVALID_PAGE_TOKEN", r => (r.PageToken, r.NewestFirst) = (token, true));
        await StatementFailsAsync("INVALID_PAGE_TOKEN", r => r.PageToken = token[..^1]);
        await StatementFailsAsync("INVALID_PAGE_SIZE", r => r.PageSize = -1);
        await StatementFailsAsync("INVALID_PAGE_SIZE", r => r.PageSize = 1001);
        await StatementFailsAsync("INVALID_RANGE", r => (r.MinSequence, r.MaxSequence) = (2, 1));

        async Task StatementFailsAsync(string reason, Action<ListStatementRequest> change)
        {
            var bad = request.Clone();
            change(bad);
            var failure = await ShouldFailAsync(async () => await shared.Accounts.ListStatementAsync(bad));
            failure.GetDetail<ErrorInfo>().Reason.ShouldBe(reason);
        }
    }

    public static TheoryData<string, AccountStatus?, string> BadAccounts => new()
    {
        { "address missing", AccountStatus.IdMustNotBeZero, "" },
        { "address malformed", null, "MALFORMED_ADDRESS" },
        { "asset missing", AccountStatus.LedgerMustNotBeZero, "" },
        { "asset malformed", null, "MALFORMED_ASSET" },
        { "code 0", AccountStatus.CodeMustNotBeZero, "" },
        { "both limits", AccountStatus.FlagsAreMutuallyExclusive, "" },
        { "allowance negative", null, "AMOUNT_NEGATIVE" },
    };

    [Theory]
    [MemberData(nameof(BadAccounts))]
    public async Task A_bad_account_is_not_opened(string what, AccountStatus? status, string reason)
    {
        var spec = new AccountSpec { Address = $"{SharedNode.NewName()}:new", Asset = "USD/2", Code = 1 };
        var address = spec.Address;
        switch (what)
        {
            case "address missing":
                spec.Address = "";
                break;
            case "address malformed":
                spec.Address += ":";
                break;
            case "asset missing":
                spec.Asset = "";
                break;
            case "asset malformed":
                spec.Asset = "USD/39";
                break;
            case "code 0":
                spec.Code = 0;
                break;
            case "both limits":
                spec.DebitsMustNotExceedCredits = spec.CreditsMustNotExceedDebits = new Limit();
                break;
            default:
                spec.DebitsMustNotExceedCredits = new Limit { Allowance = "-1" };
                break;
        }

        var request = new OpenAccountsRequest { Accounts = { spec } };
        if (status is { } expected)
        {
            (await shared.Accounts.OpenAccountsAsync(request)).Results.Single().Status.ShouldBe(expected);
        }
        else
        {
            var failure = await ShouldFailAsync(async () => await shared.Accounts.OpenAccountsAsync(request));
            failure.GetDetail<ErrorInfo>().Reason.ShouldBe(reason);
        }

        var missing = await ShouldFailAsync(
            async () => await shared.Accounts.GetAccountAsync(new GetAccountRequest { Address = address }));
        missing.GetDetail<ErrorInfo>().Reason.ShouldBe("ACCOUNT_NOT_FOUND");
    }

    [Theory]
    [InlineData("0n")]
    [InlineData("1n")]
    public async Task An_expired_deadline_is_refused_and_changes_nothing(string timeout)
    {
        var before = await LookAsync();

        // By hand: a gRPC library would not send a call whose deadline has passed.
        var message = new PostTransferRequest { Transfer = NewTransfer() }.ToByteArray();
        using var http = new HttpClient();
        using var request = new HttpRequestMessage(
            HttpMethod.Post, new Uri(shared.Node.Grpc, "/ledger.v1.TransferService/PostTransfer"))
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = new ByteArrayContent([0, 0, 0, (byte)(message.Length >> 8), (byte)message.Length, .. message]),
        };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/grpc");
        request.Headers.TE.Add(new TransferCodingWithQualityHeaderValue("trailers"));
        request.Headers.Add("grpc-timeout", timeout);
        try
        {
            using var response = await http.SendAsync(request);
            await response.Content.ReadAsByteArrayAsync();
            var headers = response.TrailingHeaders.Concat(response.Headers)
                .ToLookup(header => header.Key, header => header.Value.First());
            headers["grpc-status"].Single().ShouldBe("4");
            var details = headers["grpc-status-details-bin"].Single();
            var status = Google.Rpc.Status.Parser.ParseFrom(
                Convert.FromBase64String(details.PadRight((details.Length + 3) / 4 * 4, '=')));
            status.GetDetail<ErrorInfo>().Reason.ShouldBe("DEADLINE_EXPIRED");
        }
        catch (HttpRequestException reset) when (reset.InnerException is HttpProtocolException)
        {
            // A server may as well reset the stream of a call that is over.
        }

        (await LookAsync()).ShouldBe(before);
    }

    [Fact]
    public async Task An_expired_deadline_of_a_json_call_is_refused_and_changes_nothing()
    {
        var before = await LookAsync();
        using var http = new HttpClient();
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(shared.Node.Json, "/v1/transfers"))
        {
            Content = new StringContent(
                JsonFormatter.Default.Format(NewTransfer()), System.Text.Encoding.UTF8, "application/json"),
        };
        request.Headers.Add("grpc-timeout", "0n");

        using var response = await http.SendAsync(request);

        response.StatusCode.ShouldBe(HttpStatusCode.GatewayTimeout);
        (await response.Content.ReadAsStringAsync()).ShouldContain("DEADLINE_EXPIRED");
        (await LookAsync()).ShouldBe(before);
    }

    private async Task<TransferResult> PostAsync(Transfer transfer) =>
        (await shared.Transfers.PostTransferAsync(new PostTransferRequest { Transfer = transfer })).Result;

    private async Task<TransferResult[]> AllWaysAsync(Func<Transfer> make)
    {
        var one = await PostAsync(make());
        var batch = await shared.Transfers.PostTransfersAsync(new PostTransfersRequest { Transfers = { make() } });
        var stream = await StreamAsync(make());
        stream.OutcomeCase.ShouldBe(StreamTransfersResponse.OutcomeOneofCase.Result, stream.Error?.ToString());
        return [one, batch.Results.Single(), stream.Result];
    }

    private async Task<StreamTransfersResponse> StreamAsync(Transfer transfer)
    {
        using var call = shared.Transfers.StreamTransfers();
        await call.RequestStream.WriteAsync(new StreamTransfersRequest { Sequence = 77, Transfer = transfer });
        await call.RequestStream.CompleteAsync();
        (await call.ResponseStream.MoveNext(CancellationToken.None)).ShouldBeTrue();
        var answer = call.ResponseStream.Current;
        answer.Sequence.ShouldBe(77UL);
        (await call.ResponseStream.MoveNext(CancellationToken.None)).ShouldBeFalse();
        return answer;
    }

    private static async Task<Google.Rpc.Status> ShouldFailAsync(Func<Task> call)
    {
        var failure = await Should.ThrowAsync<RpcException>(call);
        var status = failure.GetRpcStatus();
        status.ShouldNotBeNull(failure.ToString());
        ((int)failure.StatusCode).ShouldBe(status.Code);
        return status;
    }

    private static ErrorInfo ShouldSay(Google.Rpc.Status status, string reason, string? field)
    {
        ((StatusCode)status.Code).ShouldBe(StatusCode.InvalidArgument, status.ToString());
        var info = status.GetDetail<ErrorInfo>();
        (info.Domain, info.Reason, info.Metadata["outcome"]).ShouldBe(("ledger", reason, "not_applied"));
        status.GetDetail<BadRequest>()?.FieldViolations.Single().Field.ShouldBe(field, status.ToString());
        (field is not null).ShouldBe(status.GetDetail<BadRequest>() is not null, status.ToString());
        return info;
    }

    private async Task<Seen[]> LookAsync() => await Task.WhenAll(new[] { debit, credit, euros }.Select(async address =>
    {
        // A statement makes the account write what it had put off, so that its version stands still afterwards.
        await shared.Accounts.ListStatementAsync(new ListStatementRequest { Address = address });
        var account = (await shared.Accounts.GetAccountAsync(new GetAccountRequest { Address = address })).Account;
        return new Seen(address, account.Version, account.EntryCount, account.Balances);
    }));

    private Transfer NewTransfer() => new()
    {
        Id = Guid.CreateVersion7().ToString(), DebitAccount = debit, CreditAccount = credit, Amount = "5", Code = 1,
    };

    private Transfer Spoil(string what)
    {
        var transfer = NewTransfer();
        _ = what switch
        {
            "debit address with a blank" => transfer.DebitAccount = "a b",
            "debit address with an empty segment" => transfer.DebitAccount = "a::b",
            "credit address of 129 characters" => transfer.CreditAccount = new string('a', 129),
            "asset in small letters" => transfer.Asset = "usd/2",
            "asset without places" => transfer.Asset = "USD",
            "asset with too many places" => transfer.Asset = "USD/39",
            "negative amount" => transfer.Amount = "-5",
            "amount of 2^128" => transfer.Amount = "340282366920938463463374607431768211456",
            "amount that is no number" => transfer.Amount = "five",
            "amount with a point" => transfer.Amount = "5.00",
            "amount with a leading zero" => transfer.Amount = "05",
            "amount in Arabic digits" => transfer.Amount = "\u0665",
            "empty amount" => transfer.Amount = "",
            "id that is no UUID" => transfer.Id = "transfer-1",
            "reference of 129 characters" => transfer.Reference = new string('r', 129),
            "17 metadata entries" => Fill(17),
            "metadata with an empty key" => transfer.Metadata[""] = "value",
            "metadata key of 65 characters" => transfer.Metadata[new string('k', 65)] = "value",
            "metadata value of 257 characters" => transfer.Metadata["key"] = new string('v', 257),
            "metadata of 4,097 bytes in three-byte characters" => FillBytes(),
            "nil id" => transfer.Id = Nil,
            "id missing" => transfer.Id = "",
            "id of all ones" => transfer.Id = "ffffffff-ffff-ffff-ffff-ffffffffffff",
            "same account twice" => transfer.CreditAccount = debit,
            "code 0" => $"{transfer.Code = 0}",
            "debit account missing" => transfer.DebitAccount = "",
            "credit account missing" => transfer.CreditAccount = "",
            "unknown debit account" => transfer.DebitAccount = $"{debit}:nobody",
            "unknown credit account" => transfer.CreditAccount = $"{credit}:nobody",
            "accounts of two assets" => transfer.CreditAccount = euros,
            "asset that the accounts do not hold" => transfer.Asset = "USD/3",
            _ => throw new ArgumentOutOfRangeException(nameof(what), what, null),
        };
        return transfer;

        string Fill(int count)
        {
            for (var i = 0; i < count; i++)
            {
                transfer.Metadata[$"key{i}"] = "value";
            }

            return "";
        }

        // 15 of 273 bytes, and 2: fewer characters than three of the longest values.
        string FillBytes()
        {
            for (var i = 0; i < 15; i++)
            {
                transfer.Metadata[$"k{i:00}"] = new string('\u20AC', 90);
            }

            return transfer.Metadata["of"] = "";
        }
    }

    private sealed record Seen(string Address, ulong Version, ulong EntryCount, Balances Balances);
}
