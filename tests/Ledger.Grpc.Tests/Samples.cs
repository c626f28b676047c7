using Ledger.V1;

namespace Ledger.Grpc.Tests;

/// <summary>Good requests, to be spoiled by the tests.</summary>
internal static class Samples
{
    public const string Id = "0190a5c8-9d3e-7c42-8f1a-2b3c4d5e6f70";

    public static V1.Transfer Transfer(Action<V1.Transfer>? change = null)
    {
        var transfer = new V1.Transfer
        {
            Id = Id,
            DebitAccount = "users:42:wallet",
            CreditAccount = "shop",
            Amount = "1250",
            Asset = "USD/2",
            Code = 1,
            Reference = "order 7",
            Metadata = { { "b", "2" }, { "a", "1" } },
        };
        change?.Invoke(transfer);
        return transfer;
    }

    public static V1.AccountSpec Account(Action<V1.AccountSpec>? change = null)
    {
        var account = new V1.AccountSpec { Address = "users:42:wallet", Asset = "USD/2", Code = 1 };
        change?.Invoke(account);
        return account;
    }

    public const string OtherId = "0190a5c8-9d3e-7c42-8f1a-2b3c4d5e6f71";

    /// <summary>Two transfers, the second without an id, and an opening between them.</summary>
    public static V1.Transaction Transaction(Action<V1.Transaction>? change = null)
    {
        var transaction = new V1.Transaction
        {
            Id = OtherId,
            Legs =
            {
                new V1.TransactionLeg { Transfer = Transfer() },
                new V1.TransactionLeg { Opening = new AccountOpening { Spec = Account(), IfMissing = true } },
                new V1.TransactionLeg { Transfer = Transfer(t => t.Id = "") },
            },
        };
        change?.Invoke(transaction);
        return transaction;
    }

    public static SubmitBatchRequest Items(Action<SubmitBatchRequest>? change = null)
    {
        var request = new SubmitBatchRequest
        {
            Items =
            {
                new V1.BatchItem { Opening = new AccountOpening { Spec = Account() }, Linked = true },
                new V1.BatchItem { Transfer = Transfer() },
            },
        };
        change?.Invoke(request);
        return request;
    }

    public static ReverseTransactionRequest Reversal(Action<ReverseTransactionRequest>? change = null)
    {
        var request = new ReverseTransactionRequest { Id = OtherId, TransactionId = Id, Reason = "twice" };
        change?.Invoke(request);
        return request;
    }

    public static ResolveTransactionRequest Resolution(Action<ResolveTransactionRequest>? change = null)
    {
        var request = new ResolveTransactionRequest
        {
            Id = OtherId,
            Account = "shop",
            TransactionId = Id,
            Resolution = V1.Resolution.Post,
        };
        change?.Invoke(request);
        return request;
    }

    public static ExtendHoldRequest Extension(Action<ExtendHoldRequest>? change = null)
    {
        var request = new ExtendHoldRequest
        {
            HoldId = Id,
            ExpireTime = new Google.Protobuf.WellKnownTypes.Timestamp { Seconds = 1_700_000_000 },
        };
        change?.Invoke(request);
        return request;
    }

    public static PostTransfersRequest Batch(int count, int spoiled = -1, Action<V1.Transfer>? change = null)
    {
        var request = new PostTransfersRequest();
        for (var i = 0; i < count; i++)
        {
            request.Transfers.Add(Transfer(i == spoiled ? change : null));
        }

        return request;
    }
}
