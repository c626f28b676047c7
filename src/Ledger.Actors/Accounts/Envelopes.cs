using Akka.Actor;
using Akka.Cluster.Sharding;
using Ledger.Actors.Storage;
using Ledger.Core;

namespace Ledger.Actors.Accounts;

/// <summary>A message on its way to an account.</summary>
internal sealed record AccountEnvelope(AccountAddress Account, AccountMessage Message)
{
    /// <summary>The history of the database that the message rests on (R19 b); null where it rests on none.</summary>
    public DatabaseMark? Mark { get; init; }
}

/// <summary>An answer on its way to the node that asked.</summary>
internal sealed record ResponseEnvelope(long Correlation, AccountResponse Answer);

/// <summary>Tells an account to finish what it writes and stop.</summary>
internal sealed class StopAccount
{
    public static readonly StopAccount Instance = new();
}

/// <summary>Tells the parent of a node's accounts to stop them all; answered by Done when they have.</summary>
internal sealed class StopAllAccounts
{
    public static readonly StopAllAccounts Instance = new();
}

/// <summary>Finds an account's shard: a hash of the address that is the same in every process and version.</summary>
internal sealed class AccountExtractor(int shardCount) : HashCodeMessageExtractor(shardCount)
{
    public override string? EntityId(object message) => (message as AccountEnvelope)?.Account.Text;
}
