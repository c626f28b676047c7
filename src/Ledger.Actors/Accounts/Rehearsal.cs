using Akka.Actor;
using Akka.Event;
using Ledger.Actors.Journal;
using Ledger.Actors.Leasing;
using Ledger.Core;

namespace Ledger.Actors.Accounts;

/// <summary>Wakes an account that does not exist, before the node is given any that do.</summary>
/// <remarks>A node that has just started is handed accounts at once, and their callers would wait while the plugins start, the
/// connections are made, and the compiler works through all that a recovery needs: seconds, on a machine that is busy. Nothing is
/// written, and nothing is said to anybody: the account is one of a new name, and what is replayed is replayed to nobody.</remarks>
internal sealed class Rehearsal(ExtendedActorSystem system, AccountActorContext context, CallTable calls)
{
    private const int Rows = 64;

    private static readonly TimeSpan s_timeout = TimeSpan.FromSeconds(5);

    /// <summary>Does it. Never throws: it is of use, and not needed.</summary>
    /// <returns>Whether it came to its end.</returns>
    public async Task<bool> RunAsync()
    {
        using var patience = new CancellationTokenSource(s_timeout);
        try
        {
            await Task.WhenAll(WakeAsync(patience.Token), ReplayAsync(patience.Token)).WaitAsync(patience.Token).ConfigureAwait(false);
            return true;
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            Logging.GetLogger(system, typeof(Rehearsal)).Info(
                "The node could not rehearse waking an account; the first ones will take longer: {Reason}", e.Message);
            return false;
        }
    }

    private async Task WakeAsync(CancellationToken cancellationToken)
    {
        var nobody = AccountAddress.Parse($"ledger:rehearsal:{Guid.NewGuid():N}");

        // Of its own: how this fares is no news of the journal's health, and what it might say must reach nobody.
        var alone = new AccountActorContext(
            context.Runtime, context.PassivateAfter, context.Time, context.Reader, context.Work, NodeLease.Unneeded,
            static () => ActorRefs.Nobody);
        var account = system.SystemActorOf(
            Props.Create(() => new AccountActor(nobody, alone)), $"ledger-rehearsal-{Guid.NewGuid():N}");
        try
        {
            await calls.AskAsync(
                account, nobody, static (caller, until) => new GetAccountCall(caller, until), context.Time.GetUtcNow() + s_timeout,
                cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            account.Tell(StopAccount.Instance, ActorRefs.NoSender);
        }
    }

    private async Task ReplayAsync(CancellationToken cancellationToken)
    {
        var streams = context.Reader.Streams;
        if (await streams.ListStreamsAsync(AccountActor.PersistenceIdPrefix, null, 1, cancellationToken).ConfigureAwait(false) is not [var id])
        {
            return;
        }

        var account = AccountAddress.Parse(id[AccountActor.PersistenceIdPrefix.Length..]);
        var runtime = new AccountRuntime(account, context.Runtime, new Mute());
        foreach (var row in await streams.ReadAsync(id, 1, long.MaxValue, Rows, descending: false, cancellationToken).ConfigureAwait(false))
        {
            runtime.Replay(JournalCodec.Decode(row.Payload, account, row.SequenceNr, out _));
        }
    }

    private sealed class Mute : IAccountShell
    {
        public void Reply(Caller caller, AccountAnswerBase answer)
        {
        }

        public void Send(AccountAddress account, AccountMessage message)
        {
        }

        public void Write(EventBatch batch)
        {
        }

        public void Lookup(IdLookup lookup)
        {
        }

        public void WakeAt(LedgerTime time)
        {
        }
    }
}
