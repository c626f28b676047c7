using Google.Protobuf.Collections;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Ledger.V1;

namespace Ledger.Grpc.Tests;

/// <summary>Every input that can't be read, with what the caller is told. In all of them the ledger is not
/// asked.</summary>
public sealed class BadInputTests
{
    private static readonly string Long = new('x', 129);

    public static TheoryData<string, string, string?> Rows()
    {
        var rows = new TheoryData<string, string, string?>();
        foreach (var (name, row) in Cases)
        {
            rows.Add(name, row.Reason, row.Field);
        }

        return rows;
    }

    [Theory]
    [MemberData(nameof(Rows))]
    public async Task A_bad_input_is_named_and_the_ledger_not_asked(string name, string reason, string? field)
    {
        await using var host = await GrpcHost.StartAsync();
        var error = await Errors.OfAsync(() => Cases[name].Call(host));
        error.Code.ShouldBe(StatusCode.InvalidArgument);
        error.Reason.ShouldBe(reason);
        error.Field.ShouldBe(field);
        error.Info.Metadata["outcome"].ShouldBe("not_applied");
        host.Ledger.Calls.ShouldBeEmpty();
    }

    private sealed record Case(string Reason, string? Field, Func<GrpcHost, Task> Call);

    private static readonly Dictionary<string, Case> Cases = new()
    {
        ["transfer missing"] = new("TRANSFER_MISSING", "transfer",
            async h => await h.Transfers.PostTransferAsync(new PostTransferRequest())),
        ["id not a UUID"] = Post("MALFORMED_ID", "id", t => t.Id = "42"),
        ["id in braces"] = Post("MALFORMED_ID", "id", t => t.Id = "{" + Samples.Id + "}"),
        ["debit address with a space"] = Post("MALFORMED_ADDRESS", "debit_account", t => t.DebitAccount = "a b"),
        ["debit address with an empty segment"] = Post(
            "MALFORMED_ADDRESS", "debit_account", t => t.DebitAccount = "a::b"),
        ["credit address too long"] = Post("MALFORMED_ADDRESS", "credit_account", t => t.CreditAccount = Long),
        ["credit address not ASCII"] = Post("MALFORMED_ADDRESS", "credit_account", t => t.CreditAccount = "käse"),
        ["amount empty"] = Post("AMOUNT_NOT_A_NUMBER", "amount", t => t.Amount = ""),
        ["amount a word"] = Post("AMOUNT_NOT_A_NUMBER", "amount", t => t.Amount = "ten"),
        ["amount with a point"] = Post("AMOUNT_NOT_A_NUMBER", "amount", t => t.Amount = "1.50"),
        ["amount with an exponent"] = Post("AMOUNT_NOT_A_NUMBER", "amount", t => t.Amount = "1e3"),
        ["amount with a plus"] = Post("AMOUNT_NOT_A_NUMBER", "amount", t => t.Amount = "+1"),
        ["amount with a leading zero"] = Post("AMOUNT_NOT_A_NUMBER", "amount", t => t.Amount = "01"),
        ["amount in Arabic digits"] = Post("AMOUNT_NOT_A_NUMBER", "amount", t => t.Amount = "\u0661"),
        ["amount negative"] = Post("AMOUNT_NEGATIVE", "amount", t => t.Amount = "-1"),
        ["amount 2^128"] = Post(
            "AMOUNT_TOO_LARGE", "amount", t => t.Amount = "340282366920938463463374607431768211456"),
        ["asset malformed"] = Post("MALFORMED_ASSET", "asset", t => t.Asset = "usd"),
        ["reference too long"] = Post("REFERENCE_TOO_LONG", "reference", t => t.Reference = Long),
        ["metadata of 17 pairs"] = Post("METADATA_TOO_LARGE", "metadata", t =>
        {
            for (var i = 0; i < 17; i++)
            {
                t.Metadata["k" + i] = "v";
            }
        }),
        ["metadata key empty"] = Post("METADATA_TOO_LARGE", "metadata", t => t.Metadata[""] = "v"),
        ["metadata key too long"] = Post("METADATA_TOO_LARGE", "metadata", t => t.Metadata[new string('k', 65)] = "v"),
        ["metadata value too long"] = Post(
            "METADATA_TOO_LARGE", "metadata", t => t.Metadata["k"] = new string('v', 257)),
        ["metadata of 4,097 bytes"] = Post("METADATA_TOO_LARGE", "metadata", t => AddMetadata(t.Metadata, 4097)),
        ["batch empty"] = new("EMPTY_BATCH", "transfers",
            async h => await h.Transfers.PostTransfersAsync(new PostTransfersRequest())),
        ["batch too large"] = new("BATCH_TOO_LARGE", "transfers",
            async h => await h.Transfers.PostTransfersAsync(Samples.Batch(8191))),
        ["batch with one bad amount"] = new("AMOUNT_NOT_A_NUMBER", "transfers[3].amount",
            async h => await h.Transfers.PostTransfersAsync(Samples.Batch(5, 3, t => t.Amount = "x"))),
        ["accounts empty"] = new("EMPTY_BATCH", "accounts",
            async h => await h.Accounts.OpenAccountsAsync(new OpenAccountsRequest())),
        ["account address malformed"] = Open("MALFORMED_ADDRESS", "accounts[1].address", a => a.Address = "a/b"),
        ["account asset malformed"] = Open("MALFORMED_ASSET", "accounts[1].asset", a => a.Asset = "USD"),
        ["account reference too long"] = Open("REFERENCE_TOO_LONG", "accounts[1].reference", a => a.Reference = Long),
        ["account metadata of 4,097 bytes"] = Open(
            "METADATA_TOO_LARGE", "accounts[1].metadata", a => AddMetadata(a.Metadata, 4097)),
        ["account metadata too large"] = Open("METADATA_TOO_LARGE", "accounts[1].metadata", a => a.Metadata[""] = ""),
        ["debit allowance negative"] = Open(
            "AMOUNT_NEGATIVE", "accounts[1].debits_must_not_exceed_credits.allowance",
            a => a.DebitsMustNotExceedCredits = new Limit { Allowance = "-5" }),
        ["credit allowance not a number"] = Open(
            "AMOUNT_NOT_A_NUMBER", "accounts[1].credits_must_not_exceed_debits.allowance",
            a => a.CreditsMustNotExceedDebits = new Limit { Allowance = "x" }),
        ["get account without address"] = new("MALFORMED_ADDRESS", "address",
            async h => await h.Accounts.GetAccountAsync(new GetAccountRequest())),
        ["get account with a bad address"] = new("MALFORMED_ADDRESS", "address",
            async h => await h.Accounts.GetAccountAsync(new GetAccountRequest { Address = ":" })),
        ["get transfer with a bad account"] = new("MALFORMED_ADDRESS", "account",
            async h => await h.Transfers.GetTransferAsync(new GetTransferRequest { Account = ":", Id = Samples.Id })),
        ["get transfer without id"] = new("MALFORMED_ID", "id",
            async h => await h.Transfers.GetTransferAsync(new GetTransferRequest { Account = "shop" })),
        ["get transfer with a bad id"] = new("MALFORMED_ID", "id",
            async h => await h.Transfers.GetTransferAsync(new GetTransferRequest { Account = "shop", Id = "7" })),
        ["page size negative"] = List("INVALID_PAGE_SIZE", "page_size", r => r.PageSize = -1),
        ["page size 1001"] = List("INVALID_PAGE_SIZE", "page_size", r => r.PageSize = 1001),
        ["page token garbage"] = List("INVALID_PAGE_TOKEN", "page_token", r => r.PageToken = "garbage!"),
        ["page token too long"] = List("INVALID_PAGE_TOKEN", "page_token", r => r.PageToken = new string('A', 10_000)),
        ["accounts page size 1001"] = new("INVALID_PAGE_SIZE", "page_size",
            async h => await h.Accounts.ListAccountsAsync(new ListAccountsRequest { PageSize = 1001 })),
        ["accounts page token garbage"] = new("INVALID_PAGE_TOKEN", "page_token",
            async h => await h.Accounts.ListAccountsAsync(new ListAccountsRequest { PageToken = "AAAA" })),
        ["statement address missing"] = List("MALFORMED_ADDRESS", "address", r => r.Address = ""),
        ["sequences reversed"] = List("INVALID_RANGE", "max_sequence", r => (r.MinSequence, r.MaxSequence) = (5, 4)),
        ["times reversed"] = List("INVALID_RANGE", "end_time", r =>
        {
            r.StartTime = new Timestamp { Seconds = 2 };
            r.EndTime = new Timestamp { Seconds = 1 };
        }),
        ["time out of range"] = List(
            "MALFORMED_TIME", "start_time", r => r.StartTime = new Timestamp { Seconds = long.MaxValue }),
        ["time with negative nanoseconds"] = List(
            "MALFORMED_TIME", "end_time", r => r.EndTime = new Timestamp { Nanos = -1 }),
        ["amount of a hold empty"] = Post(
            "AMOUNT_NOT_A_NUMBER", "amount", t => (t.Kind, t.Amount) = (V1.TransferKind.Hold, "")),
        ["kind of a later version"] = Post("UNKNOWN_KIND", "kind", t => t.Kind = (V1.TransferKind)99),
        ["kind of the ledger's own"] = Post("KIND_RESERVED", "kind", t => t.Kind = V1.TransferKind.ExpireHold),
        ["hold id not a UUID"] = Post("MALFORMED_ID", "hold_id", t => t.HoldId = "42"),
        ["reversed id not a UUID"] = Post("MALFORMED_ID", "reverses", t => t.Reverses = "42"),
        ["reason too long"] = Post("REASON_TOO_LONG", "reason", t => t.Reason = new string('x', 257)),
        ["timeout negative"] = Post("TIMEOUT_NEGATIVE", "timeout", t => t.Timeout = new Duration { Seconds = -1 }),
        ["timeout a little negative"] = Post(
            "TIMEOUT_NEGATIVE", "timeout", t => t.Timeout = new Duration { Nanos = -1 }),
        ["timeout of nanoseconds"] = Post(
            "TIMEOUT_TOO_FINE", "timeout", t => t.Timeout = new Duration { Seconds = 1, Nanos = 1 }),
        ["timeout of two signs"] = Post(
            "MALFORMED_TIMEOUT", "timeout", t => t.Timeout = new Duration { Seconds = 1, Nanos = -1 }),
        ["timeout out of range"] = Post(
            "MALFORMED_TIMEOUT", "timeout", t => t.Timeout = new Duration { Seconds = long.MaxValue }),
        ["transaction missing"] = new("TRANSACTION_MISSING", "transaction",
            async h => await h.Transactions.PostTransactionAsync(new PostTransactionRequest())),
        ["transaction id malformed"] = Transact("MALFORMED_ID", "id", t => t.Id = "42"),
        ["transaction empty"] = Transact("EMPTY_BATCH", "legs", t => t.Legs.Clear()),
        ["transaction too large"] = Transact("BATCH_TOO_LARGE", "legs", t =>
        {
            while (t.Legs.Count < 8191)
            {
                t.Legs.Add(t.Legs[0]);
            }
        }),
        ["leg without a step"] = Transact("STEP_MISSING", "legs[1]", t => t.Legs[1] = new V1.TransactionLeg()),
        ["opening without a spec"] = Transact(
            "STEP_MISSING", "legs[1].opening.spec", t => t.Legs[1].Opening.Spec = null),
        ["leg with a bad amount"] = Transact(
            "AMOUNT_NOT_A_NUMBER", "legs[2].transfer.amount", t => t.Legs[2].Transfer.Amount = "x"),
        ["leg with a bad address"] = Transact(
            "MALFORMED_ADDRESS", "legs[1].opening.spec.address", t => t.Legs[1].Opening.Spec.Address = "a/b"),
        ["one of several legs without an asset"] = Transact(
            "ASSET_MISSING", "legs[2].transfer.asset", t => t.Legs[2].Transfer.Asset = ""),
        ["get transaction without account"] = new("MALFORMED_ADDRESS", "account",
            async h => await h.Transactions.GetTransactionAsync(new GetTransactionRequest { Id = Samples.Id })),
        ["get transaction without id"] = new("MALFORMED_ID", "id",
            async h => await h.Transactions.GetTransactionAsync(new GetTransactionRequest { Account = "shop" })),
        ["batch of items empty"] = Submit("EMPTY_BATCH", "items", r => r.Items.Clear()),
        ["item without a step"] = Submit("STEP_MISSING", "items[1]", r => r.Items[1] = new V1.BatchItem()),
        ["item with a bad amount"] = Submit(
            "AMOUNT_NOT_A_NUMBER", "items[1].transfer.amount", r => r.Items[1].Transfer.Amount = "x"),
        ["item with a bad asset"] = Submit(
            "MALFORMED_ASSET", "items[0].opening.spec.asset", r => r.Items[0].Opening.Spec.Asset = "x"),
        ["resolution without account"] = Resolve("MALFORMED_ADDRESS", "account", r => r.Account = ""),
        ["resolution without id"] = Resolve("MALFORMED_ID", "id", r => r.Id = ""),
        ["resolution without original"] = Resolve("MALFORMED_ID", "transaction_id", r => r.TransactionId = ""),
        ["resolution of neither kind"] = Resolve(
            "RESOLUTION_MISSING", "resolution", r => r.Resolution = Resolution.Unspecified),
        ["reversal without id"] = Reverse("MALFORMED_ID", "id", r => r.Id = ""),
        ["reversal without original"] = Reverse("MALFORMED_ID", "transaction_id", r => r.TransactionId = ""),
        ["reversal with a bad account"] = Reverse("MALFORMED_ADDRESS", "account", r => r.Account = "a b"),
        ["reversal with a bad amount"] = Reverse("AMOUNT_NEGATIVE", "amount", r => r.Amount = "-1"),
        ["reversal with a long reason"] = Reverse("REASON_TOO_LONG", "reason", r => r.Reason = new string('x', 257)),
        ["reversal with a long reference"] = Reverse("REFERENCE_TOO_LONG", "reference", r => r.Reference = Long),
        ["extension without hold"] = Extend("MALFORMED_ID", "hold_id", r => r.HoldId = ""),
        ["extension without time"] = Extend("MALFORMED_TIME", "expire_time", r => r.ExpireTime = null),
        ["extension with a bad account"] = Extend("MALFORMED_ADDRESS", "account", r => r.Account = "a b"),
        ["freeze missing"] = Freeze("FREEZE_MISSING", "freeze", r => r.Freeze = null),
        ["freeze of nothing"] = Freeze("FREEZE_MISSING", "freeze", r => r.Freeze.Debits = false),
        ["freeze with a long reason"] = Freeze(
            "REASON_TOO_LONG", "freeze.reason", r => r.Freeze.Reason = new string('x', 257)),
        ["freeze with a bad end"] = Freeze(
            "MALFORMED_TIME", "freeze.end_time", r => r.Freeze.EndTime = new Timestamp { Nanos = -1 }),
        ["freeze without address"] = Freeze("MALFORMED_ADDRESS", "address", r => r.Address = ""),
        ["unfreeze with a long reason"] = new(
            "REASON_TOO_LONG", "reason", async h => await h.Accounts.UnfreezeAccountAsync(
            new UnfreezeAccountRequest { Address = "shop", Reason = new string('x', 257) })),
        ["close without address"] = new("MALFORMED_ADDRESS", "address",
            async h => await h.Accounts.CloseAccountAsync(new CloseAccountRequest())),
        ["reopen without address"] = new("MALFORMED_ADDRESS", "address",
            async h => await h.Accounts.ReopenAccountAsync(new ReopenAccountRequest())),
        ["limits with a bad allowance"] = new("AMOUNT_NOT_A_NUMBER", "credits_must_not_exceed_debits.allowance",
            async h => await h.Accounts.SetAccountLimitsAsync(new SetAccountLimitsRequest
            {
                Address = "shop",
                CreditsMustNotExceedDebits = new Limit { Allowance = "x" },
            })),
        ["message too large"] = new("REQUEST_TOO_LARGE", null,
            async h => await h.Transfers.PostTransferAsync(new PostTransferRequest
            {
                Transfer = Samples.Transfer(t => t.Reference = new string('x', 17 * 1024 * 1024)),
            })),
        ["message not protobuf"] = new("MALFORMED_REQUEST", null, async h =>
        {
            var raw = Marshallers.Create(static (byte[] bytes) => bytes, static bytes => bytes);
            var method = new Method<byte[], byte[]>(
                MethodType.Unary, "ledger.v1.TransferService", "PostTransfer", raw, raw);
            await h.Channel.CreateCallInvoker().AsyncUnaryCall(method, null, default, [0x0A, 0xFF, 0xFF]);
        }),
        ["message with invalid UTF-8"] = new("MALFORMED_REQUEST", null, async h =>
        {
            var raw = Marshallers.Create(static (byte[] bytes) => bytes, static bytes => bytes);
            var method = new Method<byte[], byte[]>(
                MethodType.Unary, "ledger.v1.AccountService", "GetAccount", raw, raw);
            await h.Channel.CreateCallInvoker().AsyncUnaryCall(method, null, default, [0x0A, 0x01, 0xFF]);
        }),
    };

