using System.Text;
using System.Text.Json;
using Google.Protobuf.WellKnownTypes;
using Ledger.V1;
using AccountState = Ledger.V1.AccountState;

namespace Ledger.Grpc.Tests;

/// <summary>The facts that requests and answers carry, in both forms.</summary>
public sealed class FactsTests
{
    private const long LastSecond = 253_402_300_799;

    // ---------------------------------------------------------------- effective time

    [Theory]
    [InlineData(0, 0, 0)]
    [InlineData(0, 1, 1)]
    [InlineData(-1, 999_999_001, 0)]
    [InlineData(-62_135_596_800, 0, -62_135_596_800_000_000)]
    [InlineData(LastSecond, 999_999_000, 253_402_300_799_999_999)]
    public async Task An_effective_time_is_read_to_the_next_microsecond_and_printed(
        long seconds, int nanos, long micros)
    {
        await using var host = await GrpcHost.StartAsync();
        var sent = Samples.Transfer(t => t.EffectiveTime = new Timestamp { Seconds = seconds, Nanos = nanos });
        await host.Transfers.PostTransferAsync(new PostTransferRequest { Transfer = sent });

        var transfer = (Transfer)host.Ledger.Calls.ShouldHaveSingleItem().Argument;
        transfer.EffectiveTime.ShouldBe(new LedgerTime(micros));
        host.Ledger.Record = new TransferRecord(transfer, TransferStatus.Created, FakeLedger.Now, null);
        var read = (await host.Transfers.GetTransferAsync(
            new GetTransferRequest { Account = "shop", Id = Samples.Id })).Record.Transfer;
        read.EffectiveTime.ToDateTimeOffset().ShouldBe(new LedgerTime(micros).ToDateTimeOffset());

        // What is in the record can be printed as JSON too.
        using var json = JsonDocument.Parse(
            await host.Http.GetStringAsync($"/v1/accounts/shop/transfers/{Samples.Id}"));
        json.RootElement.GetProperty("record").GetProperty("transfer").GetProperty("effectiveTime").GetDateTimeOffset()
            .ShouldBe(new LedgerTime(micros).ToDateTimeOffset());
    }

    [Theory]
    [InlineData(LastSecond, 999_999_001)]
    [InlineData(LastSecond + 1, 0)]
    [InlineData(-62_135_596_801, 999_999_999)]
    [InlineData(0, -1)]
    public async Task A_time_that_can_t_be_printed_once_it_is_rounded_is_refused(long seconds, int nanos)
    {
        await using var host = await GrpcHost.StartAsync();
        var time = new Timestamp { Seconds = seconds, Nanos = nanos };
        var calls = new (string Field, Func<Task> Call)[]
        {
            ("transfer.effective_time", async () => await host.Transfers.PostTransferAsync(
                new PostTransferRequest { Transfer = Samples.Transfer(t => t.EffectiveTime = time) })),
            ("transfers[1].effective_time", async () => await host.Transfers.PostTransfersAsync(
                Samples.Batch(2, 1, t => t.EffectiveTime = time))),
            ("effective_time", async () => await host.Transactions.ReverseTransactionAsync(
                Samples.Reversal(r => r.EffectiveTime = time))),
            ("effective_time", async () => await host.Transactions.ResolveTransactionAsync(
                Samples.Resolution(r => r.EffectiveTime = time))),
        };
        foreach (var (field, call) in calls)
        {
            var error = await Errors.OfAsync(call);
            error.Reason.ShouldBe("MALFORMED_TIME");
            error.Field.ShouldBe(field);
        }

        host.Ledger.Calls.ShouldBeEmpty();
    }

    [Fact]
    public async Task An_effective_time_in_JSON_is_a_time_of_RFC_3339()
    {
        await using var host = await GrpcHost.StartAsync();
        var body = $$"""
            {"id":"{{Samples.Id}}","debitAccount":"a","creditAccount":"b","amount":"5","code":1,
             "effectiveTime":"2026-11-30T23:59:59.999999Z"}
            """;
        var response = await host.Http.PostAsync(
            "/v1/transfers", new StringContent(body, Encoding.UTF8, "application/json"));
        response.IsSuccessStatusCode.ShouldBeTrue(await response.Content.ReadAsStringAsync());
        ((Transfer)host.Ledger.Calls.ShouldHaveSingleItem().Argument).EffectiveTime.ShouldBe(
            LedgerTime.From(new DateTimeOffset(2026, 12, 1, 0, 0, 0, TimeSpan.Zero)) is var next
                ? new LedgerTime(next.UnixMicroseconds - 1)
                : null);
    }

