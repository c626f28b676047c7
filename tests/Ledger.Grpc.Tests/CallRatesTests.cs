using Ledger.Access;
using Ledger.Grpc.Access;
using Ledger.Grpc.Errors;
using Ledger.Tests.Shared;

namespace Ledger.Grpc.Tests;

/// <summary>How much a principal may ask for.</summary>
public sealed class CallRatesTests
{
    [Fact]
    public async Task A_rate_is_one_principals_and_comes_back()
    {
        using var rates = new CallRates();
        var rate = new CallRate(PerSecond: 20, Burst: 40);
        rates.Take("a", rate, 40);
        var refused = Should.Throw<RequestErrorException>(() => rates.Take("a", rate, 40)).Fault;
        refused.Reason.ShouldBe(ErrorReasons.Overloaded);
        refused.RetryAfter.ShouldNotBeNull().ShouldBeGreaterThan(TimeSpan.Zero);
        refused.Limit.ShouldBe(20);
        rates.Take("b", rate, 40);

        // Another rate, as a changed policy has it, is another measure.
        rates.Take("a", rate with { Burst = 41 }, 41);
        await Until.TrueAsync(() =>
        {
            try
            {
                rates.Take("a", rate, 1);
                return true;
            }
            catch (RequestErrorException)
            {
                return false;
            }
        });
    }

    [Fact]
    public void What_is_never_allowed_at_once_is_not_to_be_tried_again()
    {
        using var rates = new CallRates();
        var refused = Should.Throw<RequestErrorException>(() => rates.Take("a", new CallRate(1_000_000, 40), 41)).Fault;
        refused.Reason.ShouldBe(ErrorReasons.BatchTooLarge);
        refused.Limit.ShouldBe(40);
        refused.Reason.RetryAfter.ShouldBeNull();
    }

    [Theory]
    [InlineData(1)]
    [InlineData(9)]
    [InlineData(10)]
    [InlineData(1_000_000)]
    public void Every_rate_that_a_policy_may_name_can_be_kept(int perSecond)
    {
        using var rates = new CallRates();
        rates.Take("a", new CallRate(perSecond, 1), 1);
    }
}
