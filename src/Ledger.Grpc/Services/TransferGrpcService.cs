using Grpc.Core;
using Ledger.Grpc.Access;
using Ledger.Grpc.Edge;
using Ledger.Grpc.Errors;
using Ledger.V1;

namespace Ledger.Grpc.Services;

/// <summary>ledger.v1.TransferService over <see cref="ILedger"/>.</summary>
internal sealed class TransferGrpcService(CallerLedgers ledgers, CallDeadline clock, TransferStreams streams)
    : TransferService.TransferServiceBase
{
    public override async Task<V1.PostTransferResponse> PostTransfer(
        V1.PostTransferRequest request, ServerCallContext context)
    {
        var timeout = clock.Timeout(context);
        var ledger = ledgers.For(context, request.ReturnBalances);
        if (!Mapping.TryRead(request.Transfer, out var transfer, out var fault))
        {
            throw fault.Within("transfer").Exception();
        }

        var result = await ledger.PostTransferAsync(transfer, timeout, context.CancellationToken);
        return new V1.PostTransferResponse { Result = Mapping.Write(request.Transfer.Id, result, ledger) };
    }

    public override async Task<PostTransfersResponse> PostTransfers(
        PostTransfersRequest request, ServerCallContext context)
    {
        var timeout = clock.Timeout(context);
        var ledger = ledgers.For(context, request.ReturnBalances);
        BatchLimits.CheckCount(
            request.Transfers.Count, "transfers",
            request.ReturnBalances ? LedgerLimits.ReturnedBalancesMax : LedgerLimits.BatchMax);
        var transfers = new Transfer[request.Transfers.Count];
        for (var i = 0; i < transfers.Length; i++)
        {
            if (!Mapping.TryRead(request.Transfers[i], out transfers[i], out var fault))
            {
                throw fault.Within($"transfers[{i}]").Exception();
            }
        }

        var results = await ledger.PostTransfersAsync(
            transfers, timeout, context.CancellationToken);
        BatchLimits.CheckAnswered(transfers.Length, results.Count);
        var response = new PostTransfersResponse { Results = { Capacity = results.Count } };
        for (var i = 0; i < results.Count; i++)
        {
            response.Results.Add(Mapping.Write(request.Transfers[i].Id, results[i], ledger));
        }

        BatchLimits.Fit(response, response.Results, static result => result.Position = "");

        return response;
    }

    public override Task StreamTransfers(
        IAsyncStreamReader<StreamTransfersRequest> requestStream,
        IServerStreamWriter<StreamTransfersResponse> responseStream, ServerCallContext context) =>
        streams.RunAsync(
            requestStream, responseStream, context, context.GetHttpContext().Features.Get<MessageIntake>(),
            context.GetHttpContext().Features.Get<CallerTurns>());

    public override async Task<V1.GetTransferResponse> GetTransfer(
        V1.GetTransferRequest request, ServerCallContext context)
    {
        var timeout = clock.Timeout(context);
        var ledger = ledgers.For(context);
        var account = AccountGrpcService.Optional(request.Account, "account");
        var id = RequiredId(request.Id, "id");
        var record = await ledger.GetTransferAsync(account, id, timeout, context.CancellationToken)
            ?? throw new RequestError(ErrorReasons.TransferNotFound, account.IsNone
                ? "The account that had it here lately has no such transfer."
                : "The account has never taken part in such a transfer.").Exception();
        return new V1.GetTransferResponse { Record = Mapping.Write(record) };
    }

    public override async Task<V1.ExtendHoldResponse> ExtendHold(
        V1.ExtendHoldRequest request, ServerCallContext context)
    {
        var timeout = clock.Timeout(context);
        var ledger = ledgers.For(context);
        var extension = new ExtendHold(
            RequiredId(request.HoldId, "hold_id"), AccountGrpcService.Required(request.ExpireTime, "expire_time"))
        {
            Account = AccountGrpcService.Optional(request.Account, "account"),
        };
        var result = await ledger.ExtendHoldAsync(extension, timeout, context.CancellationToken);
        return new V1.ExtendHoldResponse { Result = Mapping.Write(request.HoldId, result, ledger) };
    }

    /// <summary>Reads an id that can't be left out.</summary>
    /// <exception cref="RequestErrorException">It is missing or malformed.</exception>
    internal static TransferId RequiredId(string text, string field)
    {
        if (text.Length == 0)
        {
            throw new RequestError(ErrorReasons.MalformedId, "The id is missing.", field).Exception();
        }

        return Mapping.TryReadId(text, field, out var id, out var fault) ? id : throw fault.Exception();
    }
}
