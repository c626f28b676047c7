using Grpc.Core;
using Ledger.Core;
using Ledger.Grpc.Access;
using Ledger.Grpc.Errors;
using Ledger.V1;

namespace Ledger.Grpc.Services;

/// <summary>ledger.v1.AccountService over <see cref="ILedger"/>.</summary>
internal sealed class AccountGrpcService(CallerLedgers ledgers, CallDeadline clock) : AccountService.AccountServiceBase
{
    private const int DefaultPageSize = 100;

    public override async Task<OpenAccountsResponse> OpenAccounts(
        OpenAccountsRequest request, ServerCallContext context)
    {
        var timeout = clock.Timeout(context);
        var ledger = ledgers.For(context);
        BatchLimits.CheckCount(request.Accounts.Count, "accounts");
        var specs = new AccountSpec[request.Accounts.Count];
        for (var i = 0; i < specs.Length; i++)
        {
            if (!Mapping.TryRead(request.Accounts[i], out specs[i], out var fault))
            {
                throw fault.Within($"accounts[{i}]").Exception();
            }
        }

        var results = await ledger.OpenAccountsAsync(specs, timeout, context.CancellationToken);
        BatchLimits.CheckAnswered(specs.Length, results.Count);
        var response = new OpenAccountsResponse { Results = { Capacity = results.Count } };
        for (var i = 0; i < results.Count; i++)
        {
            response.Results.Add(Mapping.Write(request.Accounts[i].Address, results[i], ledger));
        }

        return response;
    }

    public override async Task<V1.GetAccountResponse> GetAccount(
        V1.GetAccountRequest request, ServerCallContext context)
    {
        var timeout = clock.Timeout(context);
        var ledger = ledgers.For(context);
        var address = Required(request.Address, "address");
        // What is in doubt is in the answer, in another field than firm balances.
        var query = new AccountQuery(address) { AllowInDoubt = true };
        var account = await ledger.GetAccountAsync(query, timeout, context.CancellationToken) ?? throw NotFound();
        return new V1.GetAccountResponse { Account = Mapping.Write(account) };
    }

    public override async Task<ListAccountsResponse> ListAccounts(
        ListAccountsRequest request, ServerCallContext context)
    {
        var timeout = clock.Timeout(context);
        var ledger = ledgers.For(context);
        var limit = PageSize(request.PageSize);
        var after = request.PageToken.Length == 0 ? null : PageToken.ReadAccount(request.PageToken);
        var page = await ledger.ListAccountsAsync(after, limit, timeout, context.CancellationToken);
        PageToken.RequireEpoch(request.PageToken, page.Epoch);
        var response = new ListAccountsResponse
        {
            Accounts = { Capacity = page.Accounts.Count },
            NextPageToken = page.Next is { } next ? PageToken.Write(page.Epoch, next) : "",
        };
        foreach (var account in page.Accounts)
        {
            response.Accounts.Add(Mapping.Write(account));
        }

        return response;
    }

    public override async Task<ListStatementResponse> ListStatement(
        ListStatementRequest request, ServerCallContext context)
    {
        var timeout = clock.Timeout(context);
        var ledger = ledgers.For(context);
        var query = Query(request);
        var page = await ledger.ListStatementAsync(
            request.PageToken.Length == 0 ? query : From(query, PageToken.ReadSequence(query, request.PageToken)),
            timeout, context.CancellationToken) ?? throw NotFound();
        PageToken.RequireEpoch(request.PageToken, page.Epoch);
        var response = new ListStatementResponse
        {
            Entries = { Capacity = page.Entries.Count },

            // Of the query as it was asked, which the next request repeats, and not of its rest.
            NextPageToken = page.NextSequence is { } next ? PageToken.Write(query, page.Epoch, next) : "",
            CompleteUpTo = page.CompleteUpTo is { } time ? Mapping.Write(time) : null,
        };
        foreach (var entry in page.Entries)
        {
            response.Entries.Add(Mapping.Write(entry));
        }

        return response;
    }

    public override async Task<FreezeAccountResponse> FreezeAccount(
        FreezeAccountRequest request, ServerCallContext context)
    {
        var timeout = clock.Timeout(context);
        var address = Required(request.Address, "address");
        return Mapping.TryRead(request.Freeze, out AccountFreeze freeze, out var fault)
            ? new FreezeAccountResponse
            {
                Result = await ChangeAsync(address, new FreezeAccount(freeze), timeout, context),
            }
            : throw fault.Within("freeze").Exception();
    }

    public override async Task<UnfreezeAccountResponse> UnfreezeAccount(
        UnfreezeAccountRequest request, ServerCallContext context)
    {
        var timeout = clock.Timeout(context);
        var address = Required(request.Address, "address");
        var change = new UnfreezeAccount(Reason(request.Reason));
        return new UnfreezeAccountResponse { Result = await ChangeAsync(address, change, timeout, context) };
    }

    public override async Task<CloseAccountResponse> CloseAccount(
        CloseAccountRequest request, ServerCallContext context)
    {
        var timeout = clock.Timeout(context);
        var address = Required(request.Address, "address");
        var change = new CloseAccount(Reason(request.Reason));
        return new CloseAccountResponse { Result = await ChangeAsync(address, change, timeout, context) };
    }

