using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Google.Rpc;
using Grpc.Core;
using Ledger.Fuzz.Inputs;
using Ledger.Fuzz.Sending;
using RpcStatus = Google.Rpc.Status;

namespace Ledger.Fuzz.Judging;

/// <summary>Says whether an answer may be: no failure without a reason, none that nobody expected, and nothing in an
/// answer that a client can't read.</summary>
internal static class Judge
{
    private const string Domain = "ledger";
    // The longest first line of a request that the server takes.
    private const int LineMax = 8 * 1024;
    private const int FrameHead = 5;

    private static readonly TypeRegistry s_types = TypeRegistry.FromMessages(
        ErrorInfo.Descriptor, BadRequest.Descriptor, RetryInfo.Descriptor);

    private static readonly JsonFormatter s_formatter = new(new JsonFormatter.Settings(true, s_types));
    private static readonly JsonParser s_parser = new(new JsonParser.Settings(100, s_types));

    /// <summary>What is wrong; null for nothing.</summary>
    public static Finding? Find(FuzzInput input, Answer answer)
    {
        // What is refused by its first line is answered and closed while the client may still be sending the rest.
        if (input.Path.Length > LineMax && answer.Failure?.Contains("Broken pipe", StringComparison.Ordinal) == true)
        {
            return null;
        }

        // A call that its own deadline ends may end before the client has sent it.
        if (answer.IsUnsent || (answer.Failure?.Contains("'CANCEL'", StringComparison.Ordinal) == true
            && input.Headers.Any(static one => one.Key == "grpc-timeout")))
        {
            return null;
        }

        var what = answer.Failure is { } failure ? $"no answer: {Cut(failure)}"
            : input.Form == InputForm.Grpc || IsOfGrpc(input, answer) ? OfGrpc(input, answer)
            : OfJson(input, answer);
        return what is null ? null : new Finding(
            $"{input.Form} {(input.Method.Length > 0 ? input.Method : input.Path)}: {what}", Describe(answer), input);
    }

    /// <summary>The reason of an answer, for counting: OK, a reason of the ledger's, or the bare status.</summary>
    public static string ReasonOf(FuzzInput input, Answer answer)
    {
        if (answer.Failure is not null)
        {
            return answer.IsUnsent ? "not sent" : "no answer";
        }

        if (input.Form == InputForm.Grpc)
        {
            return answer.GrpcStatus == 0 ? "OK"
                : answer.GrpcDetails is { } details && InfoOf(details) is { } info ? info.Reason
                : string.Create(CultureInfo.InvariantCulture, $"grpc {answer.GrpcStatus} http {answer.HttpStatus}");
        }

        return answer.HttpStatus < 300 ? "OK"
            : TryParse(answer.Body) is { } status && InfoOf(status) is { } reason ? reason.Reason
            : string.Create(CultureInfo.InvariantCulture, $"http {answer.HttpStatus}");
    }

    private static string? OfGrpc(FuzzInput input, Answer answer)
    {
        if (answer.GrpcStatus is not { } code)
        {
            // What does not say that it is gRPC may be refused as what it says that it is.
            if (!input.Headers.Any(
                static one =>
                    one.Key == "content-type" && one.Value.StartsWith("application/grpc", StringComparison.Ordinal)))
            {
                return OfJson(input with { IsRouted = false }, answer);
            }

            return string.Create(CultureInfo.InvariantCulture, $"HTTP {answer.HttpStatus} without grpc-status");
        }

        var method = Surface.Find(input.Method);
        if ((StatusCode)code is StatusCode.Internal or StatusCode.Unknown or StatusCode.DataLoss)
        {
            return $"{(StatusCode)code} {(answer.GrpcDetails is { } told ? InfoOf(told)?.Reason : "")}";
        }

        if (method is null || !Surface.IsOwn(method))
        {
            return null;
        }

        if (code != 0 && answer.GrpcDetails is null)
        {
            return $"{(StatusCode)code} without details";
        }

        if (answer.GrpcDetails is { } details && CheckInfo(InfoOf(details)) is { } lacking)
        {
            return $"{(StatusCode)code} {lacking}";
        }

        return input.IsRouted ? OfMessages(method, answer.Body, (StatusCode)code) : null;
    }

    // Whoever calls himself gRPC at a path of nobody's is answered as gRPC does.
    private static bool IsOfGrpc(FuzzInput input, Answer answer) => !input.IsRouted && answer.GrpcStatus is not null
        && answer.ContentType.StartsWith("application/grpc", StringComparison.Ordinal);

    private static string? OfMessages(MethodDescriptor method, byte[] body, StatusCode code)
    {
        var count = 0;
        for (var rest = body.AsSpan(); rest.Length > 0; count++)
        {
            if (rest.Length < FrameHead || BinaryPrimitives.ReadUInt32BigEndian(rest[1..]) > rest.Length - FrameHead)
            {
                // The gRPC server ends a call at its deadline also in the midst of a message.
                return code == StatusCode.DeadlineExceeded ? null : "an answer that ends in a frame";
            }

            var length = (int)BinaryPrimitives.ReadUInt32BigEndian(rest[1..]);
            IMessage message;
            try
            {
                message = method.OutputType.Parser.ParseFrom(rest.Slice(FrameHead, length));
                s_formatter.Format(message);
            }
            catch (Exception e) when (e is IOException or InvalidOperationException)
            {
                return $"an answer that clients can't read: {e.Message}";
            }

            if (OfInner(message) is { } wrong)
            {
                return wrong;
            }

            rest = rest[(FrameHead + length)..];
        }

        return code == StatusCode.OK && !method.IsServerStreaming && count != 1
            ? $"OK with {count} messages"
            : null;
    }

