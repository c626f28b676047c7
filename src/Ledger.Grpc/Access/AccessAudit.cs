using System.Diagnostics;
using System.Net;
using Ledger.Access;
using Ledger.Audit;
using Ledger.Grpc.Errors;
using Microsoft.AspNetCore.Http;

namespace Ledger.Grpc.Access;

/// <summary>Counts who is refused because of who it is, and puts it on record. Thread-safe.</summary>
internal sealed class AccessAudit(IAuditLog log, AccessMetrics metrics, IEnumerable<IRefusalObserver> observers)
{
    /// <summary>The key of an item of a request: what the caller has shown, as <c>key:ID</c>. For callers that are not
    /// taken.</summary>
    public static readonly object ShownKey = new();

    private readonly IRefusalObserver[] observers = [.. observers];

    /// <summary>Where records go.</summary>
    public IAuditLog Log => log;

    /// <summary>Notes a refusal, if it is of this kind.</summary>
    /// <param name="context">The request.</param>
    /// <param name="fault">What it was refused with.</param>
    /// <param name="path">The path of the call, as gRPC has it.</param>
    /// <param name="cause">Why, which the caller is not told; null for no more than its reason says.</param>
    public void Refused(HttpContext context, RequestError fault, string path, string? cause = null)
    {
        if (KindOf(fault.Reason) is not { } kind)
        {
            return;
        }

        if (kind == AuditKind.AuthenticationFailed)
        {
            metrics.Failed(ShownWay.Of(context));
        }
        else if (kind == AuditKind.Denied)
        {
            metrics.Denied(path);
        }

        var caller = context.Features.Get<Caller>();
        log.Write(Of(kind, context, path) with { Outcome = fault.Reason.Name, Target = fault.Field, Detail = cause });
        foreach (var observer in observers)
        {
            observer.Refused(fault.Reason, caller, context.Connection.RemoteIpAddress);
        }
    }

    /// <summary>What is known of a call.</summary>
    public static AuditEvent Of(AuditKind kind, HttpContext context, string path)
    {
        var caller = context.Features.Get<Caller>();
        return new AuditEvent(kind)
        {
            Principal = caller?.Principal,
            Credential = caller is null ? context.Items[ShownKey] as string : caller.Credential,
            Address = TextOf(context.Connection.RemoteIpAddress),
            Method = path.TrimStart('/'),
            Correlation = Activity.Current?.TraceId.ToHexString() ?? context.TraceIdentifier,
        };
    }

    /// <summary>An address, whichever way the connection was made.</summary>
    public static string? TextOf(IPAddress? address) =>
        (address is { IsIPv4MappedToIPv6: true } ? address.MapToIPv4() : address)?.ToString();

    private static AuditKind? KindOf(ErrorReason reason) =>
        reason == ErrorReasons.Unauthenticated ? AuditKind.AuthenticationFailed
        : reason == ErrorReasons.PermissionDenied || reason == ErrorReasons.LoopbackOnly ? AuditKind.Denied
        : reason == ErrorReasons.CallerBlocked ? AuditKind.Blocked
        : null;
}
