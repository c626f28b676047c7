using Akka.Actor;
using Akka.Event;

namespace Ledger.Actors.Accounts;

/// <summary>Told to an account when a row of another account is decided that it rests on (R8').</summary>
internal sealed class TicketDecided : INoSerializationVerificationNeeded, IDeadLetterSuppression
{
    public static readonly TicketDecided Instance = new();

    private TicketDecided()
    {
    }
}
