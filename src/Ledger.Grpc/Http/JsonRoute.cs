using Google.Api;
using Google.Protobuf.Reflection;

namespace Ledger.Grpc.Http;

/// <summary>A route of the contract: an HTTP method and a path. A part of the path in braces stands for any text but a
/// slash; a verb may follow it behind a colon.</summary>
/// <param name="Method">The HTTP method, in capitals.</param>
/// <param name="Path">The path, as the contract writes it.</param>
internal sealed record JsonRoute(string Method, string Path)
{
    private readonly string[] segments = Path.Split('/');

    /// <summary>The routes of a method of the contract; none where it has no JSON form.</summary>
    public static IEnumerable<JsonRoute> Of(MethodDescriptor method)
    {
        if (method.GetOptions()?.GetExtension(AnnotationsExtensions.Http) is not { } rule)
        {
            return [];
        }

        return rule.AdditionalBindings.Prepend(rule).Select(static one => one.PatternCase switch
        {
            HttpRule.PatternOneofCase.Get => new JsonRoute("GET", one.Get),
            HttpRule.PatternOneofCase.Post => new JsonRoute("POST", one.Post),
            _ => throw new NotSupportedException($"A method is routed as {one.PatternCase}."),
        });
    }

    /// <summary>Whether a path is one of this route's, in capitals or not, as routing takes it.</summary>
    /// <param name="path">The path of a request, decoded.</param>
    public bool Takes(string path)
    {
        // Routing passes over a slash at the end.
        var found = (path.EndsWith('/') ? path[..^1] : path).Split('/');
        return found.Length == segments.Length
            && Enumerable.Range(0, found.Length).All(place => Fits(segments[place], found[place]));
    }

    private static bool Fits(string pattern, string text)
    {
        if (!pattern.StartsWith('{'))
        {
            return pattern.Equals(text, StringComparison.OrdinalIgnoreCase);
        }

        var verb = pattern[(pattern.IndexOf('}', StringComparison.Ordinal) + 1)..];
        return text.Length > verb.Length && text.EndsWith(verb, StringComparison.OrdinalIgnoreCase);
    }
}
