namespace Ledger.Core;

/// <summary>A running sum of amounts that are added and taken off, and the highest that it has ever been above its
/// start.</summary>
/// <remarks>Exact for as many terms as there can be, whatever their order: what is taken off may pass 2^128 together,
/// as a
/// hold of the largest amount that ends before money of the same size comes in. So it is wider than an
/// amount.</remarks>
internal struct PeakRise
{
    // Together a signed number of 192 bits, in two's complement.
    private UInt128 low;
    private long high;

    /// <summary>The highest point, not below the start. A rise above 2^128-1 counts as that much: it is compared with
    /// amounts, none of which is larger.</summary>
    public Amount Peak { get; private set; }

    /// <summary>Adds an amount.</summary>
    /// <param name="amount">The amount.</param>
    public void Add(Amount amount)
    {
        low = unchecked(low + amount.Value);
        high += low < amount.Value ? 1 : 0;
        if (high > 0)
        {
            Peak = Amount.MaxValue;
        }
        else if (high == 0 && low > Peak.Value)
        {
            Peak = new Amount(low);
        }
    }

    /// <summary>Takes an amount off.</summary>
    /// <param name="amount">The amount.</param>
    public void Take(Amount amount)
    {
        high -= low < amount.Value ? 1 : 0;
        low = unchecked(low - amount.Value);
    }
}
