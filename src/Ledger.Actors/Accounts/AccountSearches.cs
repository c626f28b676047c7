using Akka.Actor;
using Ledger.Core;

namespace Ledger.Actors.Accounts;

/// <summary>What one account has the journal searched for. One search of each kind at a time, for all that is asked
/// meanwhile: a search costs about the same for one id and for hundreds, and a hot account must not take the store away
/// from the others. But what is cheap never waits for what is dear. Belongs to the account's actor.</summary>
/// <param name="account">The account.</param>
/// <param name="reader">Searches.</param>
/// <param name="self">The account's actor, which is told.</param>
internal sealed class AccountSearches(AccountAddress account, AccountStreamReader reader, IActorRef self)
{
    private readonly List<IdLookup>?[] waiting = new List<IdLookup>?[4];
    private readonly (CancellationTokenSource Stop, IdLookup[] Asked)?[] running =
        new (CancellationTokenSource, IdLookup[])?[4];

    /// <summary>From the cheapest to the dearest.</summary>
    private enum Kind
    {
        /// <summary>The index and rows that are known.</summary>
        Probe,

        /// <summary>Rows around the time of an id, for a command that waits.</summary>
        Stretch,

        /// <summary>All that is about an id, for who wants to see it.</summary>
        Everything,

        /// <summary>The whole stream, since the index is not complete.</summary>
        Repair,
    }

    /// <summary>Whether any search is running.</summary>
    public bool IsSearching => Array.Exists(running, static one => one is not null);

    /// <summary>Takes a question.</summary>
    /// <param name="lookup">The question.</param>
    public void Ask(IdLookup lookup) => Ask(lookup, lookup.WithLater ? Kind.Everything
        : lookup.SequenceNr > 0 || lookup.NotBefore > lookup.NotAfter ? Kind.Probe
        : Kind.Stretch);

    /// <summary>A search has ended, with answers: what they leave open is searched for in the whole stream.</summary>
    /// <param name="done">The end.</param>
    /// <returns>Whether it is one of these; not when an incarnation before had asked.</returns>
    public bool Ended(SearchEnded done)
    {
        if (running[done.Kind] is not var (stop, asked) || asked != done.Asked)
        {
            // Of an incarnation before.
            return false;
        }

        foreach (var answer in done.Answers ?? [])
        {
            if (!answer.IsProved)
            {
                Ask(answer.Asked, Kind.Repair);
            }
        }

        stop.Dispose();
        running[done.Kind] = null;
        Start(done.Kind);
        return true;
    }

    /// <summary>Stops the searches that nobody waits for any more.</summary>
    /// <param name="isAwaited">Whether somebody does.</param>
    public void StopUnawaited(Func<IdLookup, bool> isAwaited)
    {
        foreach (var one in running)
        {
            if (one is var (stop, asked) && !Array.Exists(asked, lookup => isAwaited(lookup)))
            {
                stop.Cancel();
            }
        }
    }

    /// <summary>Stops all.</summary>
    public void StopAll() => StopUnawaited(static _ => false);

    private void Ask(IdLookup lookup, Kind kind)
    {
        (waiting[(int)kind] ??= []).Add(lookup);
        if (running[(int)kind] is null)
        {
            Start((int)kind);
        }
    }

    private void Start(int kind)
    {
        if (waiting[kind] is not { Count: > 0 } questions)
        {
            return;
        }

        IdLookup[] asked = [.. questions];
        questions.Clear();
        var stop = new CancellationTokenSource();
        running[kind] = (stop, asked);
        _ = SearchAsync(kind, asked, stop.Token);
    }

    private async Task SearchAsync(int kind, IdLookup[] asked, CancellationToken cancellationToken)
    {
        SearchEnded end;
        try
        {
            end = new SearchEnded(kind, asked, kind == (int)Kind.Repair
                ? await reader.FindAsync(account, asked, cancellationToken).ConfigureAwait(false)
                : await reader.AskAsync(account, asked, cancellationToken).ConfigureAwait(false), null);
        }
        catch (Exception e)
        {
            end = new SearchEnded(kind, asked, null, e);
        }

        self.Tell(end, ActorRefs.NoSender);
    }
}
