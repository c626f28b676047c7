using Akka.Actor;
using Ledger.Actors.Journal;
using Ledger.Actors.Storage;
using Ledger.Core;

namespace Ledger.Actors.HoldExpiry;

/// <summary>Asks the hold expiry to go on until no hold is due any more by the ledger's clock. Answered by <see cref="ExpiryDone"/>,
/// also when the store fails meanwhile; so the asker needs a limit of its own.</summary>
internal sealed class ExpireNow
{
    public static readonly ExpireNow Instance = new();
}

/// <summary>Answers <see cref="ExpireNow"/>.</summary>
internal sealed class ExpiryDone
{
    public static readonly ExpiryDone Instance = new();
}

/// <summary>Sends an account a call and waits for its answer; <c>TimedOut</c> when none comes.</summary>
/// <param name="account">The account.</param>
/// <param name="call">Makes the call of its caller and deadline.</param>
/// <param name="cancellationToken">Stops waiting.</param>
internal delegate Task<AccountResponse> AskAccount(
    AccountAddress account, Func<ReplyTarget, LedgerTime, AccountRequest> call, CancellationToken cancellationToken);

/// <summary>What the hold expiry works with.</summary>
/// <param name="Index">The hold index.</param>
/// <param name="Decoder">What it understands of rows.</param>
/// <param name="Accounts">Where accounts are.</param>
/// <param name="Ask">Asks one.</param>
/// <param name="Options">The ledger's options.</param>
/// <param name="Health">Where the hold expiry says how it fares.</param>
internal sealed record HoldExpiryContext(
    IHoldIndex Index, HoldFactReader Decoder, IActorRef Accounts, AskAccount Ask, LedgerOptions Options,
    HoldExpiryHealth Health)
{
    /// <summary>The ledger's time.</summary>
    public TimeProvider Time { get; init; } = Options.TimeProvider;

    /// <summary>Grows where the database is another one than before: places of the journal that were read before say
    /// nothing of it.</summary>
    public Func<int> Generation { get; init; } = static () => 0;

    /// <summary>How long an account has for what it was asked, before it is asked again; doubled each time, up to thirty times
    /// as long.</summary>
    public TimeSpan PokeBackoff { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How long before their time accounts are woken, at most: what thousands of them that all sleep need to read their
    /// journals on a small machine. Never longer than half of the time after which they go to sleep again.</summary>
    public TimeSpan AheadMax { get; init; } = TimeSpan.FromSeconds(10);
}

/// <summary>How the hold expiry fares. Thread-safe.</summary>
internal sealed class HoldExpiryHealth
{
    private volatile HoldExpiryStatus status = new(null, null, 0, 0, null, false);
    private int unreadableRows;

    public HoldExpiryStatus Status => status;

    /// <summary>How many rows this process could not read; work may be missing until they are
    /// fixed, or a newer version has read them.</summary>
    public int UnreadableRows => Volatile.Read(ref unreadableRows);

    public void CountUnreadable() => Interlocked.Increment(ref unreadableRows);

    public void CountReadAgain() => Interlocked.Decrement(ref unreadableRows);

    public void Report(HoldExpiryStatus now) => status = now;
}

/// <summary>A moment of the hold expiry.</summary>
/// <param name="LastLook">When it last looked without failure; null before the first time.</param>
/// <param name="Failure">Why it could not look since; null when it could.</param>
/// <param name="Asked">How many accounts have been asked to expire what is due and have not finished.</param>
/// <param name="Stuck">How many of these have been asked several times.</param>
/// <param name="OldestDue">Since when the oldest unfinished hold has been due; null for none.</param>
/// <param name="HasRecovered">Whether what a dead process left in doubt has been found.</param>
internal sealed record HoldExpiryStatus(
    LedgerTime? LastLook, string? Failure, int Asked, int Stuck, LedgerTime? OldestDue, bool HasRecovered);
