using Google.Protobuf.WellKnownTypes;
using Ledger.V1;

namespace Ledger.Grpc.Tests;

/// <summary>That holds, transactions and changes of accounts survive the way in and out.</summary>
public sealed class TransactionMappingTests
{
    private static readonly TransferId Id = TransferId.FromGuid(Guid.Parse(Samples.Id));
    private static readonly TransferId OtherId = TransferId.FromGuid(Guid.Parse(Samples.OtherId));
    private static readonly AccountAddress Shop = AccountAddress.Parse("shop");

    private static readonly string[] s_properties =
    [
        nameof(Transfer.BalancingDebit), nameof(Transfer.BalancingCredit), nameof(Transfer.ClosingDebit),
        nameof(Transfer.ClosingCredit), nameof(Transfer.KeepRest), nameof(Transfer.OpenAccounts),
    ];

    public static TheoryData<string, TransferKind> Kinds() => new()
    {
        { nameof(V1.TransferKind.Unspecified), TransferKind.Direct },
        { nameof(V1.TransferKind.Hold), TransferKind.Hold },
        { nameof(V1.TransferKind.PostHold), TransferKind.PostHold },
        { nameof(V1.TransferKind.VoidHold), TransferKind.VoidHold },
    };

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task A_kind_is_the_same_in_both_directions(string kind, TransferKind expected)
    {
        await using var host = await GrpcHost.StartAsync();
        var sent = Samples.Transfer(t =>
        {
            t.Kind = System.Enum.Parse<V1.TransferKind>(kind);
            t.HoldId = Samples.OtherId;
            t.Timeout = new Duration { Seconds = 90, Nanos = 1000 };
            t.Reverses = Samples.OtherId;
            t.Reason = "because";
        });

        await host.Transfers.PostTransferAsync(new PostTransferRequest { Transfer = sent });

        var transfer = (Transfer)host.Ledger.Calls.ShouldHaveSingleItem().Argument;
        transfer.Kind.ShouldBe(expected);
        transfer.HoldId.ShouldBe(OtherId);
        transfer.Timeout.ShouldBe(TimeSpan.FromSeconds(90) + TimeSpan.FromMicroseconds(1));
        transfer.Reverses.ShouldBe(OtherId);
        transfer.Reason.ShouldBe("because");
        (await ReadBackAsync(host, transfer)).ShouldBe(sent);
    }

    public static TheoryData<string> Properties() => [.. s_properties];

    [Theory]
    [MemberData(nameof(Properties))]
    public async Task A_property_is_the_same_in_both_directions(string property)
    {
        await using var host = await GrpcHost.StartAsync();
        var sent = Samples.Transfer(t => typeof(V1.Transfer).GetProperty(property)!.SetValue(t, true));

        await host.Transfers.PostTransferAsync(new PostTransferRequest { Transfer = sent });

        var transfer = (Transfer)host.Ledger.Calls.ShouldHaveSingleItem().Argument;
        s_properties.Where(name => (bool)typeof(Transfer).GetProperty(name)!.GetValue(transfer)!)
            .ShouldBe([property]);
        transfer.Kind.ShouldBe(TransferKind.Direct);
        (await ReadBackAsync(host, transfer)).ShouldBe(sent);
    }

    [Fact]
    public void Every_property_and_kind_of_the_core_can_be_told()
    {
        typeof(Transfer).GetProperties()
            .Where(static one => one.PropertyType == typeof(bool) && one.CanWrite).Select(static one => one.Name)
            .ShouldBe(s_properties, ignoreOrder: true);
        System.Enum.GetValues<TransferKind>().Select(static kind => (int)kind)
            .ShouldBe(System.Enum.GetValues<V1.TransferKind>().Select(static kind => (int)kind));
    }

    [Fact]
    public async Task An_expiry_is_told_as_such()
    {
        await using var host = await GrpcHost.StartAsync();
        var expiry = new Transfer(Id, Shop, AccountAddress.Parse("b"), Amount.Zero, 1)
        {
            Kind = TransferKind.ExpireHold,
            HoldId = OtherId,
        };

        (await ReadBackAsync(host, expiry)).Kind.ShouldBe(V1.TransferKind.ExpireHold);
    }

