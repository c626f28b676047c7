using Grpc.Core;
using Ledger.Testing;

namespace Ledger.Client.Tests;

/// <summary>Holds, transactions and changes of accounts: what goes in comes out, and what is sent again is the
/// same.</summary>
public sealed class TransactionTests
{
    [Fact]
    public async Task Hold_comes_back_as_it_was_made_and_is_posted_in_parts()
    {
        await using var server = await FakeServer.InMemoryAsync();
        await using var client = server.Connect();
        await Some.OpenAsync(client, "a", "b");
        var hold = Hold() with { Timeout = TimeSpan.FromHours(1) };

        var held = await client.PostTransferAsync(hold);
        var record = await client.GetTransferAsync("", hold.Id);
        var part = await client.PostTransferAsync(Transfer.PostHold(TransferIds.New(), hold.Id, 30, keepRest: true));
        var rest = await client.PostTransferAsync(Transfer.PostHold(TransferIds.New(), hold.Id));
        var late = await client.PostTransferAsync(Transfer.VoidHold(TransferIds.New(), hold.Id));
        var account = await client.GetAccountAsync("b");

        held.Amount.ShouldBe((UInt128)100);
        record.ShouldNotBeNull();
        (record.Transfer with { Metadata = hold.Metadata }).ShouldBe(hold);
        record.Hold.ShouldBe(new Hold(HoldState.Live, 100, record.CreateTime + hold.Timeout));
        record.TransactionId.ShouldBe(hold.Id);
        part.Amount.ShouldBe((UInt128)30);
        rest.Amount.ShouldBe((UInt128)70);
        late.Status.ShouldBe(TransferStatus.PendingTransferAlreadyPosted);
        late.Amount.ShouldBeNull();
        account!.Balances.CreditsPosted.ShouldBe((UInt128)100);
        account.Balances.CreditsPending.ShouldBe(UInt128.Zero);
    }

    [Fact]
    public async Task Every_property_of_a_transfer_is_kept_through_the_wire()
    {
        await using var server = await FakeServer.InMemoryAsync();
        await using var client = server.Connect();
        await Some.OpenAsync(client, "a", "b");
        var transfer = Hold() with
        {
            BalancingDebit = true,
            BalancingCredit = true,
            ClosingDebit = true,
            ClosingCredit = true,
            KeepRest = true,
            OpenAccounts = true,
            HoldId = TransferIds.New(),
            Reverses = TransferIds.New(),
            Reason = "because",
            Timeout = TimeSpan.FromMicroseconds(1),
        };

        await client.PostTransferAsync(transfer);
        var record = await client.GetTransferAsync("a", transfer.Id);

        (record!.Transfer with { Metadata = transfer.Metadata }).ShouldBe(transfer);
    }

    [Fact]
    public async Task No_bound_is_sent_as_no_amount_where_the_amount_is_a_bound()
    {
        await using var server = await FakeServer.InMemoryAsync();
        await using var client = server.Connect();
        await Some.OpenAsync(client, "a", "b");
        var transfer = Some.Transfer() with { Amount = Transfer.Unbounded, BalancingDebit = true };

        await client.PostTransferAsync(transfer);

        server.Ledger.GetTransfer("a", transfer.Id.ToString()).Transfer.Amount.ShouldBeEmpty();
        (await client.GetTransferAsync("a", transfer.Id))!.Transfer.Amount.ShouldBe(Transfer.Unbounded);
    }

    [Fact]
    public async Task Hold_is_extended()
    {
        await using var server = await FakeServer.InMemoryAsync();
        await using var client = server.Connect();
        await Some.OpenAsync(client, "a", "b");
        var hold = Hold();
        var until = new DateTimeOffset(2030, 1, 1, 0, 0, 0, TimeSpan.Zero);
        await client.PostTransferAsync(hold);

        var set = await client.ExtendHoldAsync(hold.Id, until);
        var again = await client.ExtendHoldAsync(hold.Id, until, "a");
        var missing = await client.ExtendHoldAsync(TransferIds.New(), until);

        set.ShouldBe(new ExtendHoldResult(hold.Id, TransferStatus.Created, until));
        again.IsApplied.ShouldBeTrue();
        missing.IsApplied.ShouldBeFalse();
        missing.ExpireTime.ShouldBeNull();
    }

