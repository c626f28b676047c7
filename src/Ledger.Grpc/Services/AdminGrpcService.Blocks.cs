using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Ledger.Access;
using Ledger.Audit;
using Ledger.Grpc.Access;
using Ledger.Grpc.Errors;
using Ledger.V1;
using Microsoft.AspNetCore.Http;

namespace Ledger.Grpc.Services;

/// <content>Who is blocked.</content>
internal sealed partial class AdminGrpcService
{
    public override async Task<BlockCallerResponse> BlockCaller(BlockCallerRequest request, ServerCallContext context)
    {
        var by = RequireOperator(context) ?? request.Principal;
        _ = clock.Timeout(context);
        if (request.Duration is not { } duration || !TryRead(duration, out var length))
        {
            throw new RequestError(
                ErrorReasons.InvalidArgument,
                "How long is missing or out of range: more than nothing, and at most 366 days.",
                "duration").Exception();
        }

        var now = time.GetUtcNow();
        var stored = await Blocks.BlockAsync(
            new CallerBlock(Read(request.Kind), request.Subject, now, now + length, by, request.Reason),
            context.CancellationToken);
        audit.Log.Write(AccessAudit.Of(AuditKind.BlockAdded, context.GetHttpContext(), context.Method) with
        {
            Target = $"{stored.Kind}: {stored.Subject}",
            Detail = $"until {stored.ExpireTime:u} by {stored.Principal}: {stored.Reason}",
        });
        return new BlockCallerResponse { Block = Write(stored) };
    }

    public override async Task<UnblockCallerResponse> UnblockCaller(
        UnblockCallerRequest request, ServerCallContext context)
    {
        RequireOperator(context);
        _ = clock.Timeout(context);
        var wasBlocked = await Blocks.UnblockAsync(Read(request.Kind), request.Subject, context.CancellationToken);
        if (wasBlocked)
        {
            audit.Log.Write(AccessAudit.Of(AuditKind.BlockRemoved, context.GetHttpContext(), context.Method) with
            {
                Target = $"{Read(request.Kind)}: {request.Subject}",
            });
        }

        return new UnblockCallerResponse { WasBlocked = wasBlocked };
    }

    public override async Task<ListBlocksResponse> ListBlocks(ListBlocksRequest request, ServerCallContext context)
    {
        RequireOperator(context);
        _ = clock.Timeout(context);
        var response = new ListBlocksResponse();
        response.Blocks.AddRange((await Blocks.ListAsync(context.CancellationToken)).Select(Write));
        return response;
    }

    private ICallerBlocks Blocks => blocks
        ?? throw new RequestError(ErrorReasons.MethodNotFound, "This host keeps no list of blocked callers.")
            .Exception();

    // Who it is, where callers say so.
    private string? RequireOperator(ServerCallContext context)
    {
        (ledgers.AdminFor(context) as AuthorizedLedgerAdmin)?.Require();
        return context.GetHttpContext().Features.Get<Caller>()?.Principal;
    }

    private static bool TryRead(Duration duration, out TimeSpan length)
    {
        const long SecondsMax = 366 * 24 * 60 * 60;
        length = default;
        if (duration.Seconds is < 0 or > SecondsMax || duration.Nanos is < 0 or > 999_999_999)
        {
            return false;
        }

        length = TimeSpan.FromSeconds(duration.Seconds) + TimeSpan.FromTicks(duration.Nanos / 100);
        return length > TimeSpan.Zero && length <= CallerBlock.LengthMax;
    }

    private static CallerBlockKind Read(V1.CallerBlockKind kind) => kind switch
    {
        V1.CallerBlockKind.Principal => CallerBlockKind.Principal,
        V1.CallerBlockKind.Key => CallerBlockKind.Key,
        V1.CallerBlockKind.Address => CallerBlockKind.Address,
        _ => default,
    };

    private static V1.CallerBlock Write(CallerBlock block) => new()
    {
        Kind = block.Kind switch
        {
            CallerBlockKind.Principal => V1.CallerBlockKind.Principal,
            CallerBlockKind.Key => V1.CallerBlockKind.Key,
            CallerBlockKind.Address => V1.CallerBlockKind.Address,
            _ => V1.CallerBlockKind.Unspecified,
        },
        Subject = block.Subject,
        CreateTime = Timestamp.FromDateTimeOffset(block.CreateTime),
        ExpireTime = Timestamp.FromDateTimeOffset(block.ExpireTime),
        Principal = block.Principal,
        Reason = block.Reason,
    };
}
