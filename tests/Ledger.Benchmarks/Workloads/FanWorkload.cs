using Ledger.V1;

namespace Ledger.Benchmarks.Workloads;

/// <summary>One account on one side and 10,000 in turn on the other: an employer that pays wages (payroll), and
/// merchants whose takings are collected (settlement). A thousand a call with <c>--batch 1000</c>.</summary>
internal sealed class FanWorkload : TransferWorkload
{
    private const int Count = 10_000;
    private const int AmountMax = 9_999;

    private readonly string _one;
    private readonly string[] _many;
    private readonly bool _paysOut;
    private int _next = -1;

    public FanWorkload(string name, Settings settings)
        : base(name, settings)
    {
        _paysOut = name == "payroll";
        _one = "bench:" + name;
        _many = Names("bench:" + name, Count);
        Accounts = [Account(_one), .. _many.Select(static account => Account(account))];
    }

    public override IReadOnlyList<V1.AccountSpec> Accounts { get; }

    public override V1.Transfer NextTransfer()
    {
        var other = _many[(uint)Interlocked.Increment(ref _next) % Count];
        var amount = Random.Shared.Next(1, AmountMax + 1);
        return _paysOut ? Move(_one, other, amount) : Move(other, _one, amount);
    }
}

/// <summary>Each transfer wakes two accounts that sleep, out of very many: those of <c>--count</c> (a million), each
/// once.</summary>
internal sealed class ColdWorkload : TransferWorkload
{
    private const int DefaultCount = 1_000_000;

    // Large, and has no factor in common with a number of accounts that is a round one.
    private const uint Stride = 2_654_435_761;

    private readonly string[] _names;
    private int _next = -1;

    public ColdWorkload(Settings settings)
        : base("cold", settings)
    {
        _names = Names("bench:asleep", settings.Count ?? DefaultCount);
        Accounts = [.. _names.Select(static account => Account(account))];
    }

    public override IReadOnlyList<V1.AccountSpec> Accounts { get; }

    public override bool Sleeps => true;

    // To read all of them would wake all of them. The sum of those that were used says as much.
    public override IEnumerable<string> Books =>
        Enumerable.Range(0, (int)Math.Min(2L * (Volatile.Read(ref _next) + 1), _names.Length)).Select(At);

    public override V1.Transfer NextTransfer()
    {
        var pair = Interlocked.Increment(ref _next);
        return (2L * pair) + 1 < _names.Length
            ? Move(At(2 * pair), At((2 * pair) + 1), 1)
            : throw new InvalidOperationException(
                $"All {_names.Length} accounts are awake: take more of them with --count.");
    }

    private string At(int place) => _names[(int)((ulong)place * Stride % (ulong)_names.Length)];
}
