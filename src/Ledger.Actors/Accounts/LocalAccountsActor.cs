using Akka;
using Akka.Actor;
using Akka.Cluster.Sharding;
using Ledger.Core;

namespace Ledger.Actors.Accounts;

/// <summary>The parent of a node's accounts where there is no cluster. It keeps sharding's promises: one incarnation of
/// an account at a time, and a message that meets one on its way to sleep reaches the next.</summary>
internal sealed class LocalAccountsActor(AccountActorContext context) : UntypedActor
{
    private readonly Dictionary<AccountAddress, IActorRef> awake = [];
    private readonly Dictionary<IActorRef, AccountAddress> addresses = [];
    private readonly Dictionary<IActorRef, List<(AccountEnvelope Message, IActorRef Sender)>> stopping = [];

    // Who waits for all accounts to have stopped; nothing is delivered from then on.
    private IActorRef? waitsForAll;

    // An account that fails in the middle of a decision must start again from its journal, by the next message.
    protected override SupervisorStrategy SupervisorStrategy() => new OneForOneStrategy(static _ => Directive.Stop);

    protected override void OnReceive(object message)
    {
        switch (message)
        {
            case AccountEnvelope envelope:
                Deliver(envelope, Sender);
                break;

            case Passivate passivate when addresses.ContainsKey(Sender):
                if (stopping.TryAdd(Sender, []))
                {
                    Sender.Tell(passivate.StopMessage);
                }

                break;

            case StopAllAccounts:
                waitsForAll = Sender;
                foreach (var child in awake.Values)
                {
                    if (stopping.TryAdd(child, []))
                    {
                        child.Tell(StopAccount.Instance);
                    }
                }

                AnswerWhenAllStopped();
                break;

            case Terminated terminated when addresses.Remove(terminated.ActorRef, out var account):
                awake.Remove(account);
                AnswerWhenAllStopped();
                if (stopping.Remove(terminated.ActorRef, out var waiting))
                {
                    foreach (var (envelope, sender) in waiting)
                    {
                        Deliver(envelope, sender);
                    }
                }

                break;

            default:
                Unhandled(message);
                break;
        }
    }

    private void AnswerWhenAllStopped()
    {
        if (awake.Count == 0)
        {
            waitsForAll?.Tell(Done.Instance);
        }
    }

    private void Deliver(AccountEnvelope envelope, IActorRef sender)
    {
        if (waitsForAll is not null)
        {
            // The process ends: whoever asked learns "unknown", and the next one asks again.
            if (envelope.Message is AccountRequest call)
            {
                Responses.Send(call.ReplyTo, new RequestFailed(RequestFailure.NotBegun));
            }

            return;
        }

        if (!awake.TryGetValue(envelope.Account, out var child))
        {
            child = Context.ActorOf(AccountProducer.Props(envelope.Account, context));
            Context.Watch(child);
            awake.Add(envelope.Account, child);
            addresses.Add(child, envelope.Account);
        }
        else if (stopping.TryGetValue(child, out var waiting))
        {
            waiting.Add((envelope, sender));
            return;
        }

        child.Tell(envelope, sender);
    }
}
