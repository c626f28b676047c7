using Grpc.Core;
using Ledger.V1;

namespace Ledger.Grpc.Tests;

/// <summary>What becomes of each failure of the ledger, on each method.</summary>
public sealed class ErrorTests
{
    private const string Secret = "akka://ledger/user/accounts SELECT * FROM journal";

    /// <summary>One good call of every unary method.</summary>
    private static readonly Dictionary<string, Func<GrpcHost, CallOptions, Task>> Calls = new()
    {
        ["OpenAccounts"] = async (h, o) => await h.Accounts.OpenAccountsAsync(
            new OpenAccountsRequest { Accounts = { Samples.Account() } }, o),
        ["GetAccount"] = async (h, o) =>
            await h.Accounts.GetAccountAsync(new GetAccountRequest { Address = "shop" }, o),
        ["ListAccounts"] = async (h, o) => await h.Accounts.ListAccountsAsync(new ListAccountsRequest(), o),
        ["ListStatement"] = async (h, o) => await h.Accounts.ListStatementAsync(
            new ListStatementRequest { Address = "shop" }, o),
        ["PostTransfer"] = async (h, o) => await h.Transfers.PostTransferAsync(
            new PostTransferRequest { Transfer = Samples.Transfer() }, o),
        ["PostTransfers"] = async (h, o) => await h.Transfers.PostTransfersAsync(Samples.Batch(2), o),
        ["StreamTransfers"] = StreamOneAsync,
        ["GetTransfer"] = async (h, o) => await h.Transfers.GetTransferAsync(
            new GetTransferRequest { Account = "shop", Id = Samples.Id }, o),
        ["ExtendHold"] = async (h, o) => await h.Transfers.ExtendHoldAsync(Samples.Extension(), o),
        ["FreezeAccount"] = async (h, o) => await h.Accounts.FreezeAccountAsync(
            new FreezeAccountRequest { Address = "shop", Freeze = new V1.AccountFreeze { Debits = true } }, o),
        ["UnfreezeAccount"] = async (h, o) => await h.Accounts.UnfreezeAccountAsync(
            new UnfreezeAccountRequest { Address = "shop" }, o),
        ["CloseAccount"] = async (h, o) => await h.Accounts.CloseAccountAsync(
            new CloseAccountRequest { Address = "shop" }, o),
        ["ReopenAccount"] = async (h, o) => await h.Accounts.ReopenAccountAsync(
            new ReopenAccountRequest { Address = "shop" }, o),
        ["SetAccountLimits"] = async (h, o) => await h.Accounts.SetAccountLimitsAsync(
            new SetAccountLimitsRequest { Address = "shop" }, o),
        ["PostTransaction"] = async (h, o) => await h.Transactions.PostTransactionAsync(
            new PostTransactionRequest { Transaction = Samples.Transaction() }, o),
        ["GetTransaction"] = async (h, o) => await h.Transactions.GetTransactionAsync(
            new GetTransactionRequest { Account = "shop", Id = Samples.Id }, o),
        ["ResolveTransaction"] = async (h, o) => await h.Transactions.ResolveTransactionAsync(Samples.Resolution(), o),
        ["ReverseTransaction"] = async (h, o) => await h.Transactions.ReverseTransactionAsync(Samples.Reversal(), o),
        ["SubmitBatch"] = async (h, o) => await h.Transactions.SubmitBatchAsync(Samples.Items(), o),
        ["ListInDoubt"] = async (h, o) => await h.Admin.ListInDoubtAsync(new ListInDoubtRequest(), o),
        ["ResolveInDoubt"] = async (h, o) => await h.Admin.ResolveInDoubtAsync(
            new ResolveInDoubtRequest { Address = "shop", TransactionId = Samples.Id, Principal = "anna",
                Reason = "why" }, o),
        ["GetInDoubt"] = async (h, o) => await h.Admin.GetInDoubtAsync(new GetInDoubtRequest { Address = "shop" }, o),
    };

    public static TheoryData<string> Methods() => [.. Calls.Keys];

    public static TheoryData<LedgerErrorReason> LedgerReasons() => [.. Enum.GetValues<LedgerErrorReason>()];

    // Those of blocks ask no ledger: tests of whole nodes have them.
    private static readonly string[] s_ofBlocks = ["BlockCaller", "UnblockCaller", "ListBlocks"];

    [Fact]
    public void Every_method_of_the_contract_is_tested_here() =>
        AccountService.Descriptor.Methods.Concat(TransferService.Descriptor.Methods)
            .Concat(TransactionService.Descriptor.Methods).Concat(AdminService.Descriptor.Methods)
            .Select(static m => m.Name)
            .Except(s_ofBlocks)
            .ShouldBe(Calls.Keys, ignoreOrder: true);

    [Theory]
    [MemberData(nameof(LedgerReasons))]
    public async Task A_failure_of_the_ledger_has_its_own_reason_on_every_method(LedgerErrorReason reason)
    {
        await using var host = await GrpcHost.StartAsync();
        var thrown = new LedgerException(reason, "Told to the client.", "transfers[3].metadata");
        host.Ledger.Failure = thrown;
        foreach (var (method, call) in Calls)
        {
            var error = await Errors.OfAsync(() => call(host, default));
            error.Reason.ShouldBe(Snake(reason.ToString()), method);
            error.Code.ShouldBe(Expected(reason), method);
            error.Message.ShouldBe("Told to the client.");
            error.Field.ShouldBe("transfers[3].metadata");
            error.Info.Metadata["outcome"].ShouldBe(thrown.OutcomeUnknown ? "unknown" : "not_applied", method);
        }
    }

