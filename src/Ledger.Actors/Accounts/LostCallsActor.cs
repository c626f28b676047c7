using Akka.Actor;
using Akka.Event;
using Ledger.Core;

namespace Ledger.Actors.Accounts;

/// <summary>Answers the calls that were waiting in front of an account which then stopped, as when its journal could not be
/// written or read: without it their callers would wait for all of their deadline.</summary>
/// <remarks>No incarnation has seen such a call, but a copy of it may be on record; so "unknown" is all that can be said, and
/// the same again is what helps.</remarks>
internal sealed class LostCallsActor : UntypedActor
{
    /// <summary>Gives an answer to whoever waits.</summary>
    public static void Answer(Caller caller, AccountAnswerBase answer)
    {
        switch (caller.ReplyTo)
        {
            case CallTable table:
                table.Complete(caller.Correlation, answer);
                break;
            case IActorRef actor:
                actor.Tell(new AnswerEnvelope(caller.Correlation, answer));
                break;
            default:
                break;
        }
    }

    protected override void PreStart() => Context.System.EventStream.Subscribe(Self, typeof(DeadLetter));

    protected override void PostStop() => Context.System.EventStream.Unsubscribe(Self);

    protected override void OnReceive(object message)
    {
        if (message is DeadLetter { Message: AccountEnvelope { Message: AccountCall call } })
        {
            Answer(call.Caller, new CallFailed(CallFailure.Moving));
        }
    }
}
