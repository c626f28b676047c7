using Google.Protobuf.Reflection;
using Ledger.V1;

namespace Ledger.Grpc;

/// <summary>What ledger.v1 has. Whoever needs all of it asks here, so that a new service is forgotten
/// nowhere.</summary>
internal static class Contract
{
    /// <summary>Every method of every service.</summary>
    public static IReadOnlyList<MethodDescriptor> Methods { get; } =
    [
        .. AccountService.Descriptor.Methods, .. TransferService.Descriptor.Methods,
        .. TransactionService.Descriptor.Methods, .. QueryService.Descriptor.Methods,
        .. StreamService.Descriptor.Methods,
        .. AdminService.Descriptor.Methods,
    ];
}
