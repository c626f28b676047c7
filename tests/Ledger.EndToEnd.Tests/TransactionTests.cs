using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Ledger.Client;
using Ledger.EndToEnd.Tests.Support;

namespace Ledger.EndToEnd.Tests;

/// <summary>Goal: a transaction happens all or not at all, and an account can be frozen, closed and limited, as callers
/// see it from outside. Method: the client, plain JSON and the command line against a real node on SQLite; each test
/// has accounts of its own.</summary>
[Collection(SharedNodeCollection.Name)]
public sealed class TransactionTests(SharedNode shared) : IAsyncLifetime
{
    private readonly LedgerClient client = shared.Node.Connect();
    private readonly string name = SharedNode.NewName();

    public async Task InitializeAsync() => await client.OpenAccountsAsync(
        [New("bank"), New("a") with { DebitsMustNotExceedCredits = new AccountLimit(0) }, New("b"), New("c")]);

    public Task DisposeAsync() => client.DisposeAsync().AsTask();

    [Fact]
    public async Task Legs_see_each_other_and_the_retry_has_the_same_results()
    {
        var transaction = Transaction.Of(
            TransferIds.New(), Leg("bank", "a", 10), Leg("a", "b", 7), Leg("a", "c", 3), Leg("c", "b", 1));
        var posted = await client.PostTransactionAsync(transaction);
        var again = await client.PostTransactionAsync(transaction);
        var record = await client.GetTransactionAsync(At("bank"), transaction.Id);
        var leg = await client.GetTransferAsync(At("b"), posted.Legs[1].TransferId);

        posted.Status.ShouldBe(TransferStatus.Created);
        again.Status.ShouldBe(TransferStatus.Exists);
        again.CreateTime.ShouldBe(posted.CreateTime);
        again.Legs.Select(l => (l.TransferId, l.Amount)).ShouldBe(posted.Legs.Select(l => (l.TransferId, l.Amount)));
        record!.Transaction.Legs.Select(l => l.Transfer!.Id).ShouldBe(posted.Legs.Select(l => l.TransferId));
        leg!.TransactionId.ShouldBe(transaction.Id);
        (await BalanceAsync("b")).ShouldBe(-8);
        (await BalanceAsync("a")).ShouldBe(0);
    }

    [Fact]
    public async Task One_leg_that_fails_fails_all_and_is_named()
    {
        var transaction = Transaction.Of(TransferIds.New(), Leg("bank", "b", 5), Leg("a", "c", 1));
        var rejected = await client.PostTransactionAsync(transaction);
        await client.PostTransferAsync(Leg("bank", "a", 5) with { Id = TransferIds.New() });
        var again = await client.PostTransactionAsync(transaction);

        rejected.Status.ShouldBe(TransferStatus.ExceedsCredits);
        rejected.FailedLeg.ShouldBe(1);
        rejected.Legs[0].Transfer.ShouldBe(TransferStatus.LinkedEventFailed);
        again.Status.ShouldBe(TransferStatus.ExceedsCredits, "a rejection is final for its id");
        again.Replayed.ShouldBeTrue();
        (await BalanceAsync("b")).ShouldBe(0);
    }

    [Fact]
    public async Task Transfer_that_is_recorded_already_fails_a_transaction()
    {
        var transfer = Leg("bank", "b", 5) with { Id = TransferIds.New() };
        await client.PostTransferAsync(transfer);
        var outcome = await client.PostTransactionAsync(
            Transaction.Of(TransferIds.New(), transfer, Leg("bank", "c", 1)));

        outcome.IsCommitted.ShouldBeFalse();
        outcome.FailedLeg.ShouldBe(0);
        outcome.Status.ShouldBe(TransferStatus.Exists);
        (await BalanceAsync("c")).ShouldBe(0);
    }

    [Fact]
    public async Task Accounts_are_opened_and_paid_in_one_transaction_or_batch()
    {
        var transaction = await client.PostTransactionAsync(new Transaction
        {
            Id = TransferIds.New(),
            Legs =
            [
                TransactionLeg.Open(New("d")), TransactionLeg.Open(New("bank"), ifMissing: true),
                TransactionLeg.Of(Leg("bank", "d", 5)),
            ],
        });
        var batch = await client.SubmitBatchAsync(
        [
            new BatchItem(TransactionLeg.Open(New("e")), Linked: true),
            new BatchItem(TransactionLeg.Of(Leg("bank", "e", 5) with { Id = TransferIds.New() })),
            new BatchItem(TransactionLeg.Open(New("f")), Linked: true),
            new BatchItem(TransactionLeg.Of(Leg("a", "f", 5) with { Id = TransferIds.New() })),
        ]);
        var onFirstUse = await client.PostTransferAsync(
            Leg("bank", "g", 5) with { Id = TransferIds.New(), OpenAccounts = true });

        transaction.IsCommitted.ShouldBeTrue();
        (batch[0].Opening!.Status, batch[1].Transfer!.Status).ShouldBe((AccountStatus.Created, TransferStatus.Created));
        (batch[2].Opening!.Status, batch[3].Transfer!.Status).ShouldBe(
            (AccountStatus.LinkedEventFailed, TransferStatus.ExceedsCredits));
        onFirstUse.Status.ShouldBe(TransferStatus.Created);
        (await BalanceAsync("e")).ShouldBe(-5);
        (await BalanceAsync("g")).ShouldBe(-5);
        (await client.GetAccountAsync(At("f"))).ShouldBeNull();
    }

