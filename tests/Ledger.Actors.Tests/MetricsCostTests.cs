using System.Diagnostics.Metrics;

namespace Ledger.Actors.Tests;

/// <summary>What a measurement costs those who move money: no clock is read while nobody listens, and nothing is
/// allocated.</summary>
public sealed class MetricsCostTests
{
    private const int Rounds = 1000;

    [Fact]
    public async Task Measuring_allocates_nothing_whether_or_not_anybody_listens()
    {
        using var storage = new SqliteTestStorage();
        await using var host = await LedgerHost.StartAsync(storage);
        var metrics = LedgerExtension.Of(host.System).Metrics;
        var transfer = new Transfer(
            TransferId.FromGuid(Guid.CreateVersion7()), AccountAddress.Parse("a"), AccountAddress.Parse("b"),
            Amount.Of(1), 1);

        metrics.CountsTransfers.ShouldBeFalse();
        metrics.StartWrite().ShouldBe(0);
        metrics.StartWaking().ShouldBe(0);
        Allocated().ShouldBe(0);

        using var listener = new MeterListener();
        long heard = 0;
        listener.InstrumentPublished = static (instrument, self) =>
        {
            if (instrument.Meter is { Name: LedgerTelemetry.MeterName, Scope: null })
            {
                self.EnableMeasurementEvents(instrument);
            }
        };
        listener.SetMeasurementEventCallback<long>((_, _, _, _) => Interlocked.Increment(ref heard));
        listener.SetMeasurementEventCallback<int>((_, _, _, _) => Interlocked.Increment(ref heard));
        listener.SetMeasurementEventCallback<double>((_, _, _, _) => Interlocked.Increment(ref heard));
        listener.Start();

        metrics.CountsTransfers.ShouldBeTrue();
        Allocated().ShouldBe(0);
        Interlocked.Read(ref heard).ShouldBeGreaterThanOrEqualTo(5 * Rounds);

        long Allocated()
        {
            Measure();
            var before = GC.GetAllocatedBytesForCurrentThread();
            for (var i = 0; i < Rounds; i++)
            {
                Measure();
            }

            return GC.GetAllocatedBytesForCurrentThread() - before;
        }

        void Measure()
        {
            metrics.Answered(transfer, TransferStatus.ExceedsCredits, replayed: false);
            metrics.Wrote(metrics.StartWrite(), 3, stored: true);
            metrics.Awoke(metrics.StartWaking());
            metrics.FellAsleep();
        }
    }
}