    public override async Task<ReopenAccountResponse> ReopenAccount(
        ReopenAccountRequest request, ServerCallContext context)
    {
        var timeout = clock.Timeout(context);
        var address = Required(request.Address, "address");
        var change = new ReopenAccount(Reason(request.Reason));
        return new ReopenAccountResponse { Result = await ChangeAsync(address, change, timeout, context) };
    }

    public override async Task<SetAccountLimitsResponse> SetAccountLimits(
        SetAccountLimitsRequest request, ServerCallContext context)
    {
        var timeout = clock.Timeout(context);
        var address = Required(request.Address, "address");
        if (!Mapping.TryReadLimit(
                request.DebitsMustNotExceedCredits, "debits_must_not_exceed_credits", out var debits, out var fault)
            || !Mapping.TryReadLimit(
                request.CreditsMustNotExceedDebits, "credits_must_not_exceed_debits", out var credits, out fault))
        {
            throw fault.Exception();
        }

        var change = new SetAccountLimits(debits, credits);
        return new SetAccountLimitsResponse { Result = await ChangeAsync(address, change, timeout, context) };
    }

    /// <summary>Reads a time that can't be left out.</summary>
    /// <exception cref="RequestErrorException">It is missing or malformed.</exception>
    internal static LedgerTime Required(Google.Protobuf.WellKnownTypes.Timestamp? source, string field) =>
        Time(source, field)
        ?? throw new RequestError(ErrorReasons.MalformedTime, "The time is missing.", field).Exception();

    /// <summary>Reads an address that may be left out.</summary>
    /// <exception cref="RequestErrorException">It is malformed.</exception>
    internal static AccountAddress Optional(string text, string field) =>
        Mapping.TryReadAddress(text, field, out var address, out var fault) ? address : throw fault.Exception();

    /// <summary>Checks a reason.</summary>
    /// <exception cref="RequestErrorException">It is too long.</exception>
    internal static string Reason(string text) =>
        Mapping.CheckReason(text, out var fault) ? text : throw fault.Exception();

    /// <summary>Reads an address that can't be left out.</summary>
    /// <exception cref="RequestErrorException">It is missing or malformed.</exception>
    internal static AccountAddress Required(string text, string field)
    {
        if (!Mapping.TryReadAddress(text, field, out var address, out var fault))
        {
            throw fault.Exception();
        }

        return address.IsNone
            ? throw new RequestError(ErrorReasons.MalformedAddress, "The address is missing.", field).Exception()
            : address;
    }

    private async Task<V1.AccountChangeResult> ChangeAsync(
        AccountAddress address, AccountChange change, TimeSpan timeout, ServerCallContext context)
    {
        var ledger = ledgers.For(context);
        var result = await ledger.ChangeAccountAsync(address, change, timeout, context.CancellationToken);
        return Mapping.Write(address.Text, result, ledger);
    }

    private static StatementQuery From(StatementQuery query, ulong sequence) =>
        query.NewestFirst ? query with { MaxSequence = sequence } : query with { MinSequence = sequence };

    private static StatementQuery Query(ListStatementRequest request)
    {
        var query = new StatementQuery(Required(request.Address, "address"))
        {
            PageSize = PageSize(request.PageSize),
            NewestFirst = request.NewestFirst,
            MinSequence = request.MinSequence == 0 ? 1 : request.MinSequence,
            MaxSequence = request.MaxSequence == 0 ? ulong.MaxValue : request.MaxSequence,
            StartTime = Time(request.StartTime, "start_time"),
            EndTime = Time(request.EndTime, "end_time"),
        };
        if (query.MinSequence > query.MaxSequence)
        {
            throw new RequestError(ErrorReasons.InvalidRange, "max_sequence is below min_sequence.", "max_sequence")
                .Exception();
        }

        if (query is { StartTime: { } start, EndTime: { } end } && end < start)
        {
            throw new RequestError(ErrorReasons.InvalidRange, "end_time is before start_time.", "end_time").Exception();
        }

        return query;
    }

    private static LedgerTime? Time(Google.Protobuf.WellKnownTypes.Timestamp? source, string field)
    {
        if (source is null)
        {
            return null;
        }

        return Mapping.TryReadTime(source, field, out var time, out var fault) ? time : throw fault.Exception();
    }

    /// <summary>Reads the size of a page.</summary>
    /// <exception cref="RequestErrorException">It is out of range.</exception>
    internal static int PageSize(int size) => size switch
    {
        0 => DefaultPageSize,
        _ when RequestRules.CheckLimit(size) is not null => throw new RequestError(
            ErrorReasons.InvalidPageSize,
            $"The page size is {size}; wanted: 1 to {LedgerLimits.PageSizeMax}, or 0 for {DefaultPageSize}.",
            "page_size", LedgerLimits.PageSizeMax).Exception(),
        _ => size,
    };

    private static RequestErrorException NotFound() =>
        new RequestError(ErrorReasons.AccountNotFound, "There is no such account.").Exception();
}
