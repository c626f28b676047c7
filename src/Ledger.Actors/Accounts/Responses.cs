using Akka.Actor;
using Ledger.Core;

namespace Ledger.Actors.Accounts;

/// <summary>Gives answers to whoever waits for them, on this node or another.</summary>
internal static class Responses
{
    /// <summary>Answers a call.</summary>
    /// <param name="caller">Who waits; where it is nobody, nothing is done.</param>
    /// <param name="answer">The answer.</param>
    public static void Send(ReplyTarget caller, AccountResponse answer)
    {
        switch (caller.ReplyTo)
        {
            case IResponseSink calls:
                calls.Complete(caller.Correlation, answer);
                break;
            case IActorRef actor:
                actor.Tell(new ResponseEnvelope(caller.Correlation, answer));
                break;
            default:
                break;
        }
    }
}
