using System.Diagnostics;
using Akka.Actor;
using Akka.Cluster.Sharding;
using Ledger.Core;

namespace Ledger.Actors.Accounts;

/// <summary>Stands in for an account whose journal could not be read a moment ago: answers its callers at once, until
/// it may be tried again.</summary>
/// <remarks>Of what other accounts say to it the newest is kept for that moment; the rest they say again.</remarks>
internal sealed class RecoveryBackoffActor(AccountAddress account, AccountActorContext context) : UntypedActor
{
    private const int KeptMax = 16;

    private static readonly TimeSpan s_idle = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan s_look = TimeSpan.FromMilliseconds(250);

    private readonly Queue<AccountEnvelope> kept = new();
    private bool leaving;
    private long postponedUntil;

    protected override void PreStart() => Context.SetReceiveTimeout(s_idle);

    protected override void OnReceive(object message)
    {
        switch (message)
        {
            case AccountEnvelope envelope when leaving || context.Recoveries.IsDue(account):
                Leave();
                context.Accounts().Tell(envelope, Sender);
                break;
            case AccountEnvelope { Message: AccountRequest call }:
                Responses.Send(call.ReplyTo, new RequestFailed(context.Recoveries.ReasonFor(account)));
                break;
            case AccountEnvelope { Message: Activate }:
                Postpone();
                break;
            case AccountEnvelope envelope:
                Keep(envelope);
                break;
            case ReceiveTimeout when kept.Count == 0 || context.Recoveries.IsDue(account):
                Leave();
                break;
            case ReceiveTimeout:
                break;
            case StopAccount:
                if (!leaving)
                {
                    context.Recoveries.Forget(account);
                }

                Context.Stop(Self);
                break;
            default:
                Unhandled(message);
                break;
        }
    }

    private void Keep(AccountEnvelope envelope)
    {
        if (kept.Count == KeptMax)
        {
            kept.Dequeue();
        }

        kept.Enqueue(envelope);
        Context.SetReceiveTimeout(s_look);
    }

    // Whatever it was to be woken for may be unfinished (R5): once more, and not once for each time that it is said.
    private void Postpone()
    {
        var now = Stopwatch.GetTimestamp();
        if (now >= postponedUntil && context.Recoveries.Postpone(account, s_idle))
        {
            postponedUntil = now + (long)(s_idle.TotalSeconds * Stopwatch.Frequency);
            context.ActivateAfter(Context.System, s_idle, account);
        }
    }

    // The parent keeps what comes from now on for the next incarnation.
    private void Leave()
    {
        if (leaving)
        {
            return;
        }

        leaving = true;
        Context.Parent.Tell(new Passivate(StopAccount.Instance));
        while (kept.TryDequeue(out var envelope))
        {
            context.Accounts().Tell(envelope, ActorRefs.NoSender);
        }
    }
}
