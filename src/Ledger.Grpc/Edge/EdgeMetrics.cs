using System.Diagnostics.Metrics;
using Ledger.Grpc.Access;

namespace Ledger.Grpc.Edge;

/// <summary>The instruments of the edge, on the meter of the ledger.</summary>
internal sealed class EdgeMetrics
{
    private long connections;
    private long connectionsRefused;

    public EdgeMetrics(IMeterFactory factory, EdgeWall wall, LogDrops drops, CallTurns turns)
    {
        var meter = factory.Create(new MeterOptions(LedgerTelemetry.MeterName));
        meter.CreateObservableGauge(
            "ledger.bytes_in_flight", () => wall.Bytes.Taken, "{byte}",
            "Bytes of requests that this node holds, read or being read.");
        meter.CreateObservableGauge(
            "ledger.calls.waiting", () => turns.Waiting, "{call}",
            "Calls and items of streams that wait for their turn, since their caller has more than others.");
        meter.CreateObservableGauge(
            "ledger.connections", () => Volatile.Read(ref connections), "{connection}",
            "Connections of clients that this node has open.");
        meter.CreateObservableCounter(
            "ledger.connections.refused", () => Volatile.Read(ref connectionsRefused), "{connection}",
            "Connections that were closed at once, since there were as many as a node takes, or takes from one"
            + " address.");
        meter.CreateObservableCounter(
            "ledger.log.dropped", () => drops.Count, "{record}",
            "Records of the log that were thrown away, since whoever reads the output did not keep up.");
    }

    /// <summary>How many connections are open, for the gauge.</summary>
    public long Connections
    {
        get => Volatile.Read(ref connections);
        set => Volatile.Write(ref connections, value);
    }

    /// <summary>Counts a connection that is closed at once.</summary>
    public void ConnectionRefused() => Interlocked.Increment(ref connectionsRefused);
}
