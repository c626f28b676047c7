using System.Numerics;
using FsCheck.Xunit;

namespace Ledger.Core.Tests;

/// <summary>
/// Goal: what is computed of amounts while an account decides is exact up to 2^128-1, and throws for none. Method: the
/// same in
/// integers without a limit, with amounts near the edges.
/// </summary>
public sealed class AmountArithmeticTests
{
    private static readonly BigInteger Max = UInt128.MaxValue;

    [Property(MaxTest = 5000)]
    public void The_peak_of_a_running_sum_is_exact(int seed)
    {
        var random = new Random(seed);
        PeakRise rise = default;
        BigInteger sum = 0;
        BigInteger peak = 0;
        for (var i = random.Next(1, 40); i > 0; i--)
        {
            var amount = Some(random);
            if (random.Next(2) == 0)
            {
                rise.Add(amount);
                sum += amount.Value;
            }
            else
            {
                rise.Take(amount);
                sum -= amount.Value;
            }

            peak = BigInteger.Max(peak, sum);
            ((BigInteger)rise.Peak.Value).ShouldBe(BigInteger.Min(peak, Max));
        }
    }

    [Property(MaxTest = 5000)]
    public void What_is_left_is_exact(int seed)
    {
        var random = new Random(seed);
        var (posted, allowance) = (Some(random), Some(random));
        Amount[] used = [Some(random), Some(random), Some(random)];
        var expected = (BigInteger)posted.Value + allowance.Value - used[0].Value - used[1].Value - used[2].Value;

        ((BigInteger)AccountDecider.Headroom(posted, allowance, used[0], used[1], used[2]).Value)
            .ShouldBe(BigInteger.Clamp(expected, 0, Max));
    }

    [Property(MaxTest = 2000)]
    public void What_is_available_can_be_told_of_every_account(int seed)
    {
        var random = new Random(seed);
        var spec = new AccountSpec(AccountAddress.Parse("a"), Asset.Parse("USD/2"), 1)
        {
            DebitsMustNotExceedCredits = Some(random), CreditsMustNotExceedDebits = Some(random),
        };
        var balances = new Balances(Some(random), Some(random), Some(random), Some(random), Some(random), Some(random));
        var view = new Account(spec, default, balances, 0, 0, false);

        _ = view.AvailableDebits.ShouldNotBeNull();
        _ = view.AvailableCredits.ShouldNotBeNull();
        var balance = (BigInteger)balances.DebitsPosted.Value - balances.CreditsPosted.Value;
        balances.Balance.ToString().ShouldBe(balance.ToString(System.Globalization.CultureInfo.InvariantCulture));
    }

    private static Amount Some(Random random)
    {
        var near = (UInt128)(uint)random.Next(3);
        return new Amount(random.Next(7) switch
        {
            0 => near,
            1 => UInt128.MaxValue - near,
            2 => (UInt128.MaxValue / 2) + near,
            3 => (UInt128.MaxValue / 2) - near,
            4 => UInt128.MaxValue / (uint)random.Next(3, 9),
            5 => ((UInt128)1 << random.Next(1, 128)) - near,
            _ => new UInt128((ulong)random.NextInt64(), (ulong)random.NextInt64()) >> random.Next(127),
        });
    }
}
