using Ledger.Benchmarks.Workloads;
using Ledger.V1;

namespace Ledger.Benchmarks.Peers;

/// <summary>The ledger itself: a node, asked over gRPC.</summary>
internal sealed class LedgerTarget(NodeUnderTest node, Database database, Settings settings, int batchSize) : Target
{
    private readonly Driver _driver = new(node.Address, settings.Connections);

    public override string Name => batchSize == 1 ? "ledger" : "ledger-batches";

    public override int BatchSize => batchSize;

    public override IReadOnlyList<int> InFlight => batchSize == 1 ? [32, 128, 512, 1024] : [1, 2, 4, 8];

    public override Task OpenAsync(PairWorkload workload, CancellationToken cancellationToken) =>
        _driver.OpenAsync(workload, cancellationToken);

    public override Task PostAsync(
        IReadOnlyList<V1.Transfer> transfers, Load load, CancellationToken cancellationToken) =>
        _driver.CallAsync(new PostCall(transfers), load, cancellationToken);

    public override async Task<long> CheckBooksAsync(PairWorkload workload, CancellationToken cancellationToken) =>
        (await _driver.CheckBooksAsync(workload.Books, cancellationToken)).Entries;

    public override TimeSpan Processor() => node.Processor() + database.Processor();

    public override ValueTask DisposeAsync()
    {
        _driver.Dispose();
        return ValueTask.CompletedTask;
    }
}
