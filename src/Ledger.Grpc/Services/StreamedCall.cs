using Google.Protobuf.Reflection;
using Grpc.Core;
using Ledger.Access;
using Ledger.Grpc.Access;
using Ledger.Grpc.Edge;
using Ledger.V1;

namespace Ledger.Grpc.Services;

/// <summary>A method that an item of a stream can call.</summary>
/// <param name="method">The method.</param>
/// <param name="isRead">Whether it changes nothing, so that it may be cancelled.</param>
/// <param name="run">Serves it.</param>
internal sealed class StreamedCall(
    MethodDescriptor method, bool isRead, Func<CallItem, ServerCallContext, Task<CallAnswer>> run)
{
    /// <summary>Its path.</summary>
    public string Path { get; } = GrpcMethods.PathOf(method);

    /// <summary>The rights of which a caller must have one.</summary>
    public AccessRights Rights { get; } = RpcRights.Of(method.FullName);

    /// <summary>Whether it changes nothing, so that it may be cancelled.</summary>
    public bool IsRead => isRead;

    /// <summary>Serves an item.</summary>
    public Task<CallAnswer> RunAsync(CallItem item, ServerCallContext context) => run(item, context);
}
