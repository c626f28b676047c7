using System.Text;
using System.Text.RegularExpressions;
using Google.Protobuf.Reflection;

namespace Ledger.Fuzz.Inputs;

/// <summary>Gives a request the form of JSON, with faults of the document, the path, the query and the
/// headers.</summary>
internal sealed partial class JsonMaker(TreeMaker maker, TreeFaults faults)
{
    private const string WholeBody = "*";

    private static readonly JsonFault[] s_jsonFaults = [
        .. Enum.GetValues<JsonFault>().Where(static one => one != JsonFault.None)];

    private static readonly string[] s_verbs = [
        "GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE", "SEARCH", "get"];

    private static readonly KeyValuePair<string, string>[] s_headers =
    [
        new("Content-Type", ""), new("Content-Type", "text/plain"),
        new("Content-Type", "application/json; charset=utf-16"),
        new("Content-Type", "application/json; charset=\"UTF-8\""),
        new("Content-Type", "application/json;charset=latin1"),
        new("Content-Type", "application/x-www-form-urlencoded"),
        new("Content-Type", "multipart/form-data; boundary=x"),
        new("Content-Type", "application/grpc"), new("Content-Type", "application/json, application/json"),
        new("Content-Type", "json"),
        new("Content-Type", "application/problem+json"), new("Content-Encoding", "gzip"),
        new("Content-Encoding", "identity"),
        new("Accept", "text/html"), new("Accept", "application/xml;q=0.9"), new("Accept-Encoding", "gzip, br"),
        new("Origin", "http://attacker.example"), new("Sec-Fetch-Site", "cross-site"),
        new("Host", "attacker.example:80"),
        new("X-Forwarded-For", "10.9.8.7"), new("X-HTTP-Method-Override", "DELETE"), new("Authorization", "Basic eDp5"),
        new("Authorization", "Bearer a.b.c"), new("grpc-timeout", "1n"), new("If-None-Match", "*"),
        new("Range", "bytes=0-1"),
        new("X-Long", new string('x', 20_000)), new("Cookie", "a=b"), new("Upgrade", "h2c"), new("Connection", "close"),
        new("traceparent", "xyz"),
    ];

    /// <summary>Makes an input of a route.</summary>
    public FuzzInput Make(MethodDescriptor method, Route route, Draw draw, long number)
    {
        var told = new List<string>();
        var tree = maker.Make(method.InputType, draw, number);
        var headers = new List<KeyValuePair<string, string>>();
        var (verb, fault, document, inPath) = (route.Verb, JsonFault.None, false, false);
        for (var left = draw.Of(0, 0, 1, 1, 1, 2); left > 0; left--)
        {
            switch (draw.Below(20))
            {
                case < 8:
                    told.Add(faults.Apply(tree, draw, number));
                    break;
                case < 13:
                    fault = draw.Of(s_jsonFaults);
                    told.Add(fault.ToString());
                    break;
                case < 15:
                    document = true;
                    told.Add("document");
                    break;
                case < 17:
                    inPath = true;
                    told.Add("path");
                    break;
                case < 18:
                    verb = draw.Of(s_verbs);
                    told.Add(verb);
                    break;
                default:
                    var header = draw.Of(s_headers);
                    headers.RemoveAll(one => one.Key == header.Key);
                    headers.Add(header);
                    told.Add($"{header.Key}: {(header.Value.Length > 60 ? "long" : header.Value)}");
                    break;
            }
        }

        var isWhole = true;
        var path = PathField().Replace(route.Path, match =>
        {
            var value = Take(tree, match.Groups["name"].Value);
            isWhole &= value.Length > 0 && !value.Contains('/', StringComparison.Ordinal);
            return value;
        });
        byte[] body = [];
        if (route.Body == WholeBody)
        {
            body = JsonWriter.Write(tree, fault, draw.Below(Math.Max(1, tree.Count())), draw);
        }
        else
        {
            if (route.Body.Length > 0 && tree[route.Body] is Tree inner)
            {
                body = JsonWriter.Write(inner, fault, draw.Below(Math.Max(1, inner.Count())), draw);
            }

            path += QueryOf(tree, route.Body, fault, draw);
        }

        var type = headers.Find(static one => one.Key == "Content-Type");
        if (type.Key is null)
        {
            headers.AddRange(route.Body.Length > 0 ? [new("Content-Type", "application/json")] : []);
        }
        else if (type.Value.Length == 0)
        {
            headers.Remove(type);
        }

        return new FuzzInput
        {
            Number = number,
            Form = InputForm.Json, Method = method.FullName, Faults = string.Join(", ", told),
            Headers = headers, Verb = verb,
            Path = inPath ? Broken(path, draw) : path, Body = document ? Broken(body, draw) : body,
            IsRouted = !inPath && isWhole && verb == route.Verb,
        };
    }

    // The value of a field, which is then not in the body.
    private static string Take(Tree tree, string name)
    {
        var found = tree.Fields.Find(one => one.Field.Name == name);
        tree.Remove(name);
        return found.Value is null ? "" : Escape(JsonWriter.Plain(found.Field, found.Value));
    }