    [Fact]
    public async Task The_effective_time_of_a_correction_and_of_a_resolution_is_passed_on()
    {
        await using var host = await GrpcHost.StartAsync();
        var time = new Timestamp { Seconds = 7 };
        await host.Transactions.ReverseTransactionAsync(Samples.Reversal(r => r.EffectiveTime = time));
        await host.Transactions.ResolveTransactionAsync(Samples.Resolution(r => r.EffectiveTime = time));

        var calls = host.Ledger.Calls.ToArray();
        ((Reversal)calls[0].Argument).EffectiveTime.ShouldBe(new LedgerTime(7_000_000));
        ((TransactionResolution)calls[1].Argument).EffectiveTime.ShouldBe(new LedgerTime(7_000_000));
    }

    // ---------------------------------------------------------------- principals

    [Fact]
    public async Task Who_asked_is_told_of_what_is_recorded_and_nobody_is_named_before_anybody_is_known()
    {
        await using var host = await GrpcHost.StartAsync();
        await host.Transfers.PostTransferAsync(new PostTransferRequest { Transfer = Samples.Transfer() });
        var transfer = (Transfer)host.Ledger.Calls.ShouldHaveSingleItem().Argument;
        host.Ledger.Principals.ShouldBeEmpty();

        host.Ledger.Record =
            new TransferRecord(transfer, TransferStatus.Created, FakeLedger.Now, null) { Principal = "alice" };
        var record = (await host.Transfers.GetTransferAsync(
            new GetTransferRequest { Account = "shop", Id = Samples.Id })).Record;
        record.Principal.ShouldBe("alice");
        var posted = new Transaction(transfer.Id, [TransactionLeg.Of(transfer)]);
        host.Ledger.TransactionRecord =
            new TransactionRecord(posted, host.Ledger.OnTransaction(posted)) { Principal = "bob" };
        (await host.Transactions.GetTransactionAsync(new GetTransactionRequest { Account = "shop", Id = Samples.Id }))
            .Record.Principal.ShouldBe("bob");
    }

    // ---------------------------------------------------------------- positions

    [Fact]
    public async Task Every_write_tells_its_position()
    {
        await using var host = await GrpcHost.StartAsync();
        var place = new RowPosition(AccountAddress.Parse("shop"), 7);
        host.Ledger.OnTransfer = (t, _) => Task.FromResult(FakeLedger.Created(t) with { Position = place });
        var transaction = host.Ledger.OnTransaction;
        host.Ledger.OnTransaction = t => transaction(t) with { Position = place };
        host.Ledger.OnItem = item => item.Leg.Transfer is { } t
            ? new BatchItemResult(FakeLedger.Created(t) with { Position = place }, null)
            : new BatchItemResult(
                null,
                new OpenAccountResult(item.Leg.Opening!.Address, AccountStatus.Created, FakeLedger.Now)
                {
                    Position = place,
                });
        host.Ledger.Change = new AccountChangeResult(AccountStatus.Changed, null) { Position = place };
        host.Ledger.Extension = new ExtendHoldResult(default, TransferStatus.Created, null) { Position = place };

        (await host.Transfers.PostTransferAsync(new PostTransferRequest { Transfer = Samples.Transfer() })).Result
            .Position
            .ShouldBe("shop/7");
        (await host.Transfers.PostTransfersAsync(Samples.Batch(2))).Results
            .ShouldAllBe(static one => one.Position == "shop/7");
        (await host.Transactions.PostTransactionAsync(
            new PostTransactionRequest { Transaction = Samples.Transaction() })).Result
            .Position.ShouldBe("shop/7");
        (await host.Transactions.ReverseTransactionAsync(Samples.Reversal())).Result.Position.ShouldBe("shop/7");
        (await host.Transactions.ResolveTransactionAsync(Samples.Resolution())).Result.Position.ShouldBe("shop/7");
        var items = (await host.Transactions.SubmitBatchAsync(Samples.Items())).Results;
        items[0].Opening.Position.ShouldBe("shop/7");
        items[1].Transfer.Position.ShouldBe("shop/7");
        (await host.Transfers.ExtendHoldAsync(Samples.Extension())).Result.Position.ShouldBe("shop/7");
        (await host.Accounts.CloseAccountAsync(new CloseAccountRequest { Address = "shop", Reason = "r" })).Result
            .Position
            .ShouldBe("shop/7");
        (await host.Accounts.OpenAccountsAsync(new OpenAccountsRequest { Accounts = { Samples.Account() } })).Results[0]
            .Position
            .ShouldBeEmpty();
    }

