using Google.Protobuf.WellKnownTypes;
using Google.Rpc;
using Grpc.Core;
using Ledger.V1;

namespace Ledger.Testing;

internal sealed class FakeAccountService(FakeLedger ledger) : AccountService.AccountServiceBase
{
    public override Task<OpenAccountsResponse> OpenAccounts(OpenAccountsRequest request, ServerCallContext context) =>
        ledger.RunAsync("OpenAccounts", context, () => new OpenAccountsResponse
        {
            Results = { request.Accounts.Select(ledger.Open) },
        });

    public override Task<GetAccountResponse> GetAccount(GetAccountRequest request, ServerCallContext context) =>
        ledger.RunAsync("GetAccount", context, () => new GetAccountResponse { Account = ledger.Get(request.Address) });

    public override Task<ListAccountsResponse> ListAccounts(ListAccountsRequest request, ServerCallContext context) =>
        ledger.RunAsync("ListAccounts", context, () =>
        {
            var (page, next) = ledger.List(request.PageSize, request.PageToken);
            return new ListAccountsResponse { Accounts = { page }, NextPageToken = next };
        });

    public override Task<ListStatementResponse> ListStatement(
        ListStatementRequest request, ServerCallContext context) =>
        ledger.RunAsync("ListStatement", context, () =>
        {
            var (page, next) = ledger.Statement(request);
            return new ListStatementResponse
            {
                Entries = { page }, NextPageToken = next, CompleteUpTo = ledger.CompleteUpTo(request.Address),
            };
        });

    public override Task<FreezeAccountResponse> FreezeAccount(
        FreezeAccountRequest request, ServerCallContext context) =>
        ledger.RunAsync("FreezeAccount", context, () => new FreezeAccountResponse
        {
            Result = ledger.Change(request.Address, account => account.Freeze = request.Freeze),
        });

    public override Task<UnfreezeAccountResponse> UnfreezeAccount(
        UnfreezeAccountRequest request, ServerCallContext context) =>
        ledger.RunAsync("UnfreezeAccount", context, () => new UnfreezeAccountResponse
        {
            Result = ledger.Change(request.Address, static account => account.Freeze = null),
        });

    public override Task<CloseAccountResponse> CloseAccount(CloseAccountRequest request, ServerCallContext context) =>
        ledger.RunAsync("CloseAccount", context, () => new CloseAccountResponse
        {
            Result = ledger.Change(
                request.Address, account => (account.Closed, account.ClosedReason) = (true, request.Reason)),
        });

    public override Task<ReopenAccountResponse> ReopenAccount(
        ReopenAccountRequest request, ServerCallContext context) =>
        ledger.RunAsync("ReopenAccount", context, () => new ReopenAccountResponse
        {
            Result = ledger.Change(
                request.Address, static account => (account.Closed, account.ClosedReason) = (false, "")),
        });

    public override Task<SetAccountLimitsResponse> SetAccountLimits(
        SetAccountLimitsRequest request, ServerCallContext context) =>
        ledger.RunAsync("SetAccountLimits", context, () => new SetAccountLimitsResponse
        {
            Result = ledger.Change(request.Address, account =>
            {
                account.Spec.DebitsMustNotExceedCredits = request.DebitsMustNotExceedCredits;
                account.Spec.CreditsMustNotExceedDebits = request.CreditsMustNotExceedDebits;
            }),
        });
}

internal sealed class FakeTransactionService(FakeLedger ledger) : TransactionService.TransactionServiceBase
{
    public override Task<PostTransactionResponse> PostTransaction(
        PostTransactionRequest request, ServerCallContext context) =>
        ledger.RunAsync("PostTransaction", context, () => new PostTransactionResponse
        {
            Result = ledger.Post(request.Transaction),
        });

    public override Task<GetTransactionResponse> GetTransaction(
        GetTransactionRequest request, ServerCallContext context) =>
        ledger.RunAsync("GetTransaction", context, () => new GetTransactionResponse
        {
            Record = ledger.GetTransaction(request.Account, request.Id),
        });

    public override Task<ResolveTransactionResponse> ResolveTransaction(
        ResolveTransactionRequest request, ServerCallContext context) =>
        ledger.RunAsync("ResolveTransaction", context, () => new ResolveTransactionResponse
        {
            Result = ledger.Resolve(request),
        });

