using Akka.Actor;
using Akka.Configuration;
using Akka.Dispatch;
using Akka.Dispatch.MessageQueues;

namespace Ledger.Actors.Accounts;

/// <summary>The mailbox of an account: unbounded, and one whose messages can be put back in front, as persistent actors
/// ask for.</summary>
/// <remarks>Akka's own holds a segment of 32 places from the start, 1.1 kB; a node has hundreds of thousands of
/// accounts awake, and nearly all of their mailboxes are empty.</remarks>
internal sealed class AccountMailbox(Settings settings, Config config)
    : MailboxType(settings, config), IProducesMessageQueue<AccountMessageQueue>
{
    /// <summary>Its key in the configuration.</summary>
    public const string Id = "ledger.account-mailbox";

    /// <summary>The configuration that makes it known.</summary>
    public static readonly string Hocon =
        $"{Id}.mailbox-type = \"{typeof(AccountMailbox).FullName}, {typeof(AccountMailbox).Assembly.GetName().Name}\"";

    public override IMessageQueue Create(IActorRef owner, ActorSystem system) => new AccountMessageQueue();
}
