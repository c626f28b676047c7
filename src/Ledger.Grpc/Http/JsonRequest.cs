using System.Buffers;
using System.Text;
using System.Text.RegularExpressions;
using Google.Api;
using Google.Protobuf.Reflection;
using Ledger.Grpc.Edge;
using Ledger.Grpc.Errors;
using Ledger.StrictJson;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Net.Http.Headers;
using ErrorReason = Ledger.Grpc.Errors.ErrorReason;

namespace Ledger.Grpc.Http;

/// <summary>What one route takes in its JSON form, and what is wrong with a request to it. The transcoder behind passes
/// over whatever it does not know: here all of it is refused, by name.</summary>
internal sealed partial class JsonRequest
{
    /// <summary>The content type of a body.</summary>
    public const string JsonType = "application/json";

    private const string WholeBody = "*";
    private const string Utf8Name = "utf-8";
    private const int ShownMax = 64;

    private static readonly SearchValues<char> TimeCharacters = SearchValues.Create("0123456789-+:.TZs");

    private readonly MessageShape request;
    private readonly MessageShape? body;
    private readonly string bodyPath;
    private readonly ulong bound;
    private readonly ulong inQuery;

    /// <summary>The path of the method's calls over gRPC, its name in metrics.</summary>
    public string GrpcPath { get; }

    /// <summary>Makes it from the contract.</summary>
    /// <param name="method">The method.</param>
    /// <param name="rule">Its route: what is in the path, and what is in the body.</param>
    public JsonRequest(MethodDescriptor method, HttpRule rule)
    {
        GrpcPath = GrpcMethods.PathOf(method);
        request = MessageShape.Of(method.InputType);
        var pattern = rule.PatternCase switch
        {
            HttpRule.PatternOneofCase.Get => rule.Get,
            HttpRule.PatternOneofCase.Post => rule.Post,
            _ => throw new NotSupportedException($"{method.FullName} is routed as {rule.PatternCase}."),
        };
        bound = PathField().Matches(pattern)
            .Aggregate(0UL, (bits, match) => bits | request.Find(match.Groups["name"].ValueSpan)!.Bit);
        bodyPath = rule.Body is WholeBody ? "" : rule.Body;
        var field = bodyPath.Length == 0 ? null : request.Find(bodyPath);
        body = rule.Body is WholeBody ? request : field?.Message;
        inQuery = rule.Body is WholeBody
            ? 0
            : request.Fields.Aggregate(0UL, static (bits, one) => bits | one.Bit) & ~bound & ~(field?.Bit ?? 0);
    }

    /// <summary>What is wrong with the query of a URL, or null.</summary>
    public RequestError? CheckQuery(QueryString query)
    {
        if (!query.HasValue)
        {
            return null;
        }

        var seen = 0UL;
        foreach (var pair in new QueryStringEnumerable(query.Value))
        {
            var name = pair.DecodeName().Span;
            if (request.Find(name) is not { } field || (field.Bit & inQuery) == 0)
            {
                return UnknownParameter(name.IsEmpty ? "\"\"" : Shown(name));
            }

            if ((seen & field.Bit) != 0)
            {
                return new RequestError(
                    ErrorReasons.DuplicateField, $"The query gives {field.Name} twice.{Spelling(field)}", field.Name);
            }

            seen |= field.Bit;
            if (CheckValue(field, pair.DecodeValue().ToString()) is { } fault)
            {
                return fault;
            }
        }

        return null;
    }

    /// <summary>What is wrong with how a body is sent, or null.</summary>
    public RequestError? CheckHeaders(HttpRequest sent)
    {
        if (body is null)
        {
            return null;
        }

        if (sent.Headers.ContentEncoding is { Count: > 0 } coding)
        {
            return Header(HeaderNames.ContentEncoding, Quoted(coding.ToString()), "none: a body is not compressed");
        }

        var given = sent.ContentType;
        if (!MediaTypeHeaderValue.TryParse(given, out var type)
            || !type.MediaType.Equals(JsonType, StringComparison.OrdinalIgnoreCase))
        {
            return Header(HeaderNames.ContentType, given is null ? "missing" : Quoted(given), JsonType);
        }

        foreach (var parameter in type.Parameters)
        {
            if (parameter.Name.Equals("charset", StringComparison.OrdinalIgnoreCase)
                && !HeaderUtilities.RemoveQuotes(parameter.Value).Equals(Utf8Name, StringComparison.OrdinalIgnoreCase))
            {
                return Header(HeaderNames.ContentType, Quoted(given!), $"{JsonType}, in {Utf8Name}");
            }
        }

        return null;
    }

