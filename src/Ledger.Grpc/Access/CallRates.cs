using System.Globalization;
using System.Threading.RateLimiting;
using Ledger.Access;
using Ledger.Grpc.Errors;

namespace Ledger.Grpc.Access;

/// <summary>How much of its rate each principal has left, on this node. Thread-safe.</summary>
internal sealed class CallRates : IDisposable
{
    private static readonly TimeSpan s_period = TimeSpan.FromMilliseconds(100);
    private static readonly int s_periods = (int)(TimeSpan.FromSeconds(1) / s_period);

    // A rate that the policy changes is another bucket; one that nobody uses is forgotten.
    private readonly PartitionedRateLimiter<(string Principal, CallRate Rate)> limiter =
        PartitionedRateLimiter.Create<(string Principal, CallRate Rate), (string, CallRate)>(
            static who => RateLimitPartition.GetTokenBucketLimiter(who, static one => Bucket(one.Item2)));

    /// <summary>Takes some of a principal's rate.</summary>
    /// <param name="principal">Whose.</param>
    /// <param name="rate">Its rate.</param>
    /// <param name="work">How much.</param>
    /// <exception cref="RequestErrorException">So much is not left, or is never allowed at once.</exception>
    public void Take(string principal, CallRate rate, int work)
    {
        if (work > rate.Burst)
        {
            throw new RequestError(
                ErrorReasons.BatchTooLarge,
                $"The request is work for {work.ToString(CultureInfo.InvariantCulture)}; the caller may ask for at most"
                + $" {rate.Burst.ToString(CultureInfo.InvariantCulture)} at once. Send it in parts.", Limit: rate.Burst)
                    .Exception();
        }

        using var lease = limiter.AttemptAcquire((principal, rate), work);
        if (!lease.IsAcquired)
        {
            var pause = lease.TryGetMetadata(MetadataName.RetryAfter, out var after) ? after : s_period;
            throw new RequestError(
                ErrorReasons.Overloaded,
                $"The caller has asked for more than {rate.PerSecond.ToString(CultureInfo.InvariantCulture)} a second "
                + "of this node. Nothing was applied. Send it again after a pause.", Limit: rate.PerSecond)
            {
                RetryAfter = pause,
            }.Exception();
        }
    }

    public void Dispose() => limiter.Dispose();

    private static TokenBucketRateLimiterOptions Bucket(CallRate rate)
    {
        var isFine = rate.PerSecond >= s_periods;
        return new TokenBucketRateLimiterOptions
        {
            TokenLimit = rate.Burst,
            TokensPerPeriod = isFine ? rate.PerSecond / s_periods : 1,
            ReplenishmentPeriod = isFine ? s_period : TimeSpan.FromSeconds(1) / rate.PerSecond,
            QueueLimit = 0,
        };
    }
}