    // Of two bytes a character, so that characters are not what is counted.
    private static void AddMetadata(MapField<string, string> metadata, int bytes)
    {
        for (var i = 0; bytes > 0; i++)
        {
            var key = bytes < 3 ? "k"[..bytes] : $"k{i:00}";
            bytes -= key.Length;
            var value = new string('\u00E9', Math.Min(254, bytes / 2));
            bytes -= 2 * value.Length;
            metadata[key] = value;
        }
    }

    private static Case Post(string reason, string field, Action<V1.Transfer> spoil) => new(
        reason, "transfer." + field,
        async h => await h.Transfers.PostTransferAsync(new PostTransferRequest { Transfer = Samples.Transfer(spoil) }));

    private static Case Open(string reason, string field, Action<V1.AccountSpec> spoil) => new(
        reason, field,
        async h => await h.Accounts.OpenAccountsAsync(
            new OpenAccountsRequest { Accounts = { Samples.Account(), Samples.Account(spoil) } }));

    private static Case Transact(string reason, string field, Action<V1.Transaction> spoil) => new(
        reason, "transaction." + field, async h => await h.Transactions.PostTransactionAsync(
            new PostTransactionRequest { Transaction = Samples.Transaction(spoil) }));

    private static Case Submit(string reason, string field, Action<SubmitBatchRequest> spoil) =>
        new(reason, field, async h => await h.Transactions.SubmitBatchAsync(Samples.Items(spoil)));

    private static Case Resolve(string reason, string field, Action<ResolveTransactionRequest> spoil) =>
        new(reason, field, async h => await h.Transactions.ResolveTransactionAsync(Samples.Resolution(spoil)));

    private static Case Reverse(string reason, string field, Action<ReverseTransactionRequest> spoil) =>
        new(reason, field, async h => await h.Transactions.ReverseTransactionAsync(Samples.Reversal(spoil)));

    private static Case Extend(string reason, string field, Action<ExtendHoldRequest> spoil) =>
        new(reason, field, async h => await h.Transfers.ExtendHoldAsync(Samples.Extension(spoil)));

    private static Case Freeze(string reason, string field, Action<FreezeAccountRequest> spoil) => new(
        reason, field, async h =>
        {
            var request = new FreezeAccountRequest
            {
                Address = "shop", Freeze = new V1.AccountFreeze { Debits = true },
            };
            spoil(request);
            await h.Accounts.FreezeAccountAsync(request);
        });

    private static Case List(string reason, string field, Action<ListStatementRequest> spoil) => new(
        reason, field, async h =>
        {
            var request = new ListStatementRequest { Address = "shop" };
            spoil(request);
            await h.Accounts.ListStatementAsync(request);
        });
}