    [Fact]
    public async Task Holds_of_a_transaction_are_posted_or_voided_as_one()
    {
        var (kept, dropped) = (Holds(), Holds());
        await client.PostTransactionAsync(kept);
        await client.PostTransactionAsync(dropped);
        var posted = await client.ResolveTransactionAsync(Resolve(kept, post: true));
        var voided = await client.ResolveTransactionAsync(Resolve(dropped, post: false));
        var again = await client.ResolveTransactionAsync(Resolve(kept, post: false));

        posted.IsCommitted.ShouldBeTrue();
        voided.IsCommitted.ShouldBeTrue();
        again.Status.ShouldBe(TransferStatus.PendingTransferAlreadyPosted);
        (await BalanceAsync("b")).ShouldBe(-5);
        (await client.GetAccountAsync(At("bank")))!.Balances.DebitsPending.ShouldBe(UInt128.Zero);
        (await Should.ThrowAsync<LedgerClientException>(() => client.ResolveTransactionAsync(
            Resolve(kept, post: true) with { TransactionId = TransferIds.New() }))).Reason.ShouldBe("NOT_FOUND");

        Transaction Holds() => Transaction.Of(
            TransferIds.New(), Leg("bank", "b", 5) with { Kind = TransferKind.Hold },
            Leg("bank", "c", 6) with { Kind = TransferKind.Hold });

        TransactionResolution Resolve(Transaction holds, bool post) => new()
        {
            Id = TransferIds.New(), Account = At("bank"), TransactionId = holds.Id, Post = post,
        };
    }

    [Fact]
    public async Task Account_is_frozen_closed_and_limited()
    {
        var frozen = await client.FreezeAccountAsync(At("b"), new AccountFreeze { Credits = true, Reason = "court" });
        var credit = await client.PostTransferAsync(Leg("bank", "b", 1) with { Id = TransferIds.New() });
        var debit = await client.PostTransferAsync(Leg("b", "bank", 1) with { Id = TransferIds.New() });
        var unfrozen = await client.UnfreezeAccountAsync(At("b"), "over");
        var tooTight = await client.SetAccountLimitsAsync(At("b"), new AccountLimit(0), null);
        var closed = await client.CloseAccountAsync(At("b"), "moved");
        var late = await client.PostTransferAsync(Leg("bank", "b", 1) with { Id = TransferIds.New() });
        var again = await client.CloseAccountAsync(At("b"), "moved");
        var reopened = await client.ReopenAccountAsync(At("b"), "back");
        var missing = await client.CloseAccountAsync(At("nobody"), "moved");

        frozen.Account!.Freeze!.Reason.ShouldBe("court");
        credit.Status.ShouldBe(TransferStatus.CreditAccountFrozen);
        debit.Status.ShouldBe(TransferStatus.Created);
        unfrozen.Account!.Freeze.ShouldBeNull();
        tooTight.Status.ShouldBe(AccountStatus.LimitIsExceeded);
        closed.Account!.ClosedReason.ShouldBe("moved");
        late.Status.ShouldBe(TransferStatus.CreditAccountAlreadyClosed);
        again.Status.ShouldBe(AccountStatus.Unchanged);
        reopened.Status.ShouldBe(AccountStatus.Changed);
        missing.Status.ShouldBe(AccountStatus.NotFound);
    }

    [Fact]
    public async Task Transaction_goes_through_json_and_the_command_line()
    {
        var json = new JsonObject
        {
            ["id"] = $"{TransferIds.New():D}",
            ["legs"] = new JsonArray(Json("bank", "a", 4), Json("a", "b", 4)),
        };
        using var http = new HttpClient { BaseAddress = shared.Node.Json };
        using var response = await http.PostAsJsonAsync("/v1/transactions", json);
        var posted = JsonNode.Parse(await response.Content.ReadAsStringAsync())!;
        using var store = new Store(Database.Sqlite);
        var file = Path.Combine(store.Root, "transaction.json");
        await File.WriteAllTextAsync(file, json.ToJsonString());
        var ended = await Programs.RunAsync(
            Programs.Cli, store.Root, "transactions", "post", file, "--output", "json", "--server",
            shared.Node.Grpc.ToString());

        ((string)posted["result"]!["status"]!).ShouldBe("TRANSFER_STATUS_CREATED");
        ended.ExitCode.ShouldBe(0, ended.All);
        ((string?)JsonNode.Parse(ended.Out)!["status"]).ShouldBe("EXISTS");
        (await BalanceAsync("b")).ShouldBe(-4);

        JsonObject Json(string debit, string credit, int amount) => new()
        {
            ["transfer"] = new JsonObject
            {
                ["debitAccount"] = At(debit), ["creditAccount"] = At(credit), ["amount"] = $"{amount}",
                ["asset"] = "USD/2", ["code"] = 1,
            },
        };
    }

    private string At(string account) => $"{name}:{account}";

    private AccountSpec New(string account) => new() { Address = At(account), Asset = "USD/2", Code = 1 };

    private Transfer Leg(string debit, string credit, int amount) => new()
    {
        Id = Guid.Empty,
        DebitAccount = At(debit), CreditAccount = At(credit), Amount = (UInt128)amount, Asset = "USD/2",
        Code = 1,
    };

    private async Task<System.Numerics.BigInteger> BalanceAsync(string account) =>
        (await client.GetAccountAsync(At(account)))!.Balance;
}
