namespace Ledger.Simulation;

/// <summary>A source of numbers that gives the same ones everywhere and for ever (SplitMix64). Each component of a
/// world has its own, so that a change of one leaves the others' choices alone.</summary>
internal sealed class Prng
{
    private ulong state;

    public Prng(ulong seed, string component)
    {
        state = seed;
        foreach (var c in component)
        {
            state = unchecked((state ^ c) * 0x100000001B3UL);
            NextBits();
        }
    }

    public ulong NextBits()
    {
        unchecked
        {
            state += 0x9E3779B97F4A7C15UL;
            var z = state;
            z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9UL;
            z = (z ^ (z >> 27)) * 0x94D049BB133111EBUL;
            return z ^ (z >> 31);
        }
    }

    public int Next(int limit) => (int)(NextBits() % (ulong)limit);

    public int Between(int low, int high) => low + Next(high - low + 1);

    public bool Chance(int permille) => permille > 0 && Next(1000) < permille;

    public T Of<T>(params ReadOnlySpan<T> choices) => choices[Next(choices.Length)];

    /// <summary>A duration of 1 up to 2^bits microseconds: each order of magnitude is as likely as another.</summary>
    public long Spread(int bitsMin, int bitsMax)
    {
        var bits = Between(bitsMin, bitsMax);
        return (1L << bits) + (long)(NextBits() % (1UL << bits));
    }
}