    [Theory]
    [InlineData(nameof(V1.TransferKind.PostHold), false, true)]
    [InlineData(nameof(V1.TransferKind.VoidHold), false, false)]
    [InlineData(nameof(V1.TransferKind.Unspecified), true, true)]
    public async Task An_empty_amount_is_all_there_is(string kindName, bool balancing, bool unbounded)
    {
        var kind = System.Enum.Parse<V1.TransferKind>(kindName);
        await using var host = await GrpcHost.StartAsync();
        await host.Transfers.PostTransferAsync(new PostTransferRequest
        {
            Transfer = Samples.Transfer(t => (t.Kind, t.BalancingCredit, t.Amount) = (kind, balancing, "")),
        });

        var transfer = (Transfer)host.Ledger.Calls.ShouldHaveSingleItem().Argument;
        transfer.Amount.ShouldBe(unbounded ? Amount.MaxValue : Amount.Zero);
        (await ReadBackAsync(host, transfer)).Amount.ShouldBe(unbounded ? "" : "0");
    }

    [Fact]
    public async Task A_post_needs_nothing_but_its_hold()
    {
        await using var host = await GrpcHost.StartAsync();
        await host.Transfers.PostTransferAsync(new PostTransferRequest
        {
            Transfer = new V1.Transfer { Id = Samples.Id, Kind = V1.TransferKind.PostHold, HoldId = Samples.OtherId },
        });

        host.Ledger.Calls.ShouldHaveSingleItem().Argument
            .ShouldBe(new Transfer(Id, default, default, Amount.MaxValue, 0)
        {
            Kind = TransferKind.PostHold,
            HoldId = OtherId,
        });
    }

