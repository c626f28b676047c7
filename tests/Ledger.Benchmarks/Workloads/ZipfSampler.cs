namespace Ledger.Benchmarks;

/// <summary>Ranks from 0 on with a probability in proportion to 1/(rank + 1)^exponent, exactly, for any exponent from 0
/// on. Immutable; the source of chance is the caller's.</summary>
/// <remarks>Rejection-inversion: W. Hörmann and G. Derflinger, "Rejection-inversion to generate variates from monotone
/// discrete distributions", ACM TOMACS 6(3), 1996, in the form that Apache Commons RNG uses
/// (RejectionInversionZipfSampler), which admits the exponent 1. The usual generator (Gray et al., 1994; YCSB) has no
/// exponent 1, and its third rank comes 19% too often.
/// </remarks>
internal sealed class ZipfSampler
{
    private readonly int count;
    private readonly double exponent;
    private readonly double first;
    private readonly double last;
    private readonly double shortcut;

    /// <summary>Makes a distribution.</summary>
    /// <param name="count">How many ranks; from 1 on.</param>
    /// <param name="exponent">From 0 on; 0 is uniform.</param>
    public ZipfSampler(int count, double exponent)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(exponent);
        this.count = count;
        this.exponent = exponent;
        first = Integral(1.5) - 1;
        last = Integral(count + 0.5);
        shortcut = 2 - Inverse(Integral(2.5) - Density(2));
    }

    /// <summary>The next rank, from 0 on.</summary>
    public int Next(Random random)
    {
        while (true)
        {
            var u = last + (random.NextDouble() * (first - last));
            var x = Inverse(u);
            var rank = Math.Clamp(Math.Floor(x + 0.5), 1, count);
            if (rank - x <= shortcut || u >= Integral(rank + 0.5) - Density(rank))
            {
                return (int)rank - 1;
            }
        }
    }

    private double Density(double x) => Math.Exp(-exponent * Math.Log(x));

    // Of the density, from 1 on.
    private double Integral(double x)
    {
        var log = Math.Log(x);
        return ExpM1Over((1 - exponent) * log) * log;
    }

    private double Inverse(double y)
    {
        // Rounding must not take it below -1.
        var t = Math.Max(-1, y * (1 - exponent));
        return Math.Exp(LogP1Over(t) * y);
    }

    // log(1 + x) / x and (exp(x) - 1) / x: near 0 by their series, elsewhere in Kahan's way, since the platform has
    // neither function.
    private static double LogP1Over(double x)
    {
        if (Math.Abs(x) <= 1e-8)
        {
            return 1 - (x * (0.5 - (x * ((1.0 / 3) - (x * 0.25)))));
        }

        var w = 1 + x;
        return Math.Log(w) / (w - 1);
    }

    private static double ExpM1Over(double x)
    {
        if (Math.Abs(x) <= 1e-8)
        {
            return 1 + (x * 0.5 * (1 + (x * (1.0 / 3) * (1 + (x * 0.25)))));
        }

        var e = Math.Exp(x);
        return (e - 1) / (Math.Abs(x) < 0.5 ? Math.Log(e) : x);
    }
}
