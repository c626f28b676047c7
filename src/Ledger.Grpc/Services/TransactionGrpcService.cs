using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Ledger.Grpc.Access;
using Ledger.Grpc.Errors;
using Ledger.V1;

namespace Ledger.Grpc.Services;

/// <summary>ledger.v1.TransactionService over <see cref="ILedger"/>.</summary>
internal sealed class TransactionGrpcService(CallerLedgers ledgers, CallDeadline clock)
    : TransactionService.TransactionServiceBase
{
    public override async Task<V1.PostTransactionResponse> PostTransaction(
        V1.PostTransactionRequest request, ServerCallContext context)
    {
        var timeout = clock.Timeout(context);
        var ledger = ledgers.For(context, request.ReturnBalances);
        if (!Mapping.TryRead(request.Transaction, out Transaction transaction, out var fault))
        {
            throw fault.Within("transaction").Exception();
        }

        var result = await ledger.PostTransactionAsync(
            transaction, timeout, context.CancellationToken);
        return new V1.PostTransactionResponse
        {
            Result = Mapping.Write(request.Transaction.Id, result, ledger, transaction)
        };
    }

    public override async Task<V1.GetTransactionResponse> GetTransaction(
        V1.GetTransactionRequest request, ServerCallContext context)
    {
        var timeout = clock.Timeout(context);
        var ledger = ledgers.For(context);
        var account = AccountGrpcService.Required(request.Account, "account");
        var id = TransferGrpcService.RequiredId(request.Id, "id");
        var record = await ledger.GetTransactionAsync(account, id, timeout, context.CancellationToken)
            ?? throw new RequestError(
                ErrorReasons.TransactionNotFound, "The account has never coordinated such a transaction.").Exception();
        return new V1.GetTransactionResponse { Record = Mapping.Write(record) };
    }

    public override async Task<ResolveTransactionResponse> ResolveTransaction(
        ResolveTransactionRequest request, ServerCallContext context)
    {
        var timeout = clock.Timeout(context);
        var ledger = ledgers.For(context);
        var id = TransferGrpcService.RequiredId(request.Id, "id");
        var account = AccountGrpcService.Required(request.Account, "account");
        var original = TransferGrpcService.RequiredId(request.TransactionId, "transaction_id");
        if (request.Resolution is not (Resolution.Post or Resolution.Void))
        {
            throw new RequestError(
                ErrorReasons.ResolutionMissing, "The holds are to be posted or to be voided.", "resolution")
                    .Exception();
        }

        var resolution = new TransactionResolution(id, account, original, request.Resolution == Resolution.Post)
        {
            EffectiveTime = EffectiveTime(request.EffectiveTime),
        };
        var result = await ledger.ResolveTransactionAsync(resolution, timeout, context.CancellationToken);
        return new ResolveTransactionResponse { Result = Mapping.Write(request.Id, result, ledger) };
    }

    public override async Task<ReverseTransactionResponse> ReverseTransaction(
        ReverseTransactionRequest request, ServerCallContext context)
    {
        var timeout = clock.Timeout(context);
        var ledger = ledgers.For(context);
        var reversal = new Reversal(
            TransferGrpcService.RequiredId(request.Id, "id"),
            AccountGrpcService.Optional(request.Account, "account"),
            TransferGrpcService.RequiredId(request.TransactionId, "transaction_id"),
            AccountGrpcService.Reason(request.Reason))
        {
            Amount = Amount(request.Amount),
            Code = request.Code,
            Reference = Mapping.CheckReference(request.Reference, out var fault)
                ? request.Reference
                : throw fault.Exception(),
            EffectiveTime = EffectiveTime(request.EffectiveTime),
        };
        var result = await ledger.ReverseTransactionAsync(reversal, timeout, context.CancellationToken);
        return new ReverseTransactionResponse { Result = Mapping.Write(request.Id, result, ledger) };
    }

    public override async Task<SubmitBatchResponse> SubmitBatch(SubmitBatchRequest request, ServerCallContext context)
    {
        var timeout = clock.Timeout(context);
        var ledger = ledgers.For(context);
        BatchLimits.CheckCount(request.Items.Count, "items");
        var items = new BatchItem[request.Items.Count];
        for (var i = 0; i < items.Length; i++)
        {
            if (!Mapping.TryRead(request.Items[i], out items[i], out var fault))
            {
                throw fault.Within($"items[{i}]").Exception();
            }
        }

        var results = await ledger.SubmitBatchAsync(items, timeout, context.CancellationToken);
        BatchLimits.CheckAnswered(items.Length, results.Count);
        var response = new SubmitBatchResponse { Results = { Capacity = results.Count } };
        for (var i = 0; i < results.Count; i++)
        {
            response.Results.Add(Mapping.Write(request.Items[i], results[i], ledger));
        }

        BatchLimits.Fit(response, response.Results, static result =>
        {
            if (result.Transfer is { } transfer)
            {
                transfer.Position = "";
            }
            else if (result.Opening is { } opening)
            {
                opening.Position = "";
            }
        });

        return response;
    }

    private static LedgerTime? EffectiveTime(Timestamp? given) =>
        Mapping.TryReadEffectiveTime(given, out var time, out var fault) ? time : throw fault.Exception();

    private static Amount? Amount(string text)
    {
        if (text.Length == 0)
        {
            return null;
        }

        return Mapping.TryReadAmount(text, "amount", out var amount, out var fault) ? amount : throw fault.Exception();
    }
}
