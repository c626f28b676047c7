using System.Collections.Concurrent;
using Akka.Actor;

namespace Ledger.Actors.Accounts;

/// <summary>The accounts of this node that have recovered and go on, by their addresses: whom a request may be told
/// that must not leave the node (G8). Thread-safe.</summary>
internal sealed class AwakeAccounts
{
    private readonly ConcurrentDictionary<AccountAddress, IActorRef> actors = new();

    /// <summary>Notes that an account has recovered.</summary>
    public void Add(AccountAddress account, IActorRef actor) => actors[account] = actor;

    /// <summary>Notes that one ends. Another incarnation of it that is awake stays.</summary>
    public void Remove(AccountAddress account, IActorRef actor) =>
        actors.TryRemove(new KeyValuePair<AccountAddress, IActorRef>(account, actor));

    /// <summary>The actor of an account; null where none is awake.</summary>
    public IActorRef? Find(AccountAddress account) => actors.GetValueOrDefault(account);
}
