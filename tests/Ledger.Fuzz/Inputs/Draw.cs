namespace Ledger.Fuzz.Inputs;

/// <summary>Chance that follows from a seed: the same seed and place give the same draws, on every machine.</summary>
/// <remarks>SplitMix64. Not for many threads.</remarks>
internal sealed class Draw
{
    private ulong state;

    /// <summary>Begins.</summary>
    /// <param name="seed">The seed of the run.</param>
    /// <param name="place">The number of the input; those beside it have nothing in common with it.</param>
    public Draw(ulong seed, long place) => state = Mix(seed ^ Mix(unchecked((ulong)place + 0x9E3779B97F4A7C15)));

    /// <summary>64 bits.</summary>
    public ulong Bits()
    {
        unchecked
        {
            return Mix(state += 0x9E3779B97F4A7C15);
        }
    }

    /// <summary>A number from 0 up to the end, which is left out.</summary>
    public int Below(int end) => (int)(Bits() % (ulong)end);

    /// <summary>Whether something happens that does so in so many of a hundred cases.</summary>
    public bool Percent(int chances) => Below(100) < chances;

    /// <summary>Whether something happens that does so once in so many cases.</summary>
    public bool OnceIn(int cases) => Below(cases) == 0;

    /// <summary>One of them.</summary>
    public T Of<T>(params IReadOnlyList<T> choices) => choices[Below(choices.Count)];

    private static ulong Mix(ulong bits)
    {
        unchecked
        {
            bits = (bits ^ (bits >> 30)) * 0xBF58476D1CE4E5B9;
            bits = (bits ^ (bits >> 27)) * 0x94D049BB133111EB;
            return bits ^ (bits >> 31);
        }
    }
}
