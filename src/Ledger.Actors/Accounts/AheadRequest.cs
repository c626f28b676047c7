using Akka.Actor;
using Ledger.Actors.Storage;
using Ledger.Core;

namespace Ledger.Actors.Accounts;

/// <summary>A request that leaves ahead of the row that it follows from (R8'). It is told straight to an account of the
/// same node that is awake: no region takes it, and the serializer refuses it (G8).</summary>
/// <remarks>Serialized it would lose its ticket, and the account that takes it would take it for one whose row is
/// durable.</remarks>
internal sealed class AheadRequest : INoSerializationVerificationNeeded
{
    /// <summary>Makes one, which the writer of the row waits for a moment from now on.</summary>
    /// <param name="envelope">The request.</param>
    /// <param name="ticket">The row that it follows from.</param>
    public AheadRequest(AccountEnvelope envelope, WriteTicket ticket)
    {
        Envelope = envelope;
        Ticket = ticket;
        Follower = new RowFollower(ticket);
    }

    public AccountEnvelope Envelope { get; }

    public WriteTicket Ticket { get; }

    /// <summary>As which it counts until it has led to a row, or to none.</summary>
    public RowFollower Follower { get; }

    /// <summary>No account that is awake takes it: it goes the usual way once its row is durable, and no way
    /// otherwise.</summary>
    /// <param name="accounts">Who passes messages to accounts.</param>
    public void PassOn(Func<IActorRef> accounts)
    {
        Follower.End();
        Ticket.WhenDecided(() =>
        {
            if (Ticket.Outcome == WriteOutcome.Durable)
            {
                accounts().Tell(Envelope, ActorRefs.NoSender);
            }
        });
    }
}
