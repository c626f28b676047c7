using System.Collections.Frozen;
using Google.Protobuf.Reflection;
using Ledger.Access;
using Ledger.V1;

namespace Ledger.Grpc.Access;

/// <summary>Which rights a method can be called with: one of them is needed for it to be of any use, so that a caller
/// who has none of them is refused before its request is read. What exactly it may do is judged by the
/// request.</summary>
internal static class RpcRights
{
    private const AccessRights Transfers =
        AccessRights.Transfer | AccessRights.Hold | AccessRights.Resolve | AccessRights.Reverse;

    private static readonly FrozenDictionary<string, AccessRights> s_rights = Of(
        AccountService.Descriptor,
        ("OpenAccounts", AccessRights.Open),
        ("GetAccount", AccessRights.Read),
        ("ListAccounts", AccessRights.List),
        ("ListStatement", AccessRights.Statement),
        ("FreezeAccount", AccessRights.Change),
        ("UnfreezeAccount", AccessRights.Change),
        ("CloseAccount", AccessRights.Change),
        ("ReopenAccount", AccessRights.Change),
        ("SetAccountLimits", AccessRights.Limits))
        .Concat(Of(
            TransferService.Descriptor,
            ("PostTransfer", Transfers),
            ("PostTransfers", Transfers),
            ("StreamTransfers", Transfers),
            ("GetTransfer", AccessRights.Read),
            ("ExtendHold", AccessRights.Resolve)))
        .Concat(Of(
            TransactionService.Descriptor,
            ("PostTransaction", Transfers | AccessRights.Open),
            ("GetTransaction", AccessRights.Read),
            ("ResolveTransaction", AccessRights.Resolve),
            ("ReverseTransaction", AccessRights.Reverse),
            ("SubmitBatch", Transfers | AccessRights.Open)))
        .Concat(Of(
            QueryService.Descriptor,
            ("SearchTransfers", AccessRights.Read),
            ("SearchAccounts", AccessRights.List),
            ("ListHolds", AccessRights.Read),
            ("BatchGetAccounts", AccessRights.Read),
            ("BatchGetTransfers", AccessRights.Read)))
        .Concat(Of(
            StreamService.Descriptor,

            // The rights of whatever an item can be; each item is held to those of its own method.
            ("StreamCalls", Transfers | AccessRights.Read)))
        .Concat(Of(
            AdminService.Descriptor,
            ("ListInDoubt", AccessRights.Admin),
            ("GetInDoubt", AccessRights.Admin),
            ("ResolveInDoubt", AccessRights.Admin),
            ("BlockCaller", AccessRights.Admin),
            ("UnblockCaller", AccessRights.Admin),
            ("ListBlocks", AccessRights.Admin)))
        .ToFrozenDictionary(StringComparer.Ordinal);

    /// <summary>The rights of a method.</summary>
    /// <param name="fullName">Its name in the contract, as <c>ledger.v1.TransferService.PostTransfer</c>.</param>
    /// <exception cref="InvalidOperationException">It has none: nobody has decided who may call it.</exception>
    public static AccessRights Of(string fullName) => s_rights.TryGetValue(fullName, out var rights)
        ? rights
        : throw new InvalidOperationException(
            $"{fullName} has no right in {nameof(RpcRights)}: decide who may call it.");

    private static IEnumerable<KeyValuePair<string, AccessRights>> Of(
        ServiceDescriptor service, params (string Method, AccessRights Rights)[] methods) =>
        methods.Select(one => new KeyValuePair<string, AccessRights>(
            (service.FindMethodByName(one.Method)
                ?? throw new InvalidOperationException($"{service.FullName} has no method {one.Method}.")).FullName,
            one.Rights));
}