    /// <summary>What is wrong with a body, or null.</summary>
    /// <param name="json">The body.</param>
    /// <param name="edits">What to change before the transcoder reads it; null when there is nothing.</param>
    public RequestError? CheckBody(ReadOnlySpan<byte> json, out List<JsonEdit>? edits)
    {
        edits = null;
        if (body is null)
        {
            return json.IsEmpty
                ? null
                : new RequestError(
                    ErrorReasons.MalformedRequest,
                    "This method takes no body; its parameters are in the query of the URL.");
        }

        if (json.IsEmpty)
        {
            return new RequestError(
                ErrorReasons.MalformedRequest, "The body is empty; wanted: a JSON object, such as {}.");
        }

        var elsewhere = ReferenceEquals(body, request) ? bound : 0;
        return StrictReader.Check(
            json, body, bodyPath, elsewhere, LedgerSizes.JsonDepthMax, out edits, LedgerLimits.BatchMax) is { } fault
            ? new RequestError(
                ReasonOf(fault.Kind), fault.Message, fault.Field ?? (bodyPath.Length == 0 ? null : bodyPath),
                fault.Kind == JsonFaultKind.TooManyItems ? LedgerLimits.BatchMax : null)
            : null;
    }

    private static ErrorReason ReasonOf(JsonFaultKind kind) => kind switch
    {
        JsonFaultKind.UnknownField => ErrorReasons.UnknownField,
        JsonFaultKind.DuplicateField => ErrorReasons.DuplicateField,
        JsonFaultKind.NumberNotExact => ErrorReasons.NumberNotExact,
        JsonFaultKind.AmountNotANumber => ErrorReasons.AmountNotANumber,
        JsonFaultKind.TooManyItems => ErrorReasons.BatchTooLarge,
        _ => ErrorReasons.MalformedRequest,
    };

    private static RequestError? CheckValue(FieldShape field, string value)
    {
        var isRight = field.Form switch
        {
            FieldForm.Text or FieldForm.Amount => true,
            FieldForm.Flag => value is "true" or "false",
            FieldForm.Integer => FieldShape.TryReadInteger(Encoding.UTF8.GetBytes(value), out var number)
                && field.IsInRange(number),
            FieldForm.Choice => field.IsChoice(value),
            FieldForm.Time or FieldForm.Duration =>
                !value.AsSpan().ContainsAnyExcept(TimeCharacters) && field.IsTime($"\"{value}\""),
            _ => false,
        };
        return isRight
            ? null
            : new RequestError(
                ErrorReasons.MalformedRequest,
                $"The parameter {field.Name} is {Quoted(value)}; wanted: {field.Wanted}.",
                field.Name);
    }

    private static RequestError Header(string name, string found, string wanted) =>
        new(ErrorReasons.MalformedRequest, $"The header {name} is {found}; wanted: {wanted}.", name);

    private static string Spelling(FieldShape field) =>
        field.Name == field.JsonName ? "" : $" {field.Name} and {field.JsonName} are one.";

    private static string Quoted(string text) => $"\"{Shown(text)}\"";

    private static string Shown(ReadOnlySpan<char> text) =>
        text.Length <= ShownMax ? text.ToString() : $"{text[..ShownMax]}…";

    [GeneratedRegex(@"\{(?<name>[a-z_]+)\}", RegexOptions.ExplicitCapture | RegexOptions.CultureInvariant, 1000)]
    private static partial Regex PathField();

    private RequestError UnknownParameter(string name)
    {
        var fields = request.Fields.Where(field => (field.Bit & inQuery) != 0);
        var where = body is null ? "" : " The others are in the body.";
        return new RequestError(
            ErrorReasons.UnknownField, $"There is no query parameter {name}. {request.Suggest(name, fields)}{where}",
            name);
    }
}
