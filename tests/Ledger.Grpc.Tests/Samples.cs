using Ledger.V1;

namespace Ledger.Grpc.Tests;

/// <summary>Good requests, to be spoiled by the tests.</summary>
internal static class Samples
{
    public const string Id = "0190a5c8-9d3e-7c42-8f1a-2b3c4d5e6f70";

    public static Transfer Transfer(Action<Transfer>? change = null)
    {
        var transfer = new Transfer
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

    public static AccountSpec Account(Action<AccountSpec>? change = null)
    {
        var account = new AccountSpec { Address = "users:42:wallet", Asset = "USD/2", Code = 1 };
        change?.Invoke(account);
        return account;
    }

    public static PostTransfersRequest Batch(int count, int spoiled = -1, Action<Transfer>? change = null)
    {
        var request = new PostTransfersRequest();
        for (var i = 0; i < count; i++)
        {
            request.Transfers.Add(Transfer(i == spoiled ? change : null));
        }

        return request;
    }
}
