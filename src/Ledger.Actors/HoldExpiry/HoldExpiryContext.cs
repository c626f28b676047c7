using Akka.Actor;
using Ledger.Actors.Journal;
using Ledger.Actors.Storage;

namespace Ledger.Actors.HoldExpiry;

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

    /// <summary>How long an account has for what it was asked, before it is asked again; doubled each time, up to
    /// thirty times as long.</summary>
    public TimeSpan ActivationBackoff { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How long before their time accounts are woken, at most: what thousands of them that all sleep need to
    /// read their journals on a small machine. Never longer than half of the time after which they go to sleep
    /// again.</summary>
    public TimeSpan AheadMax { get; init; } = TimeSpan.FromSeconds(10);
}
