using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Ledger.Chaos.Checking;

/// <summary>One call of the history, with what the checker learns of it.</summary>
internal sealed class Call(CallRecord record, long offset, int length)
{
    public CallRecord Record { get; } = record;

    /// <summary>Where its line stands in the file.</summary>
    public long Offset { get; } = offset;

    public int Length { get; } = length;

    /// <summary>For a call about one account (a read, a page, a look-up): its number; -1 otherwise.</summary>
    public int Account { get; set; } = -1;

    /// <summary>For a write: the decision of the journal about what it asks for; null when there is none.</summary>
    public Decision? Decision { get; set; }

    /// <summary>Whether it was refused by nobody who could have written that down: what it asked for may come about
    /// later.</summary>
    public bool IsUndecided { get; set; }

    /// <summary>For a read: the places in the account's stream, in order, at which the account was as it was
    /// read.</summary>
    public List<long>? Places { get; set; }

    /// <summary>Whether what it shows was never written like that, see <see cref="Books"/>.</summary>
    public bool IsLazy { get; set; }

    /// <summary>What it must show at least: set when it is invoked.</summary>
    public Floor Floor { get; set; }

    public bool IsWrite => Record.Kind is CallKind.Transfer or CallKind.Hold or CallKind.Post or CallKind.Void
        or CallKind.Transaction;

    /// <summary>Whether a write was told to be recorded.</summary>
    public bool IsAcknowledged => IsWrite && Record.Outcome == CallOutcome.Ok;

    /// <summary>The transfers that a write asks for.</summary>
    public IReadOnlyList<TransferContent> Transfers =>
        Record.Request.Legs ?? (Record.Request.Transfer is { } alone ? [alone] : []);

    /// <summary>The id that a write or a look-up is about.</summary>
    public UInt128 Id => Ids.Of(Record.Request.Id ?? Record.Request.Transfer?.Id ?? default);
}

/// <summary>Ids as numbers, in the order of their text.</summary>
internal static class Ids
{
    public static UInt128 Of(Guid id) => TransferId.FromGuid(id).Value;

    public static string Text(UInt128 id) => new TransferId(id).ToString();
}

/// <summary>A history, read.</summary>
internal sealed class HistoryFile
{
    private const int LineMax = 64 << 20;

    private static readonly JsonSerializerOptions Options = MakeOptions();

    private readonly string path;

    private HistoryFile(string path) => this.path = path;

    public RunRecord? Run { get; private set; }

    public FinalRecord? Final { get; private set; }

    public List<Call> Calls { get; } = [];

    public List<FaultRecord> Faults { get; } = [];

    public List<DamageRecord> Damages { get; } = [];

    /// <summary>What is wrong with the file itself; null when nothing is.</summary>
    public string? Problem { get; private set; }

    public static HistoryFile Read(string path, CancellationToken cancellationToken)
    {
        var history = new HistoryFile(path);
        using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, 1,
            FileOptions.SequentialScan);
        var buffer = new byte[1 << 20];
        var filled = 0;
        long offset = 0;
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var read = stream.Read(buffer, filled, buffer.Length - filled);
            filled += read;
            var start = 0;
            int end;
            while ((end = buffer.AsSpan(start, filled - start).IndexOf((byte)'\n')) >= 0)
            {
                history.Take(buffer.AsSpan(start, end), offset + start);
                start += end + 1;
            }

            if (read == 0)
            {
                if (start < filled)
                {
                    // The writer was killed in the middle of a line.
                    history.Problem ??= "the last line of the history is torn";
                }

                return history;
            }

            filled -= start;
            offset += start;
            buffer.AsSpan(start, filled).CopyTo(buffer);
            if (filled == buffer.Length)
            {
                if (filled >= LineMax)
                {
                    history.Problem ??= $"the line at byte {offset} of the history is longer than any record";
                    return history;
                }

                Array.Resize(ref buffer, buffer.Length * 2);
            }
        }
    }

    /// <summary>The line of a call, as it stands in the file.</summary>
    public string LineOf(Call call)
    {
        using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        stream.Position = call.Offset;
        var bytes = new byte[call.Length];
        stream.ReadExactly(bytes);
        return Encoding.UTF8.GetString(bytes);
    }

    private void Take(ReadOnlySpan<byte> line, long offset)
    {
        if (line.IsEmpty || Problem is not null)
        {
            return;
        }

        HistoryRecord? record;
        try
        {
            record = JsonSerializer.Deserialize<HistoryRecord>(line, Options);
        }
        catch (Exception e) when (e is JsonException or FormatException or OverflowException)
        {
            Problem = $"the line at byte {offset} of the history can't be read: {e.Message}";
            return;
        }

        switch (record)
        {
            case RunRecord run when Run is null:
                Run = run;
                break;
            case CallRecord call:
                Calls.Add(new Call(call, offset, line.Length));
                break;
            case FaultRecord fault:
                Faults.Add(fault);
                break;
            case DamageRecord damage:
                Damages.Add(damage);
                break;
            case FinalRecord final:
                Final = final;
                break;
            default:
                Problem = $"the line at byte {offset} of the history is of no kind that can stand there";
                break;
        }
    }

    private static JsonSerializerOptions MakeOptions()
    {
        var options = new JsonSerializerOptions(HistoryJson.Default.Options) { TypeInfoResolver = HistoryJson.Default };
        options.Converters.Add(new PoolingConverter());
        return options;
    }

    // A history names few accounts and statuses, very often.
    private sealed class PoolingConverter : JsonConverter<string>
    {
        private const int LengthMax = 64;
        private const int CountMax = 100_000;

        private readonly Lock gate = new();
        private readonly HashSet<string> pool = new(StringComparer.Ordinal);

        public override string? Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
        {
            var text = reader.GetString();
            if (text is null || text.Length > LengthMax)
            {
                return text;
            }

            lock (gate)
            {
                if (pool.TryGetValue(text, out var known))
                {
                    return known;
                }

                if (pool.Count < CountMax)
                {
                    pool.Add(text);
                }
            }

            return text;
        }

        public override void Write(Utf8JsonWriter writer, string value, JsonSerializerOptions options) =>
            writer.WriteStringValue(value);
    }
}
