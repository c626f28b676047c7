using Akka.Actor;
using Akka.Event;

namespace Ledger.Actors.Leasing;

/// <summary>Told to an account that has something to say: the node's lease is good again, or lost for ever.</summary>
internal sealed class LeaseChanged : INoSerializationVerificationNeeded, IDeadLetterSuppression
{
    public static readonly LeaseChanged Instance = new();

    private LeaseChanged()
    {
    }
}
