using Akka.Actor;
using Akka.Event;

namespace Ledger.Actors.Accounts;

/// <summary>Told to an account that may be searching for what nobody waits for any more.</summary>
internal sealed class SearchCheck : INoSerializationVerificationNeeded, IDeadLetterSuppression
{
    public static readonly SearchCheck Instance = new();

    private SearchCheck()
    {
    }
}
