using Grpc.Core;
using Ledger.Grpc.Access;
using Ledger.Grpc.Errors;
using Ledger.V1;

namespace Ledger.Grpc.Services;

/// <summary>ledger.v1.QueryService over <see cref="ILedgerQueries"/>.</summary>
internal sealed class QueryGrpcService(CallerLedgers ledgers, CallDeadline clock) : QueryService.QueryServiceBase
{
    public override async Task<SearchTransfersResponse> SearchTransfers(
        SearchTransfersRequest request, ServerCallContext context)
    {
        var timeout = clock.Timeout(context);
        var limit = AccountGrpcService.PageSize(request.PageSize);
        if (!Mapping.TryRead(request.Filter, out TransferFilter filter, out var fault))
        {
            throw fault.Within("filter").Exception();
        }

        var query = Mapping.Canonical(request.Filter, request.NewestFirst);
        var page = await ledgers.QueriesFor(context, PageWork(limit)).SearchTransfersAsync(
            new TransferSearch(filter)
            {
                PageSize = limit,
                After = request.PageToken.Length == 0 ? null : PageToken.ReadText(query, request.PageToken),
                NewestFirst = request.NewestFirst,
                AtLeast = request.AtLeast,
                Count = request.Count,
            },
            timeout, context.CancellationToken);
        PageToken.RequireEpoch(request.PageToken, page.Epoch);
        var response = new SearchTransfersResponse
        {
            Transfers = { Capacity = page.Transfers.Count },
            NextPageToken = page.Next is { } next ? PageToken.Write(query, page.Epoch, next) : "",
            Position = ledgers.PositionOf(page.Position),
            CountIsCut = page.IsCountCut,
        };
        if (page.AsOf != default)
        {
            response.AsOf = Mapping.Write(page.AsOf);
        }

        if (page.Count is { } count)
        {
            response.Count = count;
        }

        foreach (var transfer in page.Transfers)
        {
            response.Transfers.Add(Mapping.Write(transfer));
        }

        return response;
    }

    public override async Task<SearchAccountsResponse> SearchAccounts(
        SearchAccountsRequest request, ServerCallContext context)
    {
        var timeout = clock.Timeout(context);
        var limit = AccountGrpcService.PageSize(request.PageSize);
        if (!Mapping.TryRead(request.Filter, out AccountFilter filter, out var fault))
        {
            throw fault.Within("filter").Exception();
        }

        var query = Mapping.Canonical(request.Filter);
        var page = await ledgers.QueriesFor(context, PageWork(limit)).SearchAccountsAsync(
            new AccountSearch(filter)
            {
                PageSize = limit,
                After = request.PageToken.Length == 0 ? null : PageToken.ReadText(query, request.PageToken),
                AtLeast = request.AtLeast,
                Count = request.Count,
            },
            timeout, context.CancellationToken);
        PageToken.RequireEpoch(request.PageToken, page.Epoch);
        var response = new SearchAccountsResponse
        {
            Accounts = { Capacity = page.Accounts.Count },
            NextPageToken = page.Next is { } next ? PageToken.Write(query, page.Epoch, next) : "",
            Position = ledgers.PositionOf(page.Position),
            CountIsCut = page.IsCountCut,
        };
        if (page.AsOf != default)
        {
            response.AsOf = Mapping.Write(page.AsOf);
        }

        if (page.Count is { } count)
        {
            response.Count = count;
        }

        foreach (var account in page.Accounts)
        {
            response.Accounts.Add(Mapping.Write(account));
        }

        return response;
    }

    public override async Task<V1.ListHoldsResponse> ListHolds(V1.ListHoldsRequest request, ServerCallContext context)
    {
        var timeout = clock.Timeout(context);
        var limit = AccountGrpcService.PageSize(request.PageSize);
        var account = AccountGrpcService.Required(request.Account, "account");
        if (request.State is not (V1.HoldState.Unspecified or V1.HoldState.Live))
        {
            throw new RequestError(
                ErrorReasons.InvalidArgument,
                "Only live holds are listed; SearchTransfers finds others by hold_states.", "state")
                .Exception();
        }

        LedgerTime? before = request.ExpireBefore is null
            ? null
            : AccountGrpcService.Required(request.ExpireBefore, "expire_before");
        var query = Mapping.Canonical(account, before);
        var after = default(TransferId);
        if (request.PageToken.Length > 0
            && !TransferId.TryParse(PageToken.ReadText(query, request.PageToken), out after))
        {
            throw new RequestError(ErrorReasons.InvalidPageToken, "The page token is not one of holds.", "page_token")
                .Exception();
        }

        var page = await ledgers.QueriesFor(context, PageWork(limit)).ListHoldsAsync(
            new HoldQuery(account) { PageSize = limit, After = after, ExpireBefore = before }, timeout,
            context.CancellationToken)
            ?? throw new RequestError(ErrorReasons.AccountNotFound, "There is no such account.").Exception();
        PageToken.RequireEpoch(request.PageToken, page.Epoch);
        var response = new V1.ListHoldsResponse
        {
            Holds = { Capacity = page.Holds.Count },
            Account = Mapping.Write(page.Account),
            NextPageToken = page.Next.IsNil ? "" : PageToken.Write(query, page.Epoch, page.Next.ToString()),
        };
        foreach (var hold in page.Holds)
        {
            response.Holds.Add(Mapping.Write(hold));
        }

        return response;
    }

    public override async Task<BatchGetAccountsResponse> BatchGetAccounts(
        BatchGetAccountsRequest request, ServerCallContext context)
    {
        var timeout = clock.Timeout(context);
        BatchLimits.CheckCount(request.Addresses.Count, "addresses");
        var addresses = new AccountAddress[request.Addresses.Count];
        for (var i = 0; i < addresses.Length; i++)
        {
            addresses[i] = AccountGrpcService.Required(request.Addresses[i], $"addresses[{i}]");
        }

        var found = await ledgers.QueriesFor(context, addresses.Length)
            .GetAccountsAsync(addresses, timeout, context.CancellationToken);
        var response = new BatchGetAccountsResponse { Accounts = { Capacity = found.Count } };
        for (var i = 0; i < found.Count; i++)
        {
            response.Accounts.Add(new AccountLookup
            {
                Address = request.Addresses[i], Account = found[i] is { } account ? Mapping.Write(account) : null,
            });
        }

        return response;
    }

    public override async Task<BatchGetTransfersResponse> BatchGetTransfers(
        BatchGetTransfersRequest request, ServerCallContext context)
    {
        var timeout = clock.Timeout(context);
        BatchLimits.CheckCount(request.Transfers.Count, "transfers");
        var keys = new TransferKey[request.Transfers.Count];
        for (var i = 0; i < keys.Length; i++)
        {
            keys[i] = new TransferKey(
                AccountGrpcService.Optional(request.Transfers[i].Account, $"transfers[{i}].account"),
                TransferGrpcService.RequiredId(request.Transfers[i].Id, $"transfers[{i}].id"));
        }

        var found = await ledgers.QueriesFor(context, keys.Length)
            .GetTransfersAsync(keys, timeout, context.CancellationToken);
        var response = new BatchGetTransfersResponse { Transfers = { Capacity = found.Count } };
        for (var i = 0; i < found.Count; i++)
        {
            response.Transfers.Add(new TransferLookup
            {
                Id = request.Transfers[i].Id, Record = found[i] is { } record ? Mapping.Write(record) : null,
            });
        }

        return response;
    }

    // As of pages of a statement.
    private static int PageWork(int limit) => 1 + (limit / RateLimitedLedger.PageShare);
}
