using Grpc.Core;
using Ledger.Grpc.Access;
using Ledger.V1;

namespace Ledger.Grpc.Services;

/// <summary>ledger.v1.AdminService over <see cref="ILedgerAdmin"/> and <see cref="ILedger"/>.</summary>
internal sealed partial class AdminGrpcService(
    CallerLedgers ledgers, CallDeadline clock, TimeProvider time, AccessAudit audit, ICallerBlocks? blocks = null)
    : AdminService.AdminServiceBase
{
    public override async Task<ListInDoubtResponse> ListInDoubt(ListInDoubtRequest request, ServerCallContext context)
    {
        var admin = ledgers.AdminFor(context);

        // gRPC cancels the call at its deadline; one that has passed is refused before anything is read.
        _ = clock.Timeout(context);
        var limit = AccountGrpcService.PageSize(request.PageSize);
        var after = request.PageToken.Length == 0 ? null : PageToken.ReadAccount(request.PageToken);
        var page = await admin.ListInDoubtAsync(after, limit, context.CancellationToken);
        PageToken.RequireEpoch(request.PageToken, page.Epoch);
        var response = new ListInDoubtResponse
        {
            NextPageToken = page.Next is { } next ? PageToken.Write(page.Epoch, next) : "",
        };
        foreach (var one in page.Accounts)
        {
            response.Accounts.Add(
                new V1.AccountInDoubt { Address = one.Account.Text, Since = Mapping.Write(one.Since) });
        }

        return response;
    }

    public override async Task<GetInDoubtResponse> GetInDoubt(GetInDoubtRequest request, ServerCallContext context)
    {
        var ledger = ledgers.DoubtFor(context);
        var timeout = clock.Timeout(context);
        var query = new AccountQuery(AccountGrpcService.Required(request.Address, "address")) { AllowInDoubt = true };
        var account = await ledger.GetAccountAsync(query, timeout, context.CancellationToken);
        var response = new GetInDoubtResponse();
        if (account?.Doubt is { } doubt)
        {
            response.TransactionCount = doubt.Count;
            response.Transactions.AddRange(doubt.Transactions.Select(Mapping.Write));
            response.CompleteUpTo = Mapping.Write(doubt.CompleteUpTo);
        }

        return response;
    }

    public override async Task<ResolveInDoubtResponse> ResolveInDoubt(
        ResolveInDoubtRequest request, ServerCallContext context)
    {
        var admin = ledgers.AdminFor(context);
        var timeout = clock.Timeout(context);
        var verdict = new InDoubtVerdict(
            AccountGrpcService.Required(request.Address, "address"),
            TransferGrpcService.RequiredId(request.TransactionId, "transaction_id"), request.Principal, request.Reason);
        var ended = await admin.ResolveInDoubtAsync(verdict, timeout, context.CancellationToken);
        return new ResolveInDoubtResponse
        {
            Committed = ended.IsCommitted,
            Decision = ended.Decision switch
            {
                InDoubtDecision.LastAgent => V1.InDoubtDecision.LastAgent,
                InDoubtDecision.Journal => V1.InDoubtDecision.Journal,
                InDoubtDecision.Operator => V1.InDoubtDecision.Operator,
                _ => V1.InDoubtDecision.Unspecified,
            },
            Coordinator = ended.Coordinator.Text,
            LastAgent = ended.LastAgent.IsNone ? "" : ended.LastAgent.Text,
            Row = ended.Row.SequenceNr,
            Booked = ended.IsBooked,
            Unbooked =
            {
                ended.Unbooked.Select(
                    static one => new V1.UnbookedAccount { Address = one.Account.Text, Detail = one.Why }),
            },
        };
    }
}
