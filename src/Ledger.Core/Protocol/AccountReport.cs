using System.Collections.Immutable;

namespace Ledger.Core;

/// <summary>An account as it shows itself to the coordinator of a transaction that is not decided. Binds nobody.
/// Immutable.</summary>
/// <param name="Account">The account.</param>
/// <param name="Spec">What it was opened with; null when it does not exist.</param>
/// <param name="Closed">Whether a change of the account closed it.</param>
/// <param name="Freeze">Its freeze.</param>
/// <param name="Balances">Its counters.</param>
/// <param name="Load">What is in doubt on it.</param>
/// <param name="InDoubt">Whether its opening or its closing is in doubt.</param>
/// <param name="Facts">What it knows of the legs that concern it.</param>
internal sealed record AccountReport(
    AccountAddress Account, AccountSpec? Spec, bool Closed, AccountFreeze? Freeze, Balances Balances, InDoubtLoad Load,
    bool InDoubt, ImmutableArray<LegContext> Facts)
{
    /// <summary>Whether a hold closed it.</summary>
    public bool ClosedByHold { get; init; }

    /// <summary>What the account was opened with, before its limits were changed.</summary>
    public AccountSpec? OpenedWith { get; init; } = Spec;

    /// <summary>By how much the room for debits grows, at most, when all old doubt ends in its favour.</summary>
    public Amount DebitFavour { get; init; }

    /// <summary>By how much the room for credits grows, at most, when all old doubt ends in its favour.</summary>
    public Amount CreditFavour { get; init; }
}
