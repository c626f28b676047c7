using System.Runtime.CompilerServices;
using Akka.Actor;
using Akka.Event;
using Ledger.Actors.Accounts;
using Ledger.Core;

namespace Ledger.Actors.Calls;

/// <summary>Sees to messages that no account has seen: those that were waiting in front of one which stopped, as when
/// its journal could not be written or read or its shard moved, and those that a shard or a region dropped while it
/// handed over. Without it their senders would wait for all of their deadline, or for their next retry.</summary>
/// <remarks>No incarnation has seen such a call, but a copy of it may be on record; so "unknown" is all that can be
/// said, and the same again is what helps. What accounts say to each other is sent again, once: they ask again by
/// themselves, but only after seconds, and when nobody can be reached that is soon enough.</remarks>
internal sealed class UndeliveredMessagesActor(Task<IActorRef> accounts) : UntypedActor
{
    // By then the region knows that the shard is on its way.
    private static readonly TimeSpan ResendAfter = TimeSpan.FromMilliseconds(100);

    private readonly ConditionalWeakTable<AccountMessage, object> sentAgain = [];

    // Those that are unhandled are among them: a shard that waits for its accounts to stop handles nothing else.
    protected override void PreStart() => Context.System.EventStream.Subscribe(Self, typeof(AllDeadLetters));

    protected override void PostStop() => Context.System.EventStream.Unsubscribe(Self);

    protected override void OnReceive(object message)
    {
        switch (message)
        {
            case AllDeadLetters letter:
                // One that was dropped may have been wrapped twice.
                Lost(letter.Message is AllDeadLetters inner ? inner.Message : letter.Message);
                break;
            default:
                break;
        }
    }

    private void Lost(object message)
    {
        switch (message)
        {
            case AheadRequest request:
                request.PassOn(() => accounts.Result);
                break;
            case AccountEnvelope { Message: AccountRequest call }:
                Responses.Send(call.ReplyTo, new RequestFailed(RequestFailure.NotBegun));
                break;
            case AccountEnvelope { Message: Activate }:
                // Whoever wants it awake asks again.
                break;
            case AccountEnvelope { Account: var account } when WarmUpAddress.Is(account):
                // What a node practises with must not reach an account that is not there.
                break;
            case AccountEnvelope envelope
                when accounts.IsCompletedSuccessfully && sentAgain.TryAdd(envelope.Message, this):
                Context.System.Scheduler.ScheduleTellOnce(ResendAfter, accounts.Result, envelope, ActorRefs.NoSender);
                break;
            default:
                break;
        }
    }
}
