using System.Collections.Frozen;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using Grpc.Core;
using Ledger.Grpc.Edge;
using Ledger.Grpc.Errors;

namespace Ledger.Grpc;

/// <summary>The instruments of calls, on the meter of the ledger.</summary>
/// <remarks>Labels are bounded, and their values are made once: methods by the contract, gRPC's codes, and the reasons
/// of <see cref="ErrorReasons"/>.</remarks>
internal sealed class CallMetrics
{
    private const string Other = "other";

    private static readonly InstrumentAdvice<double> s_durations = new()
    {
        HistogramBucketBoundaries =
            [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    };

    // By the path of a call, which begins with a slash.
    private static readonly FrozenDictionary<string, string> s_methods =
        Contract.Methods
            .Select(static method => $"{method.Service.FullName}/{method.Name}")
            .ToFrozenDictionary(static name => "/" + name, StringComparer.Ordinal);

    private static readonly string[] s_codes =
    [
        "OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS",
        "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED",
        "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED",
    ];

    private readonly Histogram<double> durations;
    private readonly Counter<long> refusals;
    private readonly Counter<long> malformed;

    public CallMetrics(IMeterFactory factory)
    {
        var meter = factory.Create(new MeterOptions(LedgerTelemetry.MeterName));
        durations = meter.CreateHistogram(
            "ledger.call.duration", "s",
            "How long a call took, or one transfer of a stream, from the time it was read until it was answered.",
            tags: null, s_durations);
        refusals = meter.CreateCounter<long>(
            "ledger.refused", "{refusal}",
            "Calls and items of streams that were answered with an error, by its reason.");
        malformed = meter.CreateCounter<long>(
            "ledger.malformed", "{request}",
            "Requests and messages of streams that could not be read, by the method that they were for.");
    }

    /// <summary>What was refused lately, for a line of the log from time to time.</summary>
    public RefusalCounts Recent { get; } = new();

    /// <summary>When a call begins; 0 while nobody listens.</summary>
    public long Start() => durations.Enabled ? Stopwatch.GetTimestamp() : 0;

    /// <summary>Notes that a call has ended.</summary>
    /// <param name="method">Its path.</param>
    /// <param name="code">How it ended.</param>
    /// <param name="started">What <see cref="Start"/> said.</param>
    public void Ended(string method, StatusCode code, long started)
    {
        if (started != 0)
        {
            durations.Record(
                Stopwatch.GetElapsedTime(started).TotalSeconds,
                new KeyValuePair<string, object?>("method", s_methods.GetValueOrDefault(method, Other)),
                new KeyValuePair<string, object?>("code", (int)code < s_codes.Length ? s_codes[(int)code] : Other));
        }
    }

    /// <summary>Counts an error that is answered.</summary>
    public void Refused(ErrorReason reason)
    {
        refusals.Add(1, new KeyValuePair<string, object?>("reason", reason.Name));
        Recent.Add(reason);
    }

    /// <summary>Counts an error that is answered, and what it says of the request.</summary>
    /// <param name="reason">The error's reason.</param>
    /// <param name="path">The path of the call.</param>
    public void Refused(ErrorReason reason, string path)
    {
        Refused(reason);
        if (reason == ErrorReasons.MalformedRequest)
        {
            malformed.Add(1, new KeyValuePair<string, object?>("method", s_methods.GetValueOrDefault(path, Other)));
        }
    }
}
