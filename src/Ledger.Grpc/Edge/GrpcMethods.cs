using System.Collections.Frozen;
using Google.Protobuf.Reflection;
using Ledger.V1;

namespace Ledger.Grpc.Edge;

/// <summary>The methods of the contract, as gRPC calls them.</summary>
internal static class GrpcMethods
{
    private const string ReflectionPrefix = "/grpc.reflection.";

    // Of others, as of health: a name, no more.
    private static readonly GrpcMethod Other = new(null, IsStream: false, IsBatch: false, IsPage: false);
    private static readonly GrpcMethod OtherStream = new(null, IsStream: true, IsBatch: false, IsPage: false);

    private static readonly FrozenDictionary<string, GrpcMethod> ByPath = Contract.Methods.ToFrozenDictionary(
        PathOf,
        static method => new GrpcMethod(
            WireShape.Of(method.InputType), method.IsClientStreaming, method.InputType.Fields.InFieldNumberOrder()
                .Any(static field => field.IsRepeated),
            method.Service == AccountService.Descriptor
                && method.InputType.FindFieldByName("page_size") is not null),
        StringComparer.Ordinal);

    /// <summary>The path of a method's calls.</summary>
    public static string PathOf(MethodDescriptor method) => $"/{method.Service.FullName}/{method.Name}";

    /// <summary>Whether a path is that of a method, letter by letter. Routing takes others too: what asks here would
    /// take them for no method's, and weigh and bound them as such.</summary>
    public static bool IsMethod(string path) => ByPath.ContainsKey(path);

    /// <summary>The method that a path is of.</summary>
    public static GrpcMethod Of(string path) => ByPath.TryGetValue(path, out var known) ? known
        : path.StartsWith(ReflectionPrefix, StringComparison.Ordinal) ? OtherStream : Other;
}