    private static string QueryOf(Tree tree, string bodyField, JsonFault fault, Draw draw)
    {
        var query = new StringBuilder();
        foreach (var (field, value) in tree.Fields.Where(one => one.Field.Name != bodyField))
        {
            // Messages have no form there; those that are written as a text have.
            var plain = JsonWriter.Plain(field, value);
            if (value is not Tree || plain.Length > 0)
            {
                Add(draw.Percent(50) ? field.Name : field.JsonName, plain);
            }
        }

        switch (fault)
        {
            case JsonFault.Doubled when tree.Fields.Count > 0:
                var (doubled, again) = draw.Of(tree.Fields);
                Add(doubled.JsonName, JsonWriter.Plain(doubled, again));
                break;
            case JsonFault.Misspelt:
                Add(draw.Of("pagesize", "x", "", "transfer.id", "filter.account", "[]", "__proto__"), "1");
                break;
            case JsonFault.RawBytes:
                query.Append(query.Length == 0 ? '?' : '&')
                    .Append(draw.Of("page_size=%", "page_size=%zz", "%ff=1", "a=%00", "&&&", "=", "a"));
                break;
        }

        return query.ToString();

        void Add(string name, string value) =>
            query.Append(query.Length == 0 ? '?' : '&').Append(Escape(name)).Append('=').Append(Escape(value));
    }

    private static string Escape(string value) =>
        Uri.EscapeDataString(value).Replace("%3A", ":", StringComparison.Ordinal);

    private static string Broken(string path, Draw draw) => draw.Below(14) switch
    {
        0 => path + "/",
        1 => path.Replace("/v1/", "//v1//", StringComparison.Ordinal),
        2 => path.ToUpperInvariant(),
        3 => path + draw.Of(":close", ":", ":nothing", "/statement", "/holds"),
        4 => path + draw.Of("%", "%zz", "%00", "%2f", "%ff", "%25", "%c0%af"),
        5 => path + new string('a', draw.Of(200, 3_000, 9_000)),
        6 => path[..(draw.Below(path.Length) + 1)],
        7 =>
            "/"
            + draw.Of(
                "", "v1", "v2/accounts", "health", "health/ready", "health/live", "metrics", "favicon.ico",
                "..%2f..%2fetc", "bootstrap/seed-nodes"),
        8 => path.Replace("/v1/", "/v1/./", StringComparison.Ordinal),
        9 => path.Replace("/v1/", "/v1/x/../", StringComparison.Ordinal),
        10 => path + "#a",
        11 =>
            path + (path.Contains('?', StringComparison.Ordinal) ? "&" : "?") + new string('q', draw.Of(1, 9_000))
            + "=1",
        12 => path + "\u00e9",
        _ => path + ";a=b",
    };

    private static byte[] Broken(byte[] body, Draw draw) => draw.Below(16) switch
    {
        0 =>
            [.. body,
                .. draw.Of(
                    "x"u8.ToArray(), "{}"u8.ToArray(), ","u8.ToArray(), "\0"u8.ToArray(), "// a"u8.ToArray(), [0xFF])],
        1 => [0xEF, 0xBB, 0xBF, .. body],
        2 => Encoding.Unicode.GetBytes(Encoding.UTF8.GetString(body)),
        3 => [.. Encoding.UTF32.GetPreamble(), .. Encoding.UTF32.GetBytes(Encoding.UTF8.GetString(body))],
        4 => body[..draw.Below(body.Length + 1)],
        5 => [],
        6 =>
            draw.Of(
                " "u8.ToArray(), "\n"u8.ToArray(), "null"u8.ToArray(), "[]"u8.ToArray(), "1"u8.ToArray(),
                "\""u8.ToArray(), "{"u8.ToArray(), "{}"u8.ToArray()),
        7 => [.. "["u8, .. body, .. "]"u8],
        8 => [.. body, .. body],
        9 => [.. "\""u8, .. body, .. "\""u8],
        10 => [.. " \r\n\t"u8, .. body, .. "\r\n"u8],
        11 => Encoding.UTF8.GetBytes(new string('[', draw.Of(70, 6_000))),
        12 => Swapped(body, draw),
        13 => Encoding.UTF8.GetBytes("a=b&c=d"),
        14 => [.. body, .. Encoding.UTF8.GetBytes(new string(' ', draw.Of(100, 100_000)))],
        _ => [.. Enumerable.Range(0, 1 + draw.Below(200)).Select(_ => (byte)draw.Bits())],
    };

    private static byte[] Swapped(byte[] body, Draw draw)
    {
        var changed = body.ToArray();
        if (changed.Length > 0)
        {
            changed[draw.Below(changed.Length)] = (byte)draw.Bits();
        }

        return changed;
    }

    [GeneratedRegex(@"\{(?<name>[a-z_]+)\}", RegexOptions.ExplicitCapture | RegexOptions.CultureInvariant, 1000)]
    private static partial Regex PathField();
}