    [Theory]
    [MemberData(nameof(Methods))]
    public async Task An_unexpected_failure_is_internal_and_tells_nothing(string method)
    {
        await using var host = await GrpcHost.StartAsync();
        host.Ledger.Failure = new InvalidOperationException(Secret);
        var error = await Errors.OfAsync(() => Calls[method](host, default));
        error.Code.ShouldBe(StatusCode.Internal);
        error.Reason.ShouldBe("INTERNAL");
        error.Info.Metadata["outcome"].ShouldBe("unknown");
        error.Info.Metadata["correlation_id"].ShouldNotBeNullOrEmpty();
        error.Info.ToString().ShouldNotContain("akka");
        error.Message.ShouldNotContain("akka");
    }

    [Theory]
    [MemberData(nameof(Methods))]
    public async Task A_deadline_of_zero_is_refused_before_anything_is_done(string method)
    {
        await using var host = await GrpcHost.StartAsync();
        host.RawTimeout = "0n";
        var error = await Errors.OfAsync(() => Calls[method](host, default));
        error.Code.ShouldBe(StatusCode.DeadlineExceeded);
        error.Reason.ShouldBe("DEADLINE_EXPIRED");
        error.Info.Metadata["outcome"].ShouldBe("not_applied");
        host.Ledger.Calls.ShouldBeEmpty();
    }

    [Theory]
    [InlineData("GetAccount", "ACCOUNT_NOT_FOUND")]
    [InlineData("ListStatement", "ACCOUNT_NOT_FOUND")]
    [InlineData("GetTransfer", "TRANSFER_NOT_FOUND")]
    public async Task What_is_not_there_is_not_found(string method, string reason)
    {
        await using var host = await GrpcHost.StartAsync();
        host.Ledger.Statement = null;
        var error = await Errors.OfAsync(() => Calls[method](host, default));
        error.Code.ShouldBe(StatusCode.NotFound);
        error.Reason.ShouldBe(reason);
    }

    [Theory]
    [InlineData("ledger.v1.TransferService", "Nothing")]
    [InlineData("ledger.v1.NoService", "Nothing")]
    public async Task An_unknown_method_has_an_ErrorInfo_too(string service, string method)
    {
        await using var host = await GrpcHost.StartAsync();
        var raw = Marshallers.Create(static (byte[] bytes) => bytes, static bytes => bytes);
        var unknown = new Method<byte[], byte[]>(MethodType.Unary, service, method, raw, raw);
        var error = await Errors.OfAsync(
            async () => await host.Channel.CreateCallInvoker().AsyncUnaryCall(unknown, null, default, []));
        error.Code.ShouldBe(StatusCode.Unimplemented);
        error.Reason.ShouldBe("METHOD_NOT_FOUND");
    }

    [Fact]
    public async Task A_ledger_that_loses_a_result_is_not_trusted()
    {
        await using var host = await GrpcHost.StartAsync();
        host.Ledger.DropLastResult = true;
        var error = await Errors.OfAsync(() => Calls["PostTransfers"](host, default));
        error.Reason.ShouldBe("INTERNAL");
    }

    [Fact]
    public void No_two_reasons_share_a_name()
    {
        var names = typeof(Ledger.Grpc.Errors.ErrorReasons).GetFields()
            .Select(static field => ((Ledger.Grpc.Errors.ErrorReason)field.GetValue(null)!).Name).ToArray();
        names.ShouldBeUnique();
        names.ShouldAllBe(static name => name.All(static c => char.IsAsciiLetterUpper(c) || c == '_'));
    }

    private static async Task StreamOneAsync(GrpcHost host, CallOptions options)
    {
        using var stream = host.Transfers.StreamTransfers(options);
        await stream.RequestStream.WriteAsync(
            new StreamTransfersRequest { Sequence = 9, Transfer = Samples.Transfer() });
        await stream.RequestStream.CompleteAsync();
        (await stream.ResponseStream.MoveNext()).ShouldBeTrue();
        var answer = stream.ResponseStream.Current;
        answer.Sequence.ShouldBe(9ul);
        (await stream.ResponseStream.MoveNext()).ShouldBeFalse();
        if (answer.Error is { } error)
        {
            throw error.ToRpcException();
        }
    }

    private static StatusCode Expected(LedgerErrorReason reason) => reason switch
    {
        LedgerErrorReason.DeadlineExpired or LedgerErrorReason.DeadlineExceeded => StatusCode.DeadlineExceeded,
        LedgerErrorReason.NotFound or LedgerErrorReason.NotInDoubt => StatusCode.NotFound,
        LedgerErrorReason.TransferNotRemembered or LedgerErrorReason.VerdictRefused
        or LedgerErrorReason.TransferIdAmbiguous =>
            StatusCode.FailedPrecondition,
        LedgerErrorReason.IndexOff => StatusCode.Unimplemented,
        LedgerErrorReason.Overloaded => StatusCode.ResourceExhausted,
        LedgerErrorReason.PermissionDenied => StatusCode.PermissionDenied,
        LedgerErrorReason.Unauthenticated => StatusCode.Unauthenticated,
        LedgerErrorReason.JournalUnavailable or LedgerErrorReason.Unavailable or LedgerErrorReason.LedgerHalted
            or LedgerErrorReason.LeaseLost or LedgerErrorReason.IndexBehind or LedgerErrorReason.AccountInDoubt
            or LedgerErrorReason.CounterpartyUnavailable => StatusCode.Unavailable,
        LedgerErrorReason.AnswerTooLarge or LedgerErrorReason.DecisionFailed => StatusCode.Internal,
        _ => StatusCode.InvalidArgument,
    };

    private static string Snake(string name) => string.Concat(
        name.Select(
            static (c, i) => i > 0 && char.IsAsciiLetterUpper(c) ? "_" + c : char.ToUpperInvariant(c).ToString()));
}
