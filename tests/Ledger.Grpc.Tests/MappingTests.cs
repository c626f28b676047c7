using Google.Protobuf.WellKnownTypes;
using Ledger.V1;

namespace Ledger.Grpc.Tests;

/// <summary>That values survive the way in and out, and that the enums of both sides agree.</summary>
public sealed class MappingTests
{
    private static readonly Balances Seen = new(
        Amount.Of(1), Amount.Of(2), Amount.Of(3), Amount.MaxValue, Amount.Of(5), Amount.Of(6));

    private static readonly Transfer Whole = new(
        TransferId.FromGuid(Guid.Parse(Samples.Id)), AccountAddress.Parse("users:42:wallet"),
        AccountAddress.Parse("shop"),
        Amount.Of(1250), 1)
    {
        Asset = Asset.Parse("USD/2"),
        Reference = "order 7",
        Metadata = Metadata.Of([new("a", "1"), new("b", "2")]),
    };

    [Fact]
    public async Task A_transfer_reaches_the_ledger_whole()
    {
        await using var host = await GrpcHost.StartAsync();
        host.Ledger.OnTransfer = (t, _) => Task.FromResult(
            new TransferResult(t.Id, TransferStatus.ExceedsCredits, FakeLedger.Now, true, Seen));
        var response =
            await host.Transfers.PostTransferAsync(new PostTransferRequest { Transfer = Samples.Transfer() });
        host.Ledger.Calls.ShouldHaveSingleItem().Argument.ShouldBe(Whole);
        response.Result.ShouldBe(new V1.TransferResult
        {
            Id = Samples.Id,
            Status = V1.TransferStatus.ExceedsCredits,
            Replayed = true,
            BalanceSeen = Text(Seen),
        });
    }

    [Fact]
    public async Task What_is_empty_is_left_to_the_ledger_to_refuse()
    {
        await using var host = await GrpcHost.StartAsync();
        await host.Transfers.PostTransferAsync(
            new PostTransferRequest { Transfer = new V1.Transfer { Amount = "0" } });
        host.Ledger.Calls.ShouldHaveSingleItem().Argument.ShouldBe(
            new Transfer(default, default, default, Amount.Zero, 0));
        await host.Transfers.PostTransferAsync(new PostTransferRequest
        {
            Transfer = Samples.Transfer(t => t.Id = Guid.Empty.ToString()),
        });
        ((Transfer)host.Ledger.Calls.Last().Argument).Id.IsNil.ShouldBeTrue();
    }

    [Fact]
    public async Task Accounts_reach_the_ledger_whole()
    {
        await using var host = await GrpcHost.StartAsync();
        var response = await host.Accounts.OpenAccountsAsync(new OpenAccountsRequest
        {
            Accounts =
            {
                Samples.Account(a =>
                {
                    a.DebitsMustNotExceedCredits = new Limit { Allowance = "7" };
                    a.CreditsMustNotExceedDebits = new Limit();
                }),
                new V1.AccountSpec(),
            },
        });
        var specs = (IReadOnlyList<AccountSpec>)host.Ledger.Calls.ShouldHaveSingleItem().Argument;
        specs[0].ShouldBe(new AccountSpec(AccountAddress.Parse("users:42:wallet"), Asset.Parse("USD/2"), 1)
        {
            DebitsMustNotExceedCredits = Amount.Of(7),
            CreditsMustNotExceedDebits = Amount.Zero,
        });
        specs[1].ShouldBe(new AccountSpec(default, default, 0));
        response.Results[0].Address.ShouldBe("users:42:wallet");
        response.Results[0].CreateTime.ToDateTimeOffset().ShouldBe(FakeLedger.Now.ToDateTimeOffset());
    }

    [Fact]
    public async Task An_account_comes_back_whole()
    {
        await using var host = await GrpcHost.StartAsync();
        var spec = new AccountSpec(AccountAddress.Parse("shop"), Asset.Parse("USD/2"), 3)
        {
            Reference = "r",
            Metadata = Metadata.Of([new("k", "v")]),
            DebitsMustNotExceedCredits = Amount.Of(10),
        };
        host.Ledger.Account = new Account(
            spec, FakeLedger.Now, Seen with { CreditsPosted = Amount.Of(4), DebitsPosted = Amount.Of(5) }, 8, 9, true);
        var account = (await host.Accounts.GetAccountAsync(new GetAccountRequest { Address = "shop" })).Account;
        account.Spec.ShouldBe(new V1.AccountSpec
        {
            Address = "shop",
            Asset = "USD/2",
            Code = 3,
            Reference = "r",
            Metadata = { { "k", "v" } },
            DebitsMustNotExceedCredits = new Limit { Allowance = "10" },
        });
        account.Balance.ShouldBe("1");
        account.AvailableDebits.ShouldBe("3");
        account.AvailableCredits.ShouldBeEmpty();
        (account.EntryCount, account.Version, account.Closed).ShouldBe((8ul, 9ul, true));
    }

