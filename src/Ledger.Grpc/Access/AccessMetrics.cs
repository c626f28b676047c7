using System.Collections.Frozen;
using System.Diagnostics.Metrics;
using System.Runtime.CompilerServices;
using Ledger.Audit;

namespace Ledger.Grpc.Access;

/// <summary>The instruments of who may call, on the meter of the ledger.</summary>
/// <remarks>Labels are bounded, and all their values are there from the start: a rate that begins with the attack is
/// seen by no alert.</remarks>
internal sealed class AccessMetrics
{
    private static readonly FrozenDictionary<string, string> s_methods = Contract.Methods
        .Select(static method => $"{method.Service.FullName}/{method.Name}")
        .ToFrozenDictionary(static name => "/" + name, StringComparer.Ordinal);

    private readonly FrozenDictionary<string, StrongBox<long>> failures =
        Counts([ShownWay.Nothing, ShownWay.Key, ShownWay.Token, ShownWay.Certificate, ShownWay.Handshake]);

    private readonly FrozenDictionary<string, StrongBox<long>> denials = Counts(s_methods.Values);

    public AccessMetrics(IMeterFactory factory, IAuditLog log)
    {
        var meter = factory.Create(new MeterOptions(LedgerTelemetry.MeterName));
        meter.CreateObservableCounter(
            "ledger.auth.failures", () => Values(failures, "shown"), "{call}",
            "Calls of nobody whom the ledger knows, by what they have shown; and handshakes of TLS that were refused.");
        meter.CreateObservableCounter(
            "ledger.authz.denied", () => Values(denials, "method"), "{refusal}",
            "Calls and items of streams that the policy does not allow, by their method.");
        meter.CreateObservableCounter(
            "ledger.audit.records", () => log.Written, "{record}",
            "Records of the audit log that this node has written.");
        meter.CreateObservableCounter(
            "ledger.audit.dropped", () => log.Dropped, "{record}",
            "Records of the audit log that were thrown away, since too many waited to be written.");
    }

    /// <summary>Counts a caller whom nobody knows.</summary>
    /// <param name="shown">What it has shown, of <see cref="ShownWay"/>.</param>
    public void Failed(string shown) => Interlocked.Increment(ref failures[shown].Value);

    /// <summary>Counts what the policy does not allow.</summary>
    /// <param name="path">The path of the call, as gRPC has it.</param>
    public void Denied(string path)
    {
        if (s_methods.TryGetValue(path, out var method))
        {
            Interlocked.Increment(ref denials[method].Value);
        }
    }

    private static FrozenDictionary<string, StrongBox<long>> Counts(IEnumerable<string> labels) =>
        labels.ToFrozenDictionary(
        static label => label, static _ => new StrongBox<long>(), StringComparer.Ordinal);

    private static IEnumerable<Measurement<long>> Values(
        FrozenDictionary<string, StrongBox<long>> counts, string label) =>
        counts.Select(one => new Measurement<long>(
            Volatile.Read(ref one.Value.Value), new KeyValuePair<string, object?>(label, one.Key)));
}