    [Fact]
    public async Task Transaction_is_posted_whole_and_found_at_its_coordinator()
    {
        await using var server = await FakeServer.InMemoryAsync();
        await using var client = server.Connect();
        var transaction = new Transaction
        {
            Id = TransferIds.New(),
            Legs =
            [
                TransactionLeg.Open(Some.Account("a")),
                TransactionLeg.Open(Some.Account("b"), ifMissing: true),
                TransactionLeg.Of(Some.Transfer(5) with { Id = Guid.Empty, Asset = "USD/2" }),
                TransactionLeg.Of(Some.Transfer(7) with { Asset = "USD/2" }),
            ],
        };

        var outcome = await client.PostTransactionAsync(transaction);
        var record = await client.GetTransactionAsync("a", transaction.Id);
        var elsewhere = await client.GetTransactionAsync("b", transaction.Id);

        outcome.IsCommitted.ShouldBeTrue();
        outcome.FailedLeg.ShouldBeNull();
        outcome.Legs.Select(leg => leg.Opening).ShouldBe(
            [AccountStatus.Created, AccountStatus.Created, AccountStatus.Unspecified, AccountStatus.Unspecified]);
        outcome.Legs.Select(leg => leg.Amount).ShouldBe([null, null, (UInt128)5, (UInt128)7]);
        outcome.Legs[2].TransferId.ShouldNotBe(Guid.Empty);
        outcome.Legs[3].TransferId.ShouldBe(transaction.Legs[3].Transfer!.Id);
        record.ShouldNotBeNull();
        record.Result.Status.ShouldBe(TransferStatus.Created);
        record.Transaction.Legs[1].IfMissing.ShouldBeTrue();
        record.Transaction.Legs[2].Transfer!.Id.ShouldBe(outcome.Legs[2].TransferId);
        elsewhere.ShouldBeNull();
    }

    [Fact]
    public async Task Rejected_transaction_names_its_leg_and_did_nothing()
    {
        await using var server = await FakeServer.InMemoryAsync();
        await using var client = server.Connect();
        await Some.OpenAsync(client, "a", "b");
        var transaction = Transaction.Of(
            TransferIds.New(), Some.Transfer(), Some.Transfer() with { CreditAccount = "nobody" });

        var outcome = await client.PostTransactionAsync(transaction);

        outcome.IsRejected.ShouldBeTrue();
        outcome.Status.ShouldBe(TransferStatus.CreditAccountNotFound);
        outcome.FailedLeg.ShouldBe(1);
        outcome.Legs[0].Transfer.ShouldBe(TransferStatus.LinkedEventFailed);
        (await client.GetAccountAsync("a"))!.EntryCount.ShouldBe(0ul);
    }

    [Fact]
    public async Task Transfer_that_exists_outside_of_it_fails_a_transaction()
    {
        await using var server = await FakeServer.InMemoryAsync();
        await using var client = server.Connect();
        await Some.OpenAsync(client, "a", "b");
        var transfer = Some.Transfer();
        await client.PostTransferAsync(transfer);

        var outcome = await client.PostTransactionAsync(Transaction.Of(TransferIds.New(), transfer));

        outcome.Status.ShouldBe(TransferStatus.Exists);
        outcome.FailedLeg.ShouldBe(0);
        outcome.IsCommitted.ShouldBeFalse();
    }

    [Fact]
    public async Task Transaction_whose_answer_was_lost_is_sent_again_as_it_was()
    {
        await using var server = await FakeServer.InMemoryAsync();
        await using var client = server.Connect();
        await Some.OpenAsync(client, "a", "b");
        server.Ledger.After = call => call is { Method: "PostTransaction", Number: 1 }
            ? throw Refusals.Of(StatusCode.Unavailable)
            : Task.CompletedTask;

        var outcome = await client.PostTransactionAsync(Transaction.Of(TransferIds.New(), Some.Transfer()));

        outcome.Status.ShouldBe(TransferStatus.Exists);
        outcome.Replayed.ShouldBeTrue();
        outcome.IsCommitted.ShouldBeTrue();
        server.Ledger.TransactionCount.ShouldBe(1);
    }

