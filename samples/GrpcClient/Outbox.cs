using System.Text.Json;
using Ledger.Client;

namespace GrpcClientSample;

/// <summary>A payment as the outbox keeps it: a line when it is decided upon, a line more when its outcome is
/// known.</summary>
internal sealed record OutboxLine(Guid Id, ulong Amount, string? Outcome);

/// <summary>A file that knows what this program has asked for. A service of your own would use a table of its database,
/// written in the same transaction as the order that is paid.</summary>
internal sealed class Outbox : IDisposable
{
    private readonly FileStream file;
    private readonly Lock gate = new();
    private readonly Dictionary<Guid, OutboxLine> payments = [];

    public Outbox(string path)
    {
        // A last line without its end was cut off by a crash, and never acted upon: nothing is sent before its line is
        // on the disk.
        var text = File.Exists(path) ? File.ReadAllText(path) : "";
        var end = text.LastIndexOf('\n') + 1;
        foreach (var line in text[..end].Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            var payment = JsonSerializer.Deserialize<OutboxLine>(line)!;
            payments[payment.Id] = payment;
        }

        file = new FileStream(path, FileMode.OpenOrCreate, FileAccess.Write, FileShare.Read);
        file.SetLength(end);
        file.Position = end;
    }

    public int Count => payments.Count;

    public IReadOnlyList<OutboxLine> Undecided => [.. payments.Values.Where(payment => payment.Outcome is null)];

    public int CountOf(TransferStatus outcome) =>
        payments.Values.Count(payment => payment.Outcome == outcome.ToString());

    public int Committed => CountOf(TransferStatus.Created) + CountOf(TransferStatus.Exists);

    public void Write(OutboxLine payment)
    {
        lock (gate)
        {
            payments[payment.Id] = payment;
            JsonSerializer.Serialize(file, payment);
            file.WriteByte((byte)'\n');
            file.Flush(flushToDisk: true);
        }
    }

    public void Dispose() => file.Dispose();
}
