using Ledger.Core;

namespace Ledger;

/// <summary>An account as it was read. Immutable.</summary>
/// <param name="Spec">What it was opened with, with its limits as they are now.</param>
/// <param name="CreateTime">When it was opened.</param>
/// <param name="Balances">Its counters.</param>
/// <param name="EntryCount">How many entries its statement has.</param>
/// <param name="Version">The number of the last journal record that the answer rests on. It never falls.</param>
/// <param name="IsClosed">Whether it is closed.</param>
public sealed record Account(
    AccountSpec Spec, LedgerTime CreateTime, Balances Balances, ulong EntryCount, long Version, bool IsClosed)
{
    /// <summary>Why it takes no debits, no credits or neither; null when it is not frozen now.</summary>
    public AccountFreeze? Freeze { get; init; }

    /// <summary>Why it was closed, when it was closed by a change of the account and not by a transfer.</summary>
    public string ClosedReason { get; init; } = "";

    /// <summary>How many holds are on it.</summary>
    public int HoldCount { get; init; }

    /// <summary>What is not decided although the read has waited for it; null when the counters are final. They are
    /// then only what is decided: something may be missing that a client was told before the read began
    /// (R20).</summary>
    public AccountDoubt? Doubt { get; init; }

    /// <summary>What can still be debited, or null without a limit on debits. With something in doubt, the least that
    /// it can be.</summary>
    public Amount? AvailableDebits => Spec.DebitsMustNotExceedCredits is { } allowance
        ? AccountDecider.Headroom(
            Balances.CreditsPosted, allowance, Balances.DebitsPosted, Balances.DebitsPending, Balances.DebitsInDoubt)
        : null;

    /// <summary>What can still be credited, or null without a limit on credits. With something in doubt, the least that
    /// it can be.</summary>
    public Amount? AvailableCredits => Spec.CreditsMustNotExceedDebits is { } allowance
        ? AccountDecider.Headroom(
            Balances.DebitsPosted, allowance, Balances.CreditsPosted, Balances.CreditsPending, Balances.CreditsInDoubt)
        : null;
}
