using Akka.Actor;
using Akka.Persistence;
using Ledger.Actors.Journal;

namespace Ledger.Actors.Accounts;

/// <summary>Appends one row to the stream of an account that does not do so itself, by way of the same journal: with
/// the check of the row before, and under the same unique key (R19 a, I9). Ends once the journal has
/// answered.</summary>
internal sealed class VerdictWriterActor : UntypedActor
{
    private readonly TaskCompletionSource<Exception?> written;

    /// <param name="journalPluginId">The journal that accounts write to; empty for the ledger's own.</param>
    /// <param name="stream">The stream.</param>
    /// <param name="row">The row.</param>
    /// <param name="sequenceNr">Its number.</param>
    /// <param name="written">Is told null once it is durable, or why that is not known.</param>
    public VerdictWriterActor(
        string journalPluginId, string stream, JournalRow row, long sequenceNr,
        TaskCompletionSource<Exception?> written)
    {
        this.written = written;
        var representation = new Persistent(
            row, sequenceNr, stream, isDeleted: false, sender: ActorRefs.NoSender,
            writerGuid: Guid.NewGuid().ToString());
        Persistence.Instance.Apply(Context.System).JournalFor(journalPluginId).Tell(
            new WriteMessages([new AtomicWrite(representation)], Self, actorInstanceId: 1), Self);
    }

    protected override void OnReceive(object message)
    {
        switch (message)
        {
            case WriteMessageSuccess:
                End(null);
                break;
            case WriteMessageFailure failure:
                End(failure.Cause);
                break;
            case WriteMessageRejected rejected:
                End(rejected.Cause);
                break;
            case WriteMessagesFailed failed:
                End(failed.Cause);
                break;
            default:
                // That the group was taken says nothing of the row yet.
                break;
        }
    }

    protected override void PostStop() =>
        written.TrySetResult(new IOException("The journal stopped before the row was confirmed."));

    private void End(Exception? cause)
    {
        written.TrySetResult(cause);
        Context.Stop(Self);
    }
}
