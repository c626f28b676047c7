using Akka.Actor;
using Akka.Event;

namespace Ledger.Actors.Accounts;

/// <summary>Told to an account that may have been idle for long enough to go to sleep.</summary>
internal sealed class IdleCheck : INoSerializationVerificationNeeded, IDeadLetterSuppression
{
    public static readonly IdleCheck Instance = new();

    private IdleCheck()
    {
    }
}
