using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Ledger.Tests.Shared;
using Ledger.V1;

namespace Ledger.Chaos.Attacks;

/// <summary>Attacks on one account.</summary>
internal static class AccountAttacks
{
    private const string Statement = "/ledger.v1.AccountService/ListStatement";
    private const string Get = "/ledger.v1.TransferService/GetTransfer";
    private const string Post = "/ledger.v1.TransferService/PostTransfer";
    private const string Batch = "/ledger.v1.TransferService/PostTransfers";
    private const int PageSize = 1_000;

    public static async Task DatedAheadAsync(Attacker attacker)
    {
        // More than an account remembers, so that they leave its memory.
        const int poison = 5_000;
        var request = new PostTransfersRequest();
        request.Transfers.Add(Enumerable.Range(1, poison).Select(i => Transfers.Of(
            Guid.CreateVersion7(TimeProvider.System.GetUtcNow().AddDays(5 * i)), AttackAccounts.Shallow,
            AttackAccounts.Deep)));
        await attacker.CallAsync(Batch, RawGrpc.Frame(request.ToByteArray()));
        var number = 0;
        await attacker.LoopAsync(2, 32, Post, () => new PostTransferRequest
        {
            Transfer = Transfers.Of(
                Interlocked.Increment(ref number) % 2 == 0
                    ? Guid.CreateVersion7()
                    : Guid.CreateVersion7(TimeProvider.System.GetUtcNow().AddHours(1)),
                AttackAccounts.Shallow, AttackAccounts.Deep),
        });
    }

    public static Task DeepStatementAsync(Attacker attacker) =>
        AskAsync(
            attacker, Statement, static () =>
                new ListStatementRequest { Address = AttackAccounts.Deep, PageSize = PageSize });

    public static Task EmptyStatementAsync(Attacker attacker) =>
        AskAsync(attacker, Statement, static () => new ListStatementRequest
    {
        Address = AttackAccounts.Deep, PageSize = PageSize, NewestFirst = true, EndTime = new Timestamp { Seconds = 1 },
    });

    public static Task UnknownTransferAsync(Attacker attacker)
    {
        var number = 0;
        return AskAsync(attacker, Get, () => new GetTransferRequest
        {
            Account = AttackAccounts.Deep,
            Id = (Interlocked.Increment(ref number) % 2 == 0
                ? Guid.NewGuid()
                : Guid.CreateVersion7(TimeProvider.System.GetUtcNow().AddSeconds(-number % 3_600))).ToString(),
        });
    }

    public static Task ReadsAsync(Attacker attacker)
    {
        var message = new GetAccountRequest { Address = AttackAccounts.Own };
        return attacker.LoopAsync(80, 100, "/ledger.v1.AccountService/GetAccount", () => message);
    }

    private static Task AskAsync(Attacker attacker, string path, Func<IMessage> message) => Task.WhenAll(
        attacker.TellAsync(path, message()), attacker.LoopAsync(4, 16, path, message));
}
