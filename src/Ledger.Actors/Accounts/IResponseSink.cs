using Akka.Actor;
using Ledger.Core;

namespace Ledger.Actors.Accounts;

/// <summary>Takes the answers to the calls of this node.</summary>
internal interface IResponseSink
{
    /// <summary>The actor through which other nodes answer.</summary>
    IActorRef Router { get; }

    /// <summary>Takes the answer to a call; does nothing where nobody waits for it any more.</summary>
    /// <param name="correlation">The number of the call.</param>
    /// <param name="answer">The answer.</param>
    void Complete(long correlation, AccountResponse answer);
}
