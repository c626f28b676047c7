using Akka.Actor;
using Akka.Event;

namespace Ledger.Actors.Accounts;

/// <summary>Told to an account when a moment has come that it asked for.</summary>
internal sealed class Wake : INoSerializationVerificationNeeded, IDeadLetterSuppression
{
    public static readonly Wake Instance = new();

    private Wake()
    {
    }
}