    public override Task<ReverseTransactionResponse> ReverseTransaction(
        ReverseTransactionRequest request, ServerCallContext context) =>
        ledger.RunAsync("ReverseTransaction", context, () => new ReverseTransactionResponse
        {
            Result = ledger.Reverse(request),
        });

    public override Task<SubmitBatchResponse> SubmitBatch(SubmitBatchRequest request, ServerCallContext context) =>
        ledger.RunAsync(
            "SubmitBatch", context, () => new SubmitBatchResponse { Results = { ledger.Submit(request.Items) } });
}

internal sealed class FakeTransferService(FakeLedger ledger) : TransferService.TransferServiceBase
{
    public override Task<PostTransferResponse> PostTransfer(PostTransferRequest request, ServerCallContext context) =>
        ledger.RunAsync(
            "PostTransfer", context, () => new PostTransferResponse { Result = ledger.Post(request.Transfer) });

    public override Task<PostTransfersResponse> PostTransfers(
        PostTransfersRequest request, ServerCallContext context) =>
        ledger.RunAsync("PostTransfers", context, () => new PostTransfersResponse
        {
            Results = { request.Transfers.Select(ledger.Post) },
        });

    public override async Task StreamTransfers(
        IAsyncStreamReader<StreamTransfersRequest> requestStream,
        IServerStreamWriter<StreamTransfersResponse> responseStream,
        ServerCallContext context)
    {
        var call = ledger.Begin("StreamTransfers", context);
        await ledger.Before(call);
        if (ledger.Stream is { } stream)
        {
            await stream(requestStream, responseStream, call);
            return;
        }

        while (await requestStream.MoveNext(context.CancellationToken))
        {
            var request = requestStream.Current;
            await responseStream.WriteAsync(new StreamTransfersResponse
            {
                Sequence = request.Sequence,
                Result = ledger.Post(request.Transfer),
            });
        }
    }

    public override Task<GetTransferResponse> GetTransfer(GetTransferRequest request, ServerCallContext context) =>
        ledger.RunAsync("GetTransfer", context, () => new GetTransferResponse
        {
            Record = ledger.GetTransfer(request.Account, request.Id),
        });

    public override Task<ExtendHoldResponse> ExtendHold(ExtendHoldRequest request, ServerCallContext context) =>
        ledger.RunAsync("ExtendHold", context, () => new ExtendHoldResponse { Result = ledger.Extend(request) });
}

internal static class Refusals
{
    public static RpcException Of(StatusCode code, string detail = "no") =>
        new(new global::Grpc.Core.Status(code, detail));

    public static Google.Rpc.Status Rich(
        StatusCode code, string reason, string? field = null, TimeSpan? retryAfter = null)
    {
        var status = new Google.Rpc.Status { Code = (int)code, Message = "Told in words." };
        status.Details.Add(Any.Pack(new ErrorInfo { Domain = "ledger", Reason = reason }));
        if (field is not null)
        {
            status.Details.Add(Any.Pack(new BadRequest
            {
                FieldViolations = { new BadRequest.Types.FieldViolation { Field = field, Description = "bad" } },
            }));
        }

        if (retryAfter is { } pause)
        {
            status.Details.Add(Any.Pack(new RetryInfo { RetryDelay = Duration.FromTimeSpan(pause) }));
        }

        return status;
    }
}

internal sealed class FakeAdminService(FakeLedger ledger) : AdminService.AdminServiceBase
{
    public override Task<ListInDoubtResponse> ListInDoubt(ListInDoubtRequest request, ServerCallContext context) =>
        ledger.RunAsync("ListInDoubt", context, () => new ListInDoubtResponse
        {
            Accounts =
            {
                ledger.List(1000, "").Page.Where(static account => account.Doubtful is not null)
                    .Select(
                        static account =>
                            new AccountInDoubt { Address = account.Spec.Address, Since = account.CreateTime }),
            },
        });

    public override Task<GetInDoubtResponse> GetInDoubt(GetInDoubtRequest request, ServerCallContext context) =>
        ledger.RunAsync("GetInDoubt", context, () => new GetInDoubtResponse
        {
            Transactions = { ledger.Get(request.Address).Doubtful.Transactions },
        });
}
