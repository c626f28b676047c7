using Akka.Actor;

namespace Ledger.Actors.Accounts;

/// <summary>Makes account actors without reflection: waking is the dearer half of cold traffic.</summary>
internal sealed class AccountProducer(AccountAddress account, AccountActorContext context) : IIndirectActorProducer
{
    public static Props Props(AccountAddress account, AccountActorContext context) =>
        Akka.Actor.Props.CreateBy(new AccountProducer(account, context)).WithMailbox(AccountMailbox.Id);

    public Type ActorType => typeof(AccountActor);

    public ActorBase Produce() => context.Recoveries.TryBegin(account)
        ? new AccountActor(account, context)
        : new RecoveryBackoffActor(account, context);

    public void Release(ActorBase actor)
    {
    }
}