    [Fact]
    public async Task Every_call_with_an_id_is_sent_again_when_unavailable()
    {
        await using var server = await FakeServer.InMemoryAsync();
        await using var client = server.Connect();
        await Some.OpenAsync(client, "a", "b");
        var (hold, transfer) = (Hold(), Some.Transfer());
        var holds = Transaction.Of(TransferIds.New(), Hold());
        await client.PostTransferAsync(hold);
        await client.PostTransferAsync(transfer);
        await client.PostTransactionAsync(holds);
        var failed = new System.Collections.Concurrent.ConcurrentDictionary<string, bool>(StringComparer.Ordinal);
        server.Ledger.Before = call => failed.TryAdd(call.Method, true)
            ? throw Refusals.Of(StatusCode.Unavailable)
            : Task.CompletedTask;

        await client.GetTransactionAsync("a", holds.Id);
        await client.SubmitBatchAsync([new BatchItem(TransactionLeg.Of(Some.Transfer()))]);
        await client.ReverseTransactionAsync(
            new Reversal { Id = TransferIds.New(), OriginalId = transfer.Id, Reason = "r" });
        await client.ResolveTransactionAsync(new TransactionResolution
        {
            Id = TransferIds.New(), TransactionId = holds.Id, Account = "a", Post = true,
        });

        failed.Keys.Order().ShouldBe(["GetTransaction", "ResolveTransaction", "ReverseTransaction", "SubmitBatch"]);
    }

    [Theory]
    [InlineData(StatusCode.Internal, true)]
    [InlineData(StatusCode.NotFound, false)]
    [InlineData(StatusCode.InvalidArgument, false)]
    [InlineData(StatusCode.ResourceExhausted, false)]
    public async Task Failed_call_says_whether_its_outcome_is_unknown(StatusCode code, bool unknown)
    {
        await using var server = await FakeServer.InMemoryAsync();
        await using var client = server.Connect();
        server.Ledger.Before = _ => throw Refusals.Of(code);
        var id = TransferIds.New();
        var reversal = new Reversal { Id = id, OriginalId = id, Reason = "r" };
        var resolution = new TransactionResolution { Id = id, TransactionId = id, Account = "a", Post = true };
        Func<Task>[] calls =
        [
            () => client.PostTransactionAsync(Transaction.Of(id, Some.Transfer())),
            () => client.ReverseTransactionAsync(reversal),
            () => client.ResolveTransactionAsync(resolution),
            () => client.ExtendHoldAsync(id, DateTimeOffset.UnixEpoch),
            () => client.FreezeAccountAsync("a", new AccountFreeze { Debits = true }),
            () => client.UnfreezeAccountAsync("a"),
            () => client.CloseAccountAsync("a"),
            () => client.ReopenAccountAsync("a"),
            () => client.SetAccountLimitsAsync("a", null, null),
        ];
        var request = new RequestOptions { Timeout = TimeSpan.FromMilliseconds(50) };
        foreach (var call in calls)
        {
            var failure = await Should.ThrowAsync<LedgerClientException>(call);
            failure.Code.ShouldBe(code);
            failure.OutcomeUnknown.ShouldBe(unknown);
        }

        // A batch that was refused may have been refused in its middle.
        (await Should.ThrowAsync<LedgerClientException>(() => client.SubmitBatchAsync(
            [new BatchItem(TransactionLeg.Of(Some.Transfer()))], request))).OutcomeUnknown
            .ShouldBe(code != StatusCode.InvalidArgument);
    }

    [Fact]
    public async Task Batch_is_answered_in_order_and_in_kind()
    {
        await using var server = await FakeServer.InMemoryAsync();
        await using var client = server.Connect();
        var transfer = Some.Transfer();

        var outcomes = await client.SubmitBatchAsync(
        [
            new BatchItem(TransactionLeg.Open(Some.Account("a")), Linked: true),
            new BatchItem(TransactionLeg.Open(Some.Account("b"))),
            new BatchItem(TransactionLeg.Of(transfer)),
        ]);

        outcomes[0].Opening!.Status.ShouldBe(AccountStatus.Created);
        outcomes[0].Transfer.ShouldBeNull();
        outcomes[2].Transfer!.Id.ShouldBe(transfer.Id);
        await Should.ThrowAsync<ArgumentOutOfRangeException>(() => client.SubmitBatchAsync([]));
    }

    [Fact]
    public async Task Transaction_of_holds_is_resolved_and_a_transfer_taken_back()
    {
        await using var server = await FakeServer.InMemoryAsync();
        await using var client = server.Connect();
        await Some.OpenAsync(client, "a", "b");
        var holds = Transaction.Of(TransferIds.New(), Hold(), Hold());
        var transfer = Some.Transfer(7);
        await client.PostTransactionAsync(holds);
        await client.PostTransferAsync(transfer);

        var voided = await client.ResolveTransactionAsync(new TransactionResolution
        {
            Id = TransferIds.New(), Account = "a", TransactionId = holds.Id, Post = false,
        });
        var reversed = await client.ReverseTransactionAsync(new Reversal
        {
            Id = TransferIds.New(), OriginalId = transfer.Id, Reason = "twice", Amount = 5,
        });

        voided.IsCommitted.ShouldBeTrue();
        voided.Legs.Select(leg => leg.Amount).ShouldBe([(UInt128)100, (UInt128)100]);
        reversed.IsCommitted.ShouldBeTrue();
        var account = await client.GetAccountAsync("a");
        (account!.Balances.DebitsPending, account.Balances.DebitsPosted, account.Balances.CreditsPosted)
            .ShouldBe((UInt128.Zero, (UInt128)7, (UInt128)5));
    }

