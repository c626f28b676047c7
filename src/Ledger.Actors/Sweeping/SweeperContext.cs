using Akka.Actor;
using Ledger.Actors.Journal;
using Ledger.Actors.Storage;
using Ledger.Core;

namespace Ledger.Actors.Sweeping;

/// <summary>Asks the sweeper to go on until no hold is due any more by the ledger's clock. Answered by <see cref="SweepDone"/>,
/// also when the store fails meanwhile; so the asker needs a limit of its own.</summary>
internal sealed class SweepNow
{
    public static readonly SweepNow Instance = new();
}

/// <summary>Answers <see cref="SweepNow"/>.</summary>
internal sealed class SweepDone
{
    public static readonly SweepDone Instance = new();
}

/// <summary>Sends an account a call and waits for its answer; <c>TimedOut</c> when none comes.</summary>
/// <param name="account">The account.</param>
/// <param name="call">Makes the call of its caller and deadline.</param>
/// <param name="cancellationToken">Stops waiting.</param>
internal delegate Task<AccountAnswerBase> AskAccount(
    AccountAddress account, Func<Caller, LedgerTime, AccountCall> call, CancellationToken cancellationToken);

/// <summary>What the sweeper works with.</summary>
/// <param name="Index">The index of work.</param>
/// <param name="Decoder">What it understands of rows.</param>
/// <param name="Accounts">Where accounts are.</param>
/// <param name="Ask">Asks one.</param>
/// <param name="Options">The ledger's options.</param>
/// <param name="Health">Where the sweeper says how it fares.</param>
internal sealed record SweeperContext(
    ILedgerWorkIndex Index, WorkDecoder Decoder, IActorRef Accounts, AskAccount Ask, LedgerOptions Options,
    SweeperHealth Health)
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

/// <summary>How the sweeper fares. Thread-safe.</summary>
internal sealed class SweeperHealth
{
    private volatile SweeperStatus status = new(null, null, 0, 0, null, false);
    private int unreadableRows;

    public SweeperStatus Status => status;

    /// <summary>How many rows this process could not read; work may be missing until they are
    /// mended, or a newer version has read them.</summary>
    public int UnreadableRows => Volatile.Read(ref unreadableRows);

    public void CountUnreadable() => Interlocked.Increment(ref unreadableRows);

    public void CountReadAgain() => Interlocked.Decrement(ref unreadableRows);

    public void Report(SweeperStatus now) => status = now;
}

/// <summary>A moment of the sweeper.</summary>
/// <param name="LastLook">When it last looked without failure; null before the first time.</param>
/// <param name="Failure">Why it could not look since; null when it could.</param>
/// <param name="Asked">How many accounts have been asked to expire what is due and have not finished.</param>
/// <param name="Stuck">How many of these have been asked several times.</param>
/// <param name="OldestDue">Since when the oldest unfinished hold has been due; null for none.</param>
/// <param name="HasRecovered">Whether what a dead process left in doubt has been found.</param>
internal sealed record SweeperStatus(
    LedgerTime? LastLook, string? Failure, int Asked, int Stuck, LedgerTime? OldestDue, bool HasRecovered);
