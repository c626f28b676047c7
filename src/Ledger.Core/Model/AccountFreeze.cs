namespace Ledger;

/// <summary>Which movements an account refuses, and why. Immutable.</summary>
/// <param name="Debits">Whether it takes no debits.</param>
/// <param name="Credits">Whether it takes no credits.</param>
/// <param name="Reason">Why. At most <see cref="LedgerLimits.ReasonLengthMax"/> characters.</param>
/// <param name="EndTime">When it ends by itself; null for never.</param>
public sealed record AccountFreeze(bool Debits, bool Credits, string Reason, LedgerTime? EndTime)
{
    /// <summary>Whether it still holds.</summary>
    /// <param name="now">The time.</param>
    public bool HoldsAt(LedgerTime now) => EndTime is not { } until || now < until;
}
