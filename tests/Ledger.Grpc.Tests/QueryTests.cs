using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Ledger.V1;

namespace Ledger.Grpc.Tests;

/// <summary>QueryService: what is passed on, what is refused before it, and to what tokens are bound.</summary>
public sealed class QueryTests
{
    private static readonly V1.TransferFilter s_filter = new()
    {
        References = { "r" },
        Metadata = { { "b", "2" }, { "a", "1" } }, Codes = { 7 }, Asset = "USD/2", Account = "shop",
        Direction = Direction.Credit, AccountPrefix = "users:", StartTime = new Timestamp { Seconds = 1 },
        EndTime = new Timestamp { Seconds = 9 }, MinAmount = "3", MaxAmount = "4",
        Statuses = { V1.TransferStatus.ExceedsCredits },
        Kinds = { V1.TransferKind.Unspecified, V1.TransferKind.PostHold }, HoldStates = { V1.HoldState.Live },
        HoldId = "00000000-0000-0000-0000-000000000001", Reverses = "00000000-0000-0000-0000-000000000002",
        TransactionId = "00000000-0000-0000-0000-000000000003", Principal = "ada",
        Ids = { "00000000-0000-0000-0000-000000000004" },
    };

    [Fact]
    public async Task Every_field_of_a_filter_is_passed_on()
    {
        await using var host = await GrpcHost.StartAsync();
        await host.Queries.SearchTransfersAsync(
            new SearchTransfersRequest { Filter = s_filter, PageSize = 5, NewestFirst = true, AtLeast = "p",
                Count = true });
        var search = (TransferSearch)host.Ledger.Calls.Last().Argument;
        (search.PageSize, search.NewestFirst, search.AtLeast, search.Count, search.After)
            .ShouldBe((5, true, "p", true, null));
        var filter = search.Filter;
        filter.References.ShouldBe(["r"]);
        filter.Metadata.Pairs.Select(static pair => pair.Key).ShouldBe(["a", "b"]);
        filter.Codes.ShouldBe([7u]);
        filter.Asset.ShouldBe(Asset.Parse("USD/2"));
        (filter.Account, filter.Direction, filter.AccountPrefix)
            .ShouldBe((AccountAddress.Parse("shop"), EntryDirection.Credit, "users:"));
        (filter.StartTime, filter.EndTime).ShouldBe((new LedgerTime(1_000_000), new LedgerTime(9_000_000)));
        (filter.MinAmount, filter.MaxAmount).ShouldBe((Amount.Of(3), Amount.Of(4)));
        filter.Statuses.ShouldBe([TransferStatus.ExceedsCredits]);
        filter.Kinds.ShouldBe([TransferKind.Direct, TransferKind.PostHold]);
        filter.HoldStates.ShouldBe([HoldState.Live]);
        (filter.HoldId.Value, filter.Reverses.Value, filter.TransactionId.Value, filter.Ids.Single().Value)
            .ShouldBe(((UInt128)1, (UInt128)2, (UInt128)3, (UInt128)4));
        filter.Principal.ShouldBe("ada");
    }

