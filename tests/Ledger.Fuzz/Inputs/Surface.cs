using System.Reflection;
using Google.Api;
using Google.Protobuf.Reflection;
using Grpc.Health.V1;
using Grpc.Reflection.V1Alpha;
using Ledger.V1;

namespace Ledger.Fuzz.Inputs;

/// <summary>All that a node serves: every rpc and every route, read from the descriptors of the contract, and of the
/// two services that come with it. Nothing here is written down by hand, so that nothing new is forgotten.</summary>
internal static class Surface
{
    /// <summary>The package whose failures all have an ErrorInfo.</summary>
    public const string Package = "ledger.v1";

    /// <summary>Every method.</summary>
    public static IReadOnlyList<MethodDescriptor> Methods { get; } =
    [
        .. new[] { typeof(V1.Transfer), typeof(HealthCheckRequest), typeof(ServerReflectionRequest) }
            .SelectMany(static known => FilesOf(known.Assembly))
            .SelectMany(static file => file.Services)
            .SelectMany(static service => service.Methods)
            .OrderBy(static method => method.FullName, StringComparer.Ordinal),
    ];

    /// <summary>The methods of the ledger itself.</summary>
    public static IReadOnlyList<MethodDescriptor> Own { get; } = [.. Methods.Where(IsOwn)];

    /// <summary>Every route, with its method.</summary>
    public static IReadOnlyList<(MethodDescriptor Method, Route Route)> Routes { get; } =
        [.. Methods.SelectMany(static method => RoutesOf(method).Select(route => (method, route)))];

    /// <summary>A method by its full name; null for none.</summary>
    public static MethodDescriptor? Find(string fullName) =>
        Methods.FirstOrDefault(method => method.FullName == fullName);

    /// <summary>Whether a method is one of the ledger's.</summary>
    public static bool IsOwn(MethodDescriptor method) => method.File.Package == Package;

    /// <summary>The path of a method's calls.</summary>
    public static string PathOf(MethodDescriptor method) => $"/{method.Service.FullName}/{method.Name}";

    private static IEnumerable<FileDescriptor> FilesOf(Assembly assembly) => assembly.GetTypes()
        .Select(static type => type.GetProperty("Descriptor", BindingFlags.Public | BindingFlags.Static))
        .Where(static property => property?.PropertyType == typeof(FileDescriptor))
        .Select(static property => (FileDescriptor)property!.GetValue(null)!);

    private static IEnumerable<Route> RoutesOf(MethodDescriptor method)
    {
        if (method.GetOptions()?.GetExtension(AnnotationsExtensions.Http) is not { } rule)
        {
            return [];
        }

        return rule.AdditionalBindings.Prepend(rule).Select(one => one.PatternCase switch
        {
            HttpRule.PatternOneofCase.Get => new Route("GET", one.Get, one.Body),
            HttpRule.PatternOneofCase.Post => new Route("POST", one.Post, one.Body),
            HttpRule.PatternOneofCase.Put => new Route("PUT", one.Put, one.Body),
            HttpRule.PatternOneofCase.Delete => new Route("DELETE", one.Delete, one.Body),
            HttpRule.PatternOneofCase.Patch => new Route("PATCH", one.Patch, one.Body),
            _ => throw new NotSupportedException($"{method.FullName} is routed as {one.PatternCase}."),
        });
    }
}
