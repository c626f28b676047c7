using Akka.Actor;
using Ledger.Actors.Accounts;

namespace Ledger.Actors.Calls;

/// <summary>Takes the answers that come from other nodes.</summary>
internal sealed class ResponseRouterActor(PendingCalls calls) : UntypedActor
{
    protected override void OnReceive(object message)
    {
        if (message is ResponseEnvelope answer)
        {
            calls.Complete(answer.Correlation, answer.Answer);
        }
        else
        {
            Unhandled(message);
        }
    }
}