    [Fact]
    public async Task A_number_that_is_not_known_is_refused_and_does_not_widen_the_question()
    {
        await using var host = await GrpcHost.StartAsync();
        (V1.TransferFilter Filter, string Field)[] unknown =
        [
            (new V1.TransferFilter { Account = "a", Kinds = { (V1.TransferKind)99 } }, "filter.kinds[0]"),
            (new V1.TransferFilter { Account = "a", Statuses = { V1.TransferStatus.Created, (V1.TransferStatus)999 } },
                "filter.statuses[1]"),
            (new V1.TransferFilter { Account = "a", HoldStates = { (V1.HoldState)99 } }, "filter.hold_states[0]"),
            (new V1.TransferFilter { Account = "a", Direction = (Direction)99 }, "filter.direction"),
        ];
        foreach (var (filter, field) in unknown)
        {
            var error = await Errors.OfAsync(
                async () => await host.Queries.SearchTransfersAsync(new SearchTransfersRequest { Filter = filter }));
            (error.Reason, error.Field).ShouldBe(("INVALID_ARGUMENT", field));
        }

        (await Errors.OfAsync(async () => await host.Queries.SearchAccountsAsync(new SearchAccountsRequest
        {
            Filter = new V1.AccountFilter { Standings = { (V1.AccountStanding)9 } },
        }))).Field.ShouldBe("filter.standings[0]");
        (await Errors.OfAsync(async () => await host.Queries.ListHoldsAsync(
            new V1.ListHoldsRequest { Account = "a", State = V1.HoldState.Posted }))).Field.ShouldBe("state");
        (await Errors.OfAsync(async () => await host.Queries.SearchTransfersAsync(new SearchTransfersRequest())))
            .Reason.ShouldBe("FILTER_TOO_WIDE");
        host.Ledger.Calls.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_token_is_bound_to_filter_and_order_and_not_to_the_size_of_pages()
    {
        await using var host = await GrpcHost.StartAsync();
        host.Ledger.Found = new TransferSearchPage([], "1.2.3.");
        host.Ledger.FoundAccounts = new AccountSearchPage([], "shop");
        var request = new SearchTransfersRequest { Filter = s_filter };
        request.PageToken = (await host.Queries.SearchTransfersAsync(request)).NextPageToken;
        request.PageSize = 9;
        await host.Queries.SearchTransfersAsync(request);
        ((TransferSearch)host.Ledger.Calls.Last().Argument).After.ShouldBe("1.2.3.");

        var asked = host.Ledger.Calls.Count;
        var narrower = s_filter.Clone();
        narrower.Metadata["a"] = "2";
        SearchTransfersRequest[] others =
        [
            new() { Filter = s_filter, PageToken = request.PageToken, NewestFirst = true },
            new() { Filter = narrower, PageToken = request.PageToken },
            new() { Filter = new V1.TransferFilter { Account = "shop" }, PageToken = request.PageToken },
        ];
        foreach (var other in others)
        {
            (await Errors.OfAsync(async () => await host.Queries.SearchTransfersAsync(other))).Reason
                .ShouldBe("INVALID_PAGE_TOKEN");
        }

        var accounts = (await host.Queries.SearchAccountsAsync(new SearchAccountsRequest())).NextPageToken;
        (await Errors.OfAsync(async () => await host.Queries.SearchAccountsAsync(
            new SearchAccountsRequest { PageToken = accounts, Filter = new V1.AccountFilter { AddressPrefix = "a" } })))
            .Reason.ShouldBe("INVALID_PAGE_TOKEN");
        (await Errors.OfAsync(async () => await host.Queries.SearchTransfersAsync(
            new SearchTransfersRequest { Filter = s_filter, PageToken = accounts }))).Reason
                .ShouldBe("INVALID_PAGE_TOKEN");
        host.Ledger.Calls.Count.ShouldBe(asked + 1);
        request.PageToken.Length.ShouldBeLessThan(2_048);
    }

    [Fact]
    public async Task An_index_that_is_off_or_behind_is_told_from_other_failures()
    {
        await using var host = await GrpcHost.StartAsync();
        host.Ledger.Failure =
            new LedgerException(LedgerErrorReason.IndexBehind, "behind") { Lag = TimeSpan.FromSeconds(3) };
        var behind = await Should.ThrowAsync<RpcException>(
            async () => await host.Queries.SearchTransfersAsync(new SearchTransfersRequest { Filter = s_filter }));
        behind.StatusCode.ShouldBe(StatusCode.Unavailable);
        behind.Trailers.GetValueBytes("grpc-status-details-bin").ShouldNotBeNull();
        System.Text.Encoding.UTF8.GetString(behind.Trailers.GetValueBytes("grpc-status-details-bin")!)
            .ShouldContain("lag_ms");
        host.Ledger.Failure = new LedgerException(LedgerErrorReason.IndexOff, "off");
        (await Should.ThrowAsync<RpcException>(
            async () => await host.Queries.SearchAccountsAsync(new SearchAccountsRequest()))).StatusCode
                .ShouldBe(StatusCode.Unimplemented);
    }

    [Fact]
    public async Task Batches_keep_their_order_and_mark_what_is_not_there()
    {
        await using var host = await GrpcHost.StartAsync();
        var spec = new AccountSpec(AccountAddress.Parse("shop"), Asset.Parse("USD/2"), 3);
        host.Ledger.Account = new Account(spec, FakeLedger.Now, default, 8, 9, false);
        var accounts = await host.Queries.BatchGetAccountsAsync(
            new BatchGetAccountsRequest { Addresses = { "shop", "nobody", "shop" } });
        accounts.Accounts.Select(static one => (one.Address, one.Account is not null))
            .ShouldBe([("shop", true), ("nobody", false), ("shop", true)]);

        // As many as there may be are no foreign message of a few kilobytes to the edge.
        var many =
            new BatchGetAccountsRequest
            {
                Addresses = { Enumerable.Range(0, LedgerLimits.BatchMax).Select(i => $"shop:{i:D32}") },
            };
        (await host.Queries.BatchGetAccountsAsync(many)).Accounts.Count.ShouldBe(LedgerLimits.BatchMax);
        (await Errors.OfAsync(async () => await host.Queries.BatchGetAccountsAsync(new BatchGetAccountsRequest())))
            .Reason.ShouldBe("EMPTY_BATCH");
        (await Errors.OfAsync(async () => await host.Queries.BatchGetAccountsAsync(
            new BatchGetAccountsRequest { Addresses = { Enumerable.Repeat("a", 8_191) } }))).Reason
                .ShouldBe("BATCH_TOO_LARGE");
        (await Errors.OfAsync(async () => await host.Queries.BatchGetTransfersAsync(
            new BatchGetTransfersRequest { Transfers = { new V1.TransferKey { Account = "a" } } }))).Field
                .ShouldBe("transfers[0].id");
        (await host.Queries.BatchGetTransfersAsync(new BatchGetTransfersRequest
        {
            Transfers = { new V1.TransferKey { Id = "00000000-0000-0000-0000-000000000001" } },
        })).Transfers.Single().Record.ShouldBeNull();
    }
}
