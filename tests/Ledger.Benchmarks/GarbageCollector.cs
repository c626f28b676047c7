using System.Diagnostics.Tracing;
using Microsoft.Diagnostics.NETCore.Client;

namespace Ledger.Benchmarks;

/// <summary>Makes another process collect its garbage.</summary>
internal static class GarbageCollector
{
    private const long HeapCollect = 0x80_0000;

    public static void Collect(int process)
    {
        // The runtime collects fully when a session with this keyword begins.
        using var session = new DiagnosticsClient(process).StartEventPipeSession(
            new EventPipeProvider("Microsoft-Windows-DotNETRuntime", EventLevel.Informational, HeapCollect),
            requestRundown: false);
        var reading = session.EventStream.CopyToAsync(Stream.Null);
        Thread.Sleep(TimeSpan.FromSeconds(2));
        session.Stop();
        reading.GetAwaiter().GetResult();
    }
}
