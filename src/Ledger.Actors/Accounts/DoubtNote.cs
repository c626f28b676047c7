using Ledger.Actors.Storage;
using Ledger.Core;

namespace Ledger.Actors.Accounts;

/// <summary>The note of one account that it has been in doubt for long, because another account can't be reached: the
/// next process must know of it (R5). What a dead node left in doubt more recently is found by the recovery scan, which
/// reads back a minute. Not thread-safe.</summary>
/// <param name="account">The account.</param>
/// <param name="work">Where it is noted.</param>
/// <param name="failed">Called when it could not be.</param>
internal sealed class DoubtNote(AccountAddress account, IHoldIndex work, Action<Exception> failed)
{
    /// <summary>How long something may be in doubt before it is noted: half of what the recovery scan reads back, less
    /// than the longest pause between two looks of an account at what it has in hand.</summary>
    public static readonly TimeSpan After = TimeSpan.FromSeconds(30);

    private long oldest;
    private LedgerTime since;
    private LedgerTime notedAt;
    private Task<UnfinishedAccount>? note;

    /// <summary>Whether the account is noted, as far as this incarnation knows.</summary>
    public bool IsNoted => note is not null;

    /// <summary>Looks at what is in doubt: to be called while anything is, and once when nothing is any more.</summary>
    /// <param name="oldestInDoubt">The oldest transaction in doubt; null for none.</param>
    /// <param name="now">The time.</param>
    public void Look(InDoubtTransaction? oldestInDoubt, LedgerTime now)
    {
        if (oldestInDoubt?.Number != oldest)
        {
            // Others may have been in doubt as long as the one before it. A time that lies ahead, on a clock that was
            // set back, must not put the note off.
            oldest = oldestInDoubt?.Number ?? 0;
            since = oldestInDoubt is { } first && first.PreparedTime < now ? first.PreparedTime : now;
        }

        if (oldestInDoubt is null || now < since.Add(After))
        {
            if (note is { } made)
            {
                note = null;
                _ = RemoveAsync(made);
            }
        }
        else if (note is null || now >= notedAt.Add(After) || notedAt > now)
        {
            // Said again and again: the hold expiry takes it off once the account has answered.
            notedAt = now;
            note = AddAsync(note, since);
        }
    }

    // One after the other, so that what is taken off is what was noted last.
    private async Task<UnfinishedAccount> AddAsync(Task<UnfinishedAccount>? before, LedgerTime from)
    {
        if (before is not null)
        {
            _ = await before.ConfigureAwait(false);
        }

        try
        {
            return await work.AddUnfinishedAsync(account, from, CancellationToken.None).ConfigureAwait(false);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            // The account itself goes on asking, and notes it again.
            failed(e);
            return default;
        }
    }

    private async Task RemoveAsync(Task<UnfinishedAccount> made)
    {
        var seen = await made.ConfigureAwait(false);
        if (seen == default)
        {
            return;
        }

        try
        {
            await work.RemoveUnfinishedAsync(seen, CancellationToken.None).ConfigureAwait(false);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            // The hold expiry takes it off.
            failed(e);
        }
    }
}
