using Akka.Cluster.Sharding;

namespace Ledger.Actors.Accounts;

/// <summary>Finds an account's shard: a hash of the address that is the same in every process and version.</summary>
internal sealed class AccountExtractor(int shardCount) : HashCodeMessageExtractor(shardCount)
{
    public override string? EntityId(object message) => (message as AccountEnvelope)?.Account.Text;
}
