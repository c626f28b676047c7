using Google.Protobuf.WellKnownTypes;
using Ledger.V1;

namespace Ledger.Benchmarks.Workloads;

/// <summary>The load of TigerBeetle's <c>benchmark</c> (src/tigerbeetle/benchmark_load.zig): 10,000 accounts without
/// limits, amounts that are exponential with a mean of 10,000. In variants: uniform; Zipf with the exponent 0.99,
/// spread over the accounts; debits of 8 hot accounts only; three in ten pending, which expire after 1 to 5 seconds.
/// Its batches hold 8,189: <c>--batch 8189 --in-flight 1</c>.
/// </summary>
internal sealed class TigerBeetleWorkload : TransferWorkload
{
    private const int Count = 10_000;
    private const int HotCount = 8;
    private const double MeanAmount = 10_000;
    private const double ZipfExponent = 0.99;
    private const double PendingShare = 0.3;
    private const int TimeoutMax = 5;

    private readonly string[] _names;
    private readonly int _hot;
    private readonly bool _isPending;
    private readonly ZipfSampler? _zipf;
    private readonly int[] _places;

    public TigerBeetleWorkload(string name, Settings settings)
        : base(name, settings)
    {
        (_hot, _isPending, _zipf) = name switch
        {
            "tigerbeetle" => (0, false, (ZipfSampler?)null),
            "tigerbeetle-hot" => (HotCount, false, null),
            "tigerbeetle-zipf" => (0, false, new ZipfSampler(Count, ZipfExponent)),
            "tigerbeetle-pending" => (0, true, null),
            _ => throw new ArgumentException($"There is no workload '{name}'.", nameof(name)),
        };
        _names = Names("bench:" + name, Count);
        Accounts = [.. _names.Select(static account => Account(account))];

        // Neighbours in rank are none in place.
        _places = [.. Enumerable.Range(0, Count)];
        new Random(Count).Shuffle(_places);
    }

    public override IReadOnlyList<V1.AccountSpec> Accounts { get; }

    public override bool HasHolds => _isPending;

    public override V1.Transfer NextTransfer()
    {
        var random = Random.Shared;
        var debit = _hot > 0 ? random.Next(_hot) : Pick(random);
        var credit = _hot > 0 ? random.Next(_hot, Count) : Pick(random);
        if (credit == debit)
        {
            // Not chosen anew: so it is done there.
            credit = (credit + 1) % Count;
        }

        var transfer = Move(
            _names[debit], _names[credit], 1 + (long)(-Math.Log(1 - random.NextDouble()) * MeanAmount));
        transfer.Code = (uint)random.Next(1, ushort.MaxValue + 1);
        if (_isPending && random.NextDouble() < PendingShare)
        {
            transfer.Kind = V1.TransferKind.Hold;
            transfer.Timeout = Duration.FromTimeSpan(TimeSpan.FromSeconds(random.Next(1, TimeoutMax + 1)));
        }

        return transfer;
    }

    private int Pick(Random random) => _zipf is null ? random.Next(Count) : _places[_zipf.Next(random)];
}