    [Fact]
    public async Task Account_is_frozen_closed_and_limited()
    {
        await using var server = await FakeServer.InMemoryAsync();
        await using var client = server.Connect();
        await Some.OpenAsync(client, "a");
        var freeze = new AccountFreeze
        {
            Debits = true, Reason = "theft", EndTime = new DateTimeOffset(2030, 1, 1, 0, 0, 0, TimeSpan.Zero),
        };

        var frozen = await client.FreezeAccountAsync("a", freeze);
        var again = await client.FreezeAccountAsync("a", freeze);
        var unfrozen = await client.UnfreezeAccountAsync("a", "found");
        var closed = await client.CloseAccountAsync("a", "moved");
        var reopened = await client.ReopenAccountAsync("a");
        var limited = await client.SetAccountLimitsAsync("a", new AccountLimit(5), null);
        var missing = await client.CloseAccountAsync("nobody");

        frozen.Account!.Freeze.ShouldBe(freeze);
        again.Status.ShouldBe(AccountStatus.Unchanged);
        again.IsApplied.ShouldBeTrue();
        unfrozen.Account!.Freeze.ShouldBeNull();
        (closed.Account!.IsClosed, closed.Account.ClosedReason).ShouldBe((true, "moved"));
        reopened.Account!.IsClosed.ShouldBeFalse();
        limited.Account!.Spec.DebitsMustNotExceedCredits.ShouldBe(new AccountLimit(5));
        missing.ShouldBe(new AccountChangeResult(AccountStatus.NotFound, null));
    }

    [Fact]
    public void Transaction_is_read_from_the_JSON_of_the_API()
    {
        var transaction = Transaction.ParseJson(
            """
            {"id":"0190a5d2-7c1e-7b3a-9f00-2b1c3d4e5f60","legs":[
              {"opening":{"spec":{"address":"a","asset":"USD/2","code":1},"ifMissing":true}},
              {"transfer":{"debitAccount":"a","creditAccount":"b","amount":"340282366920938463463374607431768211455",
                "asset":"USD/2","code":7,"kind":"TRANSFER_KIND_HOLD","timeout":"90s"}},
              {"transfer":{"kind":"TRANSFER_KIND_POST_HOLD","holdId":"0190a5d2-7c1e-7b3a-9f00-2b1c3d4e5f61"}}]}
            """);

        transaction.Legs[0].IfMissing.ShouldBeTrue();
        var hold = transaction.Legs[1].Transfer!;
        (hold.Id, hold.Kind, hold.Timeout, hold.Amount).ShouldBe(
            (Guid.Empty, TransferKind.Hold, TimeSpan.FromSeconds(90), UInt128.MaxValue));
        transaction.Legs[2].Transfer!.Amount.ShouldBe(Transfer.Unbounded);
    }

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("{")]
    [InlineData("""{"legs":[{}]}""")]
    [InlineData("""{"leg":[]}""")]
    [InlineData("""{"id":"42"}""")]
    [InlineData("""{"legs":[{"transfer":{"amount":"x"}}]}""")]
    [InlineData("""{"legs":[{"transfer":{"amount":"340282366920938463463374607431768211456"}}]}""")]
    [InlineData("""{"legs":[{"transfer":{"amount":"1"},"opening":{}}]}""")]
    [InlineData("""{"legs":[{"transfer":{"debitAccount":"a","creditAccount":"b","code":1}}]}""")]
    [InlineData("""{"legs":[{"transfer":{"kind":"TRANSFER_KIND_HOLD"}}]}""")]
    [InlineData("""{"legs":[{"transfer":{"amount":"1","timeout":"1.000000001s"}}]}""")]
    [InlineData("""{"legs":[{"transfer":{"kind":"TRANSFER_KIND_GIFT"}}]}""")]
    public void What_is_no_transaction_is_a_format_error(string json) =>
        Should.Throw<FormatException>(() => Transaction.ParseJson(json));

    private static Transfer Hold() => Some.Transfer() with { Kind = TransferKind.Hold };
}
