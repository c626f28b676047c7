using System.Collections.Frozen;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Grpc.Core;
using Grpc.Core.Interceptors;
using Ledger.Access;
using Ledger.Audit;
using Ledger.Grpc.Errors;

namespace Ledger.Grpc.Access;

/// <summary>Puts calls of operators and changes of accounts on record: who, from where, about what, and how it ended.
/// Transfers and openings are not: the journal has their principals.</summary>
/// <remarks>It stands within the <see cref="ErrorInterceptor"/>, which has the refusals of those who may not
/// call.</remarks>
internal sealed class AuditInterceptor(AccessAudit audit) : Interceptor
{
    private const string Ok = "OK";

    // Of requests, what they are about.
    private static readonly string[] s_targets = ["address", "subject", "transaction_id"];

    // Whoever fills the log on purpose can be blocked all the same.
    private static readonly string[] s_always = ["BlockCaller", "UnblockCaller"];

    private static readonly FrozenDictionary<string, Audited> s_methods = Contract.Methods
        .Select(static method => (Method: method, Kind: KindOf(RpcRights.Of(method.FullName))))
        .Where(static one => one.Kind is not null)
        .ToFrozenDictionary(
            static one => $"/{one.Method.Service.FullName}/{one.Method.Name}",
            static one => new Audited(
                one.Kind!.Value,
                one.Method.GetOptions()?.IdempotencyLevel != MethodOptions.Types.IdempotencyLevel.NoSideEffects
                    && !s_always.Contains(one.Method.Name, StringComparer.Ordinal)),
            StringComparer.Ordinal);

    /// <summary>Whether a service has a method whose calls are put on record. Calls of others need not pass by
    /// here.</summary>
    public static bool IsOf(ServiceDescriptor service) =>
        service.Methods.Any(static method => KindOf(RpcRights.Of(method.FullName)) is not null);

    public override async Task<TResponse> UnaryServerHandler<TRequest, TResponse>(
        TRequest request, ServerCallContext context, UnaryServerMethod<TRequest, TResponse> continuation)
    {
        if (!s_methods.TryGetValue(context.Method, out var audited))
        {
            return await continuation(request, context);
        }

        if (audited.Changes && audit.Log is { IsRequired: true, IsWriting: false })
        {
            throw new RequestError(
                ErrorReasons.Overloaded,
                "The audit log can't be written, and what can't be put on record is not done. Nothing was applied.")
                    .Exception();
        }

        TResponse response;
        try
        {
            response = await continuation(request, context);
        }
        catch (Exception exception)
        {
            var reason = ErrorMap.Explain(
                exception, deadlinePassed: true, context.CancellationToken.IsCancellationRequested)?.Reason
                ?? ErrorReasons.Internal;

            // Those have records of their own.
            if (reason != ErrorReasons.PermissionDenied && reason != ErrorReasons.Unauthenticated
                && reason != ErrorReasons.LoopbackOnly)
            {
                Write(audited.Kind, request, context, reason.Name, hasFailed: true);
            }

            throw;
        }

        Write(audited.Kind, request, context, response is IMessage message ? StatusOf(message) ?? Ok : Ok);
        return response;
    }

    private static AuditKind? KindOf(AccessRights rights) =>
        (rights & AccessRights.Admin) != AccessRights.None ? AuditKind.AdminCall
        : (rights & (AccessRights.Change | AccessRights.Limits)) != AccessRights.None ? AuditKind.Change
        : null;

    private void Write(
        AuditKind kind, object request, ServerCallContext context, string outcome, bool hasFailed = false) =>
            audit.Log.Write(
        AccessAudit.Of(kind, context.GetHttpContext(), context.Method) with
        {
            Target = request is IMessage message ? TargetOf(message) : null, Outcome = outcome, HasFailed = hasFailed,
        });

    private static string? TargetOf(IMessage request)
    {
        var named = s_targets.Select(
            name => request.Descriptor.FindFieldByName(name) is { FieldType: FieldType.String } field
            ? (string)field.Accessor.GetValue(request)
            : "").Where(static text => text.Length > 0);
        return string.Join(' ', named) is { Length: > 0 } target ? target : null;
    }

    // Of a change: whether it was applied, or why not.
    private static string? StatusOf(IMessage response) =>
        response.Descriptor.FindFieldByName("result") is { FieldType: FieldType.Message, IsRepeated: false } result
        && result.Accessor.GetValue(response) is IMessage inner
        && inner.Descriptor.FindFieldByName("status") is { FieldType: FieldType.Enum } status
            ? status.EnumType.FindValueByNumber((int)status.Accessor.GetValue(inner))?.Name
            : null;

    private sealed record Audited(AuditKind Kind, bool Changes);
}