    // ---------------------------------------------------------------- balances afterwards

    [Fact]
    public async Task Balances_are_asked_for_by_a_flag_and_told_of_both_accounts()
    {
        await using var host = await GrpcHost.StartAsync();
        var after = new AccountAfter(
            AccountAddress.Parse("shop"),
            new Balances(default, Amount.Of(1), default, Amount.MaxValue, default, default), 7, 9,
            null, Amount.Of(3));
        host.Ledger.OnTransfer = (t, _) =>
            Task.FromResult(FakeLedger.Created(t) with { DebitAfter = after, CreditAfter = after });
        var transaction = host.Ledger.OnTransaction;
        host.Ledger.OnTransaction = t => transaction(t) with { After = [after, after] };

        await host.Transfers.PostTransferAsync(new PostTransferRequest { Transfer = Samples.Transfer() });
        host.Ledger.ReturningBalancesCount.ShouldBe(0);
        var result = (await host.Transfers.PostTransferAsync(
            new PostTransferRequest { Transfer = Samples.Transfer(), ReturnBalances = true })).Result;
        var batch = Samples.Batch(2);
        batch.ReturnBalances = true;
        await host.Transfers.PostTransfersAsync(batch);
        var posted = (await host.Transactions.PostTransactionAsync(
            new PostTransactionRequest { Transaction = Samples.Transaction(), ReturnBalances = true })).Result;
        var json = await host.Http.PostAsync(
            "/v1/transfers?return_balances=true", new StringContent(
                $$"""{"id":"{{Samples.Id}}","debitAccount":"a","creditAccount":"b","amount":"5","code":1}""",
                Encoding.UTF8,
                "application/json"));
        json.IsSuccessStatusCode.ShouldBeTrue(await json.Content.ReadAsStringAsync());
        host.Ledger.ReturningBalancesCount.ShouldBe(4);
        using (var stream = host.Transfers.StreamTransfers())
        {
            foreach (var asked in new[] { false, true })
            {
                await stream.RequestStream.WriteAsync(
                    new StreamTransfersRequest { Sequence = 1, Transfer = Samples.Transfer(), ReturnBalances = asked });
                (await stream.ResponseStream.MoveNext(default)).ShouldBeTrue();
            }

            await stream.RequestStream.CompleteAsync();
        }

        host.Ledger.ReturningBalancesCount.ShouldBe(5);

        result.CreditAfter.ShouldBe(result.DebitAfter);
        result.DebitAfter.ShouldBe(new AccountState
        {
            Address = "shop", Version = 7, EntrySequence = 9, AvailableCredits = "3",
            Balances = new V1.Balances
            {
                DebitsPending = "0",
                DebitsPosted = "1", CreditsPending = "0", CreditsPosted = Amount.MaxValue.ToString(),
                DebitsInDoubt = "0", CreditsInDoubt = "0",
            },
        });
        posted.AccountsAfter.ShouldBe([result.DebitAfter, result.DebitAfter]);

        var tooMany = Samples.Batch(LedgerLimits.ReturnedBalancesMax + 1);
        await host.Transfers.PostTransfersAsync(tooMany);
        tooMany.ReturnBalances = true;
        var error = await Errors.OfAsync(async () => await host.Transfers.PostTransfersAsync(tooMany));
        error.Reason.ShouldBe("BATCH_TOO_LARGE");
    }
}