    [Fact]
    public async Task The_final_amount_is_told_of_what_is_recorded_alone()
    {
        await using var host = await GrpcHost.StartAsync();
        host.Ledger.OnTransfer = (t, _) => Task.FromResult(FakeLedger.Created(t) with { Amount = Amount.Of(7) });
        var created = await host.Transfers.PostTransferAsync(new PostTransferRequest { Transfer = Samples.Transfer() });
        host.Ledger.OnTransfer = (t, _) => Task.FromResult(
            new TransferResult(t.Id, TransferStatus.ExceedsCredits, FakeLedger.Now, false, null));
        var rejected =
            await host.Transfers.PostTransferAsync(new PostTransferRequest { Transfer = Samples.Transfer() });

        created.Result.Amount.ShouldBe("7");
        rejected.Result.Amount.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_record_of_a_hold_says_what_became_of_it()
    {
        await using var host = await GrpcHost.StartAsync();
        host.Ledger.Record = new TransferRecord(Hold, TransferStatus.Created, FakeLedger.Now, null)
        {
            Amount = Amount.Of(5),
            TransactionId = OtherId,
            Hold = HoldState.Live,
            HoldRemaining = Amount.Of(2),
            HoldDeadline = FakeLedger.Now,
        };
        var live = (await host.Transfers.GetTransferAsync(new GetTransferRequest { Id = Samples.Id })).Record;
        host.Ledger.Record = host.Ledger.Record with
        {
            Hold = HoldState.Expired, HoldRemaining = default, HoldDeadline = null,
        };
        var expired = (await host.Transfers.GetTransferAsync(new GetTransferRequest { Id = Samples.Id })).Record;

        host.Ledger.Calls.First().Argument.ShouldBe((default(AccountAddress), Id), "the account may be left out");
        live.Amount.ShouldBe("5");
        live.TransactionId.ShouldBe(Samples.OtherId);
        live.Hold.ShouldBe(
            new V1.Hold { State = V1.HoldState.Live, Remaining = "2", ExpireTime = Time(FakeLedger.Now) });
        expired.Hold.ShouldBe(new V1.Hold { State = V1.HoldState.Expired });
    }

    [Fact]
    public async Task A_transaction_reaches_the_ledger_whole_and_its_legs_get_ids()
    {
        await using var host = await GrpcHost.StartAsync();
        var response = await host.Transactions.PostTransactionAsync(
            new PostTransactionRequest { Transaction = Samples.Transaction() });

        var transaction = (Transaction)host.Ledger.Calls.ShouldHaveSingleItem().Argument;
        transaction.Id.ShouldBe(OtherId);
        transaction.Legs.Length.ShouldBe(3);
        transaction.Legs[0].Transfer!.Id.ShouldBe(Id);
        transaction.Legs[1].ShouldBe(TransactionLeg.Open(
            new AccountSpec(AccountAddress.Parse("users:42:wallet"), Asset.Parse("USD/2"), 1), ifMissing: true));
        transaction.Legs[2].Transfer!.Id.ShouldBe(Transaction.LegId(OtherId, 2));
        var result = response.Result;
        result.Status.ShouldBe(V1.TransferStatus.Created);
        result.HasFailedLeg.ShouldBeFalse();
        result.CreateTime.ShouldBe(Time(FakeLedger.Now));
        result.Legs.ShouldBe(
        [
            new V1.LegResult { TransferId = Samples.Id, TransferStatus = V1.TransferStatus.Created, Amount = "1250" },
            new V1.LegResult { AccountStatus = V1.AccountStatus.Created },
            new V1.LegResult
            {
                TransferId = Transaction.LegId(OtherId, 2).ToString(),
                TransferStatus = V1.TransferStatus.Created,
                Amount = "1250",
            },
        ]);
    }

    [Fact]
    public async Task A_nil_transaction_is_left_to_the_ledger_to_refuse()
    {
        await using var host = await GrpcHost.StartAsync();
        await host.Transactions.PostTransactionAsync(
            new PostTransactionRequest { Transaction = Samples.Transaction(t => t.Id = "") });

        var transaction = (Transaction)host.Ledger.Calls.ShouldHaveSingleItem().Argument;
        transaction.Id.IsNil.ShouldBeTrue();
        transaction.Legs[2].Transfer!.Id.IsNil.ShouldBeTrue();
    }

    [Fact]
    public async Task One_leg_alone_and_the_resolution_of_a_hold_need_no_asset()
    {
        await using var host = await GrpcHost.StartAsync();
        await host.Transactions.PostTransactionAsync(new PostTransactionRequest
        {
            Transaction = new V1.Transaction
            {
                Id = Samples.OtherId,
                Legs = { new V1.TransactionLeg { Transfer = Samples.Transfer(t => t.Asset = "") } },
            },
        });
        await host.Transactions.PostTransactionAsync(new PostTransactionRequest
        {
            Transaction = Samples.Transaction(t => t.Legs[2].Transfer = new V1.Transfer
            {
                Kind = V1.TransferKind.VoidHold,
                HoldId = Samples.Id,
            }),
        });

        host.Ledger.Calls.Count.ShouldBe(2);
    }

    [Theory]
    [InlineData(TransferStatus.ExceedsCredits)]
    [InlineData(TransferStatus.Exists)]
    public async Task A_rejected_transaction_names_the_leg_that_failed(TransferStatus reason)
    {
        await using var host = await GrpcHost.StartAsync();
        host.Ledger.OnTransaction = t => new TransactionResult(
            t.Id, reason, 2, FakeLedger.Now, false, null,
            [
                new LegResult(TransferStatus.LinkedEventFailed, AccountStatus.None, default),
                new LegResult(TransferStatus.None, AccountStatus.LinkedEventFailed, default),
                new LegResult(reason, AccountStatus.None, default),
            ]);
        var result = (await host.Transactions.PostTransactionAsync(
            new PostTransactionRequest { Transaction = Samples.Transaction() })).Result;

        result.Status.ShouldBe((V1.TransferStatus)reason);
        result.HasFailedLeg.ShouldBeTrue();
        result.FailedLeg.ShouldBe(2);
        result.CreateTime.ShouldBeNull("nothing of it is recorded");
        result.Legs[1].AccountStatus.ShouldBe(V1.AccountStatus.LinkedEventFailed);
    }

    [Fact]
    public async Task A_transaction_comes_back_whole()
    {
        await using var host = await GrpcHost.StartAsync();
        var posted = Transaction.Of(OtherId, Hold);
        host.Ledger.TransactionRecord = new TransactionRecord(posted, host.Ledger.OnTransaction(posted));
        var record = (await host.Transactions.GetTransactionAsync(
            new GetTransactionRequest { Account = "shop", Id = Samples.OtherId })).Record;

        host.Ledger.Calls.ShouldHaveSingleItem().Argument.ShouldBe((Shop, OtherId));
        record.Transaction.Id.ShouldBe(Samples.OtherId);
        record.Transaction.Legs.ShouldHaveSingleItem().Transfer.Kind.ShouldBe(V1.TransferKind.Hold);
        record.Result.Legs.ShouldHaveSingleItem().TransferId.ShouldBe(Samples.Id);
        host.Ledger.TransactionRecord = null;
        var error = await Errors.OfAsync(async () => await host.Transactions.GetTransactionAsync(
            new GetTransactionRequest { Account = "shop", Id = Samples.OtherId }));
        error.Reason.ShouldBe("TRANSACTION_NOT_FOUND");
    }

    [Fact]
    public async Task A_batch_reaches_the_ledger_in_order_and_is_answered_in_kind()
    {
        await using var host = await GrpcHost.StartAsync();
        var response = await host.Transactions.SubmitBatchAsync(Samples.Items());

        var items = (IReadOnlyList<BatchItem>)host.Ledger.Calls.ShouldHaveSingleItem().Argument;
        items.Select(static i => i.Linked).ShouldBe([true, false]);
        items[0].Leg.Opening!.Address.Text.ShouldBe("users:42:wallet");
        items[1].Leg.Transfer!.Id.ShouldBe(Id);
        response.Results[0].Opening.Status.ShouldBe(V1.AccountStatus.Created);
        response.Results[1].Transfer.Id.ShouldBe(Samples.Id);
    }

    [Fact]
    public async Task A_batch_that_is_answered_in_another_kind_is_not_passed_on()
    {
        await using var host = await GrpcHost.StartAsync();
        host.Ledger.OnItem = static _ => new BatchItemResult(null, null);
        (await Errors.OfAsync(async () => await host.Transactions.SubmitBatchAsync(Samples.Items())))
            .Reason.ShouldBe("INTERNAL");
    }

    [Fact]
    public async Task A_resolution_and_a_reversal_reach_the_ledger_whole()
    {
        await using var host = await GrpcHost.StartAsync();
        await host.Transactions.ResolveTransactionAsync(Samples.Resolution());
        await host.Transactions.ResolveTransactionAsync(Samples.Resolution(r => r.Resolution = V1.Resolution.Void));
        await host.Transactions.ReverseTransactionAsync(Samples.Reversal(r =>
        {
            r.Account = "shop";
            r.Amount = "3";
            r.Code = 4;
            r.Reference = "r";
        }));
        var result = (await host.Transactions.ReverseTransactionAsync(Samples.Reversal())).Result;

        host.Ledger.Calls.Select(static c => c.Argument).ShouldBe(
        [
            new TransactionResolution(OtherId, Shop, Id, true),
            new TransactionResolution(OtherId, Shop, Id, false),
            new Reversal(OtherId, Shop, Id, "twice") { Amount = Amount.Of(3), Code = 4, Reference = "r" },
            new Reversal(OtherId, default, Id, "twice"),
        ]);
        result.Id.ShouldBe(Samples.OtherId);
    }

    [Fact]
    public async Task An_extension_reaches_the_ledger_and_its_end_comes_back()
    {
        await using var host = await GrpcHost.StartAsync();
        var set = (await host.Transfers.ExtendHoldAsync(Samples.Extension())).Result;
        host.Ledger.Extension = new ExtendHoldResult(Id, TransferStatus.PendingTransferExpired, null);
        var late = (await host.Transfers.ExtendHoldAsync(Samples.Extension(r => r.Account = "shop"))).Result;

        var until = new LedgerTime(1_700_000_000_000_000);
        host.Ledger.Calls.Select(static c => c.Argument).ShouldBe(
            [new ExtendHold(Id, until), new ExtendHold(Id, until) { Account = Shop }]);
        set.ExpireTime.ShouldBe(Time(until));
        late.Status.ShouldBe(V1.TransferStatus.PendingTransferExpired);
        late.ExpireTime.ShouldBeNull();
    }

    [Fact]
    public async Task Changes_of_an_account_reach_the_ledger_and_the_account_comes_back()
    {
        await using var host = await GrpcHost.StartAsync();
        var freeze = new AccountFreeze(true, false, "theft", FakeLedger.Now);
        host.Ledger.Change = new AccountChangeResult(AccountStatus.Changed, new Account(
            new AccountSpec(Shop, Asset.Parse("USD/2"), 1), FakeLedger.Now, default, 0, 1, true)
        {
            Freeze = freeze,
            ClosedReason = "moved",
            HoldCount = 3,
        });
        var result = (await host.Accounts.FreezeAccountAsync(new FreezeAccountRequest
        {
            Address = "shop",
            Freeze = new V1.AccountFreeze { Debits = true, Reason = "theft", EndTime = Time(FakeLedger.Now) },
        })).Result;
        await host.Accounts.UnfreezeAccountAsync(new UnfreezeAccountRequest { Address = "shop", Reason = "found" });
        await host.Accounts.CloseAccountAsync(new CloseAccountRequest { Address = "shop", Reason = "moved" });
        await host.Accounts.ReopenAccountAsync(new ReopenAccountRequest { Address = "shop", Reason = "back" });
        host.Ledger.Change = new AccountChangeResult(AccountStatus.NotFound, null);
        var missing = (await host.Accounts.SetAccountLimitsAsync(new SetAccountLimitsRequest
        {
            Address = "shop",
            DebitsMustNotExceedCredits = new Limit { Allowance = "9" },
        })).Result;

        host.Ledger.Calls.Select(static c => (((AccountAddress, AccountChange))c.Argument).Item2).ShouldBe(
        [
            new FreezeAccount(freeze), new UnfreezeAccount("found"), new CloseAccount("moved"),
            new ReopenAccount("back"), new SetAccountLimits(Amount.Of(9), null),
        ]);
        result.Status.ShouldBe(V1.AccountStatus.Changed);
        result.Address.ShouldBe("shop");
        result.Account.Freeze.ShouldBe(
            new V1.AccountFreeze { Debits = true, Reason = "theft", EndTime = Time(FakeLedger.Now) });
        (result.Account.Closed, result.Account.ClosedReason, result.Account.HoldCount).ShouldBe((true, "moved", 3));
        (missing.Status, missing.Account).ShouldBe((V1.AccountStatus.NotFound, null));
    }

    [Fact]
    public async Task An_account_can_be_opened_closed()
    {
        await using var host = await GrpcHost.StartAsync();
        await host.Accounts.OpenAccountsAsync(
            new OpenAccountsRequest { Accounts = { Samples.Account(a => a.Closed = true) } });
        ((IReadOnlyList<AccountSpec>)host.Ledger.Calls.ShouldHaveSingleItem().Argument)[0].IsClosed.ShouldBeTrue();
    }

    private static Transfer Hold => new(Id, Shop, AccountAddress.Parse("b"), Amount.Of(5), 1)
    {
        Kind = TransferKind.Hold,
    };

    private static async Task<V1.Transfer> ReadBackAsync(GrpcHost host, Transfer transfer)
    {
        host.Ledger.Record = new TransferRecord(transfer, TransferStatus.Created, FakeLedger.Now, null);
        return (await host.Transfers.GetTransferAsync(
            new GetTransferRequest { Account = "shop", Id = Samples.Id })).Record.Transfer;
    }

    private static Timestamp Time(LedgerTime time) => Timestamp.FromDateTimeOffset(time.ToDateTimeOffset());
}
