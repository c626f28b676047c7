using System.Collections.Concurrent;
using System.Net;
using Ledger.Access;
using Ledger.Grpc.Edge;
using Ledger.Grpc.Errors;
using Ledger.V1;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Ledger.Grpc.Access;

/// <summary>Refuses callers who are blocked, before anything of a request's body is read, and ends their streams that
/// are open. Thread-safe.</summary>
/// <remarks>Whoever is on the node's own machine may always look who is blocked, and end a block, so that nobody locks
/// himself out: only who they are is asked for that.</remarks>
internal sealed class BlockGate(IServiceProvider services, CallMetrics metrics, AccessAudit audit) : IDisposable
{
    private const string KeyPrefix = "key:";

    private static readonly RequestError s_blocked = new(
        ErrorReasons.CallerBlocked,
        "The caller is blocked, and nothing was done. Whoever runs the ledger knows why, and until when.");

    private static readonly string[] s_ofUnblocking =
    [
        GrpcMethods.PathOf(AdminService.Descriptor.FindMethodByName(nameof(AdminService.AdminServiceBase.ListBlocks))),
        GrpcMethods.PathOf(
            AdminService.Descriptor.FindMethodByName(nameof(AdminService.AdminServiceBase.UnblockCaller))),
    ];

    private readonly ConcurrentDictionary<MessageIntake, (Caller? Caller, IPAddress? Address)> streams = new();
    private readonly Lock finding = new();
    private ICallerBlocks? blocks;
    private IDisposable? listening;
    private volatile bool isFound;

    /// <summary>Wraps an endpoint as callers come to it, of whom only the address is known yet.</summary>
    /// <param name="next">What it does, with whatever asks who calls.</param>
    /// <param name="method">The path of its method, as gRPC has it.</param>
    /// <param name="isJson">Whether it is a method's JSON form.</param>
    public RequestDelegate WrapAddress(RequestDelegate next, string method, bool isJson)
    {
        var isOfUnblocking = s_ofUnblocking.Contains(method, StringComparer.Ordinal);
        return context => Blocks is { } list && list.Find(null, null, context.Connection.RemoteIpAddress) is not null
            && !(isOfUnblocking && CallerLedgers.IsLocal(context.Connection))
                ? RefuseAsync(context, method, isJson)
                : next(context);
    }

    /// <summary>Wraps an endpoint where it is known who calls.</summary>
    /// <param name="next">What it does.</param>
    /// <param name="method">The path of its method, as gRPC has it.</param>
    /// <param name="isJson">Whether it is a method's JSON form.</param>
    public RequestDelegate WrapCaller(RequestDelegate next, string method, bool isJson)
    {
        var isOfUnblocking = s_ofUnblocking.Contains(method, StringComparer.Ordinal);
        var isStream = !isJson && GrpcMethods.Of(method).IsStream;
        return context =>
        {
            if (Blocks is not { } list)
            {
                return next(context);
            }

            var caller = context.Features.Get<Caller>();
            if (isStream && context.Features.Get<MessageIntake>() is { } intake)
            {
                return RunStreamAsync(context, next, method, list, caller, intake);
            }

            return caller is not null && list.Find(caller.Principal, KeyOf(caller), null) is not null
                && !(isOfUnblocking && CallerLedgers.IsLocal(context.Connection))
                    ? RefuseAsync(context, method, isJson)
                    : next(context);
        };
    }

    public void Dispose() => listening?.Dispose();

    // The host may keep no list. It is asked for when the first call comes: what is behind it starts with the host.
    private ICallerBlocks? Blocks
    {
        get
        {
            if (isFound)
            {
                return blocks;
            }

            lock (finding)
            {
                if (!isFound)
                {
                    blocks = services.GetService<ICallerBlocks>();
                    listening = blocks?.OnChange(EndStreams);
                    isFound = true;
                }

                return blocks;
            }
        }
    }

    private static string? KeyOf(Caller? caller) =>
        caller?.Credential is { } shown && shown.StartsWith(KeyPrefix, StringComparison.Ordinal)
        ? shown[KeyPrefix.Length..]
        : null;

    private async Task RunStreamAsync(
        HttpContext context, RequestDelegate next, string method, ICallerBlocks list, Caller? caller,
        MessageIntake intake)
    {
        // Known to whoever ends streams before it is looked, so that a block between the two is not missed.
        var address = context.Connection.RemoteIpAddress;
        streams[intake] = (caller, address);
        try
        {
            if (list.Find(caller?.Principal, KeyOf(caller), address) is not null)
            {
                await RefuseAsync(context, method, isJson: false);
                return;
            }

            await next(context);
        }
        finally
        {
            streams.TryRemove(intake, out _);
        }
    }

    private void EndStreams()
    {
        foreach (var (intake, (caller, address)) in streams)
        {
            if (blocks?.Find(caller?.Principal, KeyOf(caller), address) is not null)
            {
                intake.EndBlocked();
            }
        }
    }

    private Task RefuseAsync(HttpContext context, string method, bool isJson)
    {
        audit.Refused(context, s_blocked, method);
        return CallRefusal.AnswerAsync(context, metrics, s_blocked, isJson, StatusCodes.Status403Forbidden);
    }
}