    [Fact]
    public async Task An_account_in_doubt_has_no_balances_but_ranges()
    {
        await using var host = await GrpcHost.StartAsync();
        var spec = new AccountSpec(AccountAddress.Parse("shop"), Asset.Parse("USD/2"), 3);
        var id = TransferId.FromGuid(Guid.Parse("01890a5d-ac96-774b-bcce-b302099a8057"));
        host.Ledger.Account = new Account(spec, FakeLedger.Now, Seen, 8, 9, false)
        {
            Doubt = new AccountDoubt(
                Seen, Seen with { DebitsPosted = Amount.Of(70) }, 120,
                [
                    new TransactionInDoubt(
                        id, id, FakeLedger.Now, spec.Address, [AccountAddress.Parse("bad")],
                        new CounterChanges(
                            new SignedAmount(true, Amount.Of(5)), new SignedAmount(false, Amount.Of(6)), default,
                            default)),
                ],
                FakeLedger.Now),
        };
        var account = (await host.Accounts.GetAccountAsync(new GetAccountRequest { Address = "shop" })).Account;
        account.CountersCase.ShouldBe(V1.Account.CountersOneofCase.Doubtful);
        account.Balance.ShouldBeEmpty();
        account.Doubtful.Greatest.DebitsPosted.ShouldBe("70");
        account.Doubtful.Decided.DebitsPosted.ShouldBe(Seen.DebitsPosted.ToString());
        account.Doubtful.TransactionCount.ShouldBe(120);
        account.Doubtful.CompleteUpTo.ToDateTimeOffset().ShouldBe(FakeLedger.Now.ToDateTimeOffset());
        account.Doubtful.Transactions.Single().ShouldBe(new V1.TransactionInDoubt
        {
            Id = "01890a5d-ac96-774b-bcce-b302099a8057",
            AttemptId = "01890a5d-ac96-774b-bcce-b302099a8057",
            PrepareTime = account.Doubtful.CompleteUpTo,
            Coordinator = "shop",
            Counterparties = { "bad" },
            DebitsPending = "-5",
            DebitsPosted = "6",
            CreditsPending = "0",
            CreditsPosted = "0",
        });
    }

    [Fact]
    public async Task A_record_and_an_entry_come_back_whole()
    {
        await using var host = await GrpcHost.StartAsync();
        host.Ledger.Record = new TransferRecord(Whole, TransferStatus.ExceedsCredits, FakeLedger.Now, Seen);
        var record = (await host.Transfers.GetTransferAsync(
            new GetTransferRequest { Account = "shop", Id = Samples.Id })).Record;
        record.Transfer.ShouldBe(Samples.Transfer());
        record.BalanceSeen.ShouldBe(Text(Seen));

        host.Ledger.Statement = new StatementPage(
            [new StatementEntry(3, new LedgerTime(-1), Whole, FakeLedger.Now, EntryDirection.Debit, Amount.Of(1),
                Amount.Of(4))],
            null);
        var entry = (await host.Accounts.ListStatementAsync(new ListStatementRequest { Address = "shop" }))
            .Entries.ShouldHaveSingleItem();
        entry.BookTime.ShouldBe(new Timestamp { Seconds = -1, Nanos = 999_999_000 });
        entry.Direction.ShouldBe(Direction.Debit);
        entry.Balance.ShouldBe("-3");
        entry.Transfer.ShouldBe(Samples.Transfer());
    }

    [Fact]
    public void Every_status_has_the_same_number_and_name_on_both_sides()
    {
        Names<TransferStatus>().ShouldBe(Names<V1.TransferStatus>());
        Names<AccountStatus>().ShouldBe(Names<V1.AccountStatus>());
        Names<HoldState>().ShouldBe(Names<V1.HoldState>());

        static Dictionary<int, string> Names<T>()
            where T : struct, System.Enum =>
            System.Enum.GetValues<T>().Select(static v => (Number: Convert.ToInt32(v), Name: v.ToString()))
                .Where(static v => v.Number != 0).OrderBy(static v => v.Number)
                .ToDictionary(static v => v.Number, static v => v.Name);
    }

    private static V1.Balances Text(Balances source) => new()
    {
        DebitsPending = source.DebitsPending.ToString(),
        DebitsPosted = source.DebitsPosted.ToString(),
        CreditsPending = source.CreditsPending.ToString(),
        CreditsPosted = source.CreditsPosted.ToString(),
        DebitsInDoubt = source.DebitsInDoubt.ToString(),
        CreditsInDoubt = source.CreditsInDoubt.ToString(),
    };
}
