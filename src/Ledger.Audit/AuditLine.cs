using System.Buffers;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Ledger.Audit;

/// <summary>The form of a record in a file: one line of JSON in ASCII, whose last member is the hash.</summary>
/// <remarks>
/// The hash is SHA-256 over the 32 bytes of the hash of the record before and the bytes of the line in front of
/// <c>,"hash":"</c>. A record has exactly one form: members in one order, those without a value left out. What can be
/// read and would be written otherwise is no record.
/// </remarks>
internal static class AuditLine
{
    /// <summary>How long a line may be; a longer one is no record. Every text is bounded.</summary>
    public const int BytesMax = 4096;

    private const string TimeForm = "yyyy-MM-ddTHH:mm:ss.fffZ";
    private const int HashBytes = 32;

    private static readonly JsonWriterOptions s_form = new() { Encoder = JavaScriptEncoder.Default };
    private static readonly byte[] s_beforeHash = ",\"hash\":\""u8.ToArray();
    private static readonly byte[] s_afterHash = "\"}"u8.ToArray();

    private static int TailLength => s_beforeHash.Length + (2 * HashBytes) + s_afterHash.Length;

    /// <summary>Writes a record, without the end of the line.</summary>
    /// <param name="record">The record.</param>
    /// <param name="previous">The hash of the record before.</param>
    /// <returns>The line, and the hash of the record.</returns>
    public static (byte[] Line, string Hash) Write(AuditRecord record, string previous)
    {
        var content = Content(record);
        var hash = HashOf(previous, content);
        return ([.. content, .. s_beforeHash, .. Encoding.ASCII.GetBytes(hash), .. s_afterHash], hash);
    }

    /// <summary>Reads a record.</summary>
    /// <param name="line">The line, without its end.</param>
    /// <returns>The record and the hash that it names; null where the line is none.</returns>
    public static (AuditRecord Record, string Hash)? Read(ReadOnlySpan<byte> line)
    {
        if (line.Length > BytesMax || line.Length <= TailLength)
        {
            return null;
        }

        var content = line[..^TailLength];
        var tail = line[^TailLength..];
        var hash = Encoding.ASCII.GetString(tail.Slice(s_beforeHash.Length, 2 * HashBytes));
        if (!tail.StartsWith(s_beforeHash) || !tail.EndsWith(s_afterHash) || !AuditHead.IsHash(hash)
            || Parse([.. content, (byte)'}']) is not { } record || !Content(record).AsSpan().SequenceEqual(content))
        {
            return null;
        }

        return (record, hash);
    }

    /// <summary>Whether a line's hash is that of its bytes behind the record before.</summary>
    /// <param name="line">A line that was read.</param>
    /// <param name="previous">The hash of the record before.</param>
    /// <param name="hash">The hash that the line names.</param>
    public static bool Fits(ReadOnlySpan<byte> line, string previous, string hash) =>
        string.Equals(HashOf(previous, line[..^TailLength]), hash, StringComparison.Ordinal);

    private static string HashOf(string previous, ReadOnlySpan<byte> content)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(Convert.FromHexString(previous));
        hash.AppendData(content);
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    // Without the brace at its end.
    private static byte[] Content(AuditRecord record)
    {
        var buffer = new ArrayBufferWriter<byte>(512);
        using (var json = new Utf8JsonWriter(buffer, s_form))
        {
            var entry = record.Event;
            json.WriteStartObject();
            json.WriteNumber("n", record.Number);
            json.WriteString("t", Text(record.Time));
            Write(json, "node", record.Node);
            json.WriteString("kind", AuditKindNames.Of(entry.Kind));
            Write(json, "principal", entry.Principal);
            Write(json, "credential", entry.Credential);
            Write(json, "address", entry.Address);
            Write(json, "method", entry.Method);
            Write(json, "target", entry.Target);
            Write(json, "outcome", entry.Outcome);
            Write(json, "detail", entry.Detail);
            Write(json, "correlation", entry.Correlation);
            if (record.Count != 0)
            {
                json.WriteNumber("count", record.Count);
            }

            if (record.Since is { } since)
            {
                json.WriteString("since", Text(since));
            }

            Write(json, "previous", record.Previous);
            json.WriteEndObject();
        }

        return buffer.WrittenSpan[..^1].ToArray();
    }

    private static void Write(Utf8JsonWriter json, string name, string? value)
    {
        if (AuditText.Bounded(value) is { Length: > 0 } text)
        {
            json.WriteString(name, text);
        }
    }

    private static string Text(DateTimeOffset time) =>
        time.ToUniversalTime().ToString(TimeForm, CultureInfo.InvariantCulture);

    private static AuditRecord? Parse(byte[] json)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            var root = document.RootElement;
            return TextIn(root, "kind") is { } name && AuditKindNames.All.TryGetValue(name, out var kind)
                && NumberIn(root, "n") is { } number && TimeIn(root, "t") is { } time
                && TextIn(root, "previous") is var previous && (previous is null || AuditHead.IsHash(previous))
                ? new AuditRecord(number, time, TextIn(root, "node") ?? "", new AuditEvent(kind)
                {
                    Principal = TextIn(root, "principal"), Credential = TextIn(root, "credential"),
                    Address = TextIn(root, "address"), Method = TextIn(root, "method"), Target = TextIn(root, "target"),
                    Outcome = TextIn(root, "outcome"), Detail = TextIn(root, "detail"),
                    Correlation = TextIn(root, "correlation"),
                })
                {
                    Count = NumberIn(root, "count") ?? 0, Since = TimeIn(root, "since"), Previous = previous,
                }
                : null;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // Of another form, or with half a character in it.
            return null;
        }
    }

    private static string? TextIn(JsonElement json, string name) =>
        json.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    private static long? NumberIn(JsonElement json, string name) =>
        json.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number
        && value.TryGetInt64(out var number)
            ? number
            : null;

    private static DateTimeOffset? TimeIn(JsonElement json, string name) =>
        DateTimeOffset.TryParseExact(
            TextIn(json, name), TimeForm, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time)
            ? time
            : null;
}
