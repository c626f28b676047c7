using Akka.Event;
using Ledger.Actors.Storage;

namespace Ledger.Actors.Leasing;

/// <summary>Gives claims back, those of many shards at once, until that is done or the process's lease is
/// over.</summary>
internal sealed class ShardClaimReleaser(ILeaseStore store, NodeLease lease, ILoggingAdapter log)
{
    private static readonly TimeSpan s_afterFailure = TimeSpan.FromMilliseconds(200);

    private readonly Lock gate = new();
    private readonly Dictionary<string, long> waiting = [];
    private readonly SingleFlight returning = new();

    /// <summary>Gives back a claim, and earlier ones to the same shard.</summary>
    public void Add(string shard, long number)
    {
        lock (gate)
        {
            waiting[shard] = Math.Max(number, waiting.GetValueOrDefault(shard));
        }

        _ = Task.Run(() => returning.RunAsync(GiveBackAsync, CancellationToken.None));
    }

    private async Task GiveBackAsync()
    {
        while (!lease.IsEnded)
        {
            KeyValuePair<string, long>[] returns;
            lock (gate)
            {
                returns = [.. waiting];
            }

            if (returns.Length == 0)
            {
                return;
            }

            try
            {
                await store.GiveBackAsync(lease.Holder.Id, new Dictionary<string, long>(returns)).ConfigureAwait(false);
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                log.Debug("{0} shards could not be given back yet: {1}", returns.Length, e.Message);
                await Task.Delay(s_afterFailure).ConfigureAwait(false);
                continue;
            }

            lock (gate)
            {
                // Not those that have been added again meanwhile, by a later number.
                foreach (var (shard, number) in returns)
                {
                    if (waiting[shard] == number)
                    {
                        waiting.Remove(shard);
                    }
                }
            }

            return;
        }
    }
}