    // Of a stream, items fail one by one.
    private static string? OfInner(IMessage message)
    {
        if (message is RpcStatus { Code: not 0 } status)
        {
            return (StatusCode)status.Code is StatusCode.Internal or StatusCode.Unknown or StatusCode.DataLoss
                ? $"an item with {(StatusCode)status.Code} {InfoOf(status)?.Reason}"
                : CheckInfo(InfoOf(status)) is { } lacking ? $"an item with {(StatusCode)status.Code} {lacking}" : null;
        }

        foreach (var field in message.Descriptor.Fields.InFieldNumberOrder()
            .Where(static field => field.FieldType == FieldType.Message && !field.IsMap))
        {
            var value = field.Accessor.GetValue(message);
            var inner = value is System.Collections.IEnumerable list and not IMessage
                ? list.OfType<IMessage>()
                : [.. new[] { value }.OfType<IMessage>()];
            if (inner.Select(OfInner).FirstOrDefault(static wrong => wrong is not null) is { } found)
            {
                return found;
            }
        }

        return null;
    }

    private static string? OfJson(FuzzInput input, Answer answer)
    {
        // Probes of health are answered by a word, and a HEAD by nothing.
        var isOther = input.Path.StartsWith("/health", StringComparison.OrdinalIgnoreCase)
            || input.Path.StartsWith("/metrics", StringComparison.OrdinalIgnoreCase);
        var isOk = answer.HttpStatus is >= 200 and < 300;
        if (answer.HttpStatus is 500 or 502 || (!isOk && answer.HttpStatus < 400))
        {
            return string.Create(CultureInfo.InvariantCulture, $"HTTP {answer.HttpStatus}");
        }

        // What the server of HTTP itself refuses it refuses before anybody knows what is asked for, and ends the
        // connection.
        var isOfHttp =
            answer is { HttpStatus: 400 or 408 or 413 or 414 or 431 or 501 or 505, Body.Length: 0, IsLast: true };
        if (isOther || input.Verb == "HEAD" || isOfHttp)
        {
            return null;
        }

        if (!isOk)
        {
            return TryParse(answer.Body) is not { } status
                ? string.Create(CultureInfo.InvariantCulture, $"HTTP {answer.HttpStatus} without a google.rpc.Status")
                : (StatusCode)status.Code is StatusCode.Internal or StatusCode.Unknown or StatusCode.DataLoss
                    ? $"{(StatusCode)status.Code} {InfoOf(status)?.Reason}"
                    : CheckInfo(InfoOf(status)) is { } lacking
                        ? string.Create(CultureInfo.InvariantCulture, $"HTTP {answer.HttpStatus} {lacking}") : null;
        }

        if (!input.IsRouted || Surface.Find(input.Method) is not { } method)
        {
            return IsJson(answer.Body) ? null : "an answer that is no JSON";
        }

        try
        {
            s_parser.Parse(Encoding.UTF8.GetString(answer.Body), method.OutputType);
            return null;
        }
        catch (Exception e) when (e is IOException or InvalidOperationException or FormatException)
        {
            return $"an answer that clients can't read: {e.Message}";
        }
    }

    private static string? CheckInfo(ErrorInfo? info) => info switch
    {
        null => "without ErrorInfo",
        { Domain: not Domain } => $"of the domain '{info.Domain}'",
        { Reason: "" } => "without a reason",
        _ => info.Metadata.TryGetValue("outcome", out var outcome) && outcome is "not_applied" or "unknown"
            ? null : $"{info.Reason} without an outcome",
    };

    private static ErrorInfo? InfoOf(byte[] details)
    {
        try
        {
            return InfoOf(RpcStatus.Parser.ParseFrom(details));
        }
        catch (IOException)
        {
            return null;
        }
    }

    private static ErrorInfo? InfoOf(RpcStatus status)
    {
        var found = status.Details.Where(static one => one.Is(ErrorInfo.Descriptor)).ToArray();
        return found.Length == 1 ? found[0].Unpack<ErrorInfo>() : null;
    }

    private static RpcStatus? TryParse(byte[] body)
    {
        try
        {
            return s_parser.Parse<RpcStatus>(Encoding.UTF8.GetString(body));
        }
        catch (Exception e) when (e is IOException or InvalidOperationException or FormatException)
        {
            return null;
        }
    }

    private static bool IsJson(byte[] body)
    {
        try
        {
            using var document = JsonDocument.Parse(body);
            return true;
        }
        catch (JsonException)
        {
            return false;
        }
    }

    private static string Describe(Answer answer) => answer.Failure ?? string.Create(
        CultureInfo.InvariantCulture,
        $"HTTP {answer.HttpStatus}, {answer.ContentType}, grpc-status {answer.GrpcStatus}, {answer.GrpcMessage}, "
            + $"{answer.Body.Length} bytes: ")
        + Cut(Encoding.UTF8.GetString(answer.Body, 0, Math.Min(answer.Body.Length, 1_000)));

    private static string Cut(string text) => text.Length <= 400 ? text : text[..400] + "…";
}
