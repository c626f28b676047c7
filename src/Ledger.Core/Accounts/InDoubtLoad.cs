namespace Ledger.Core;

/// <summary>What transactions in doubt would add to an account's counters, without regard to what they would take
/// off.</summary>
/// <param name="Debits">Posted and pending debits.</param>
/// <param name="Credits">Posted and pending credits.</param>
internal readonly record struct InDoubtLoad(Amount Debits, Amount Credits)
{
    // How often each sum has passed 2^128: legs of one transaction may hold and post the same money.
    private readonly int debitWraps;
    private readonly int creditWraps;

    private InDoubtLoad(Amount debits, Amount credits, int debitWraps, int creditWraps)
        : this(debits, credits)
    {
        this.debitWraps = debitWraps;
        this.creditWraps = creditWraps;
    }

    /// <summary>What debits count in a check for overflow: no more than the largest amount.</summary>
    internal Amount DebitsAtMost => debitWraps > 0 ? Amount.MaxValue : Debits;

    /// <summary>What credits count in a check for overflow: no more than the largest amount.</summary>
    internal Amount CreditsAtMost => creditWraps > 0 ? Amount.MaxValue : Credits;

    internal InDoubtLoad AddDebit(Amount amount)
    {
        var sum = new Amount(unchecked(Debits.Value + amount.Value));
        return new InDoubtLoad(sum, Credits, debitWraps + (sum < amount ? 1 : 0), creditWraps);
    }

    internal InDoubtLoad AddCredit(Amount amount)
    {
        var sum = new Amount(unchecked(Credits.Value + amount.Value));
        return new InDoubtLoad(Debits, sum, debitWraps, creditWraps + (sum < amount ? 1 : 0));
    }

    internal InDoubtLoad TakeDebit(Amount amount) => new(
        new Amount(unchecked(Debits.Value - amount.Value)), Credits, debitWraps - (Debits < amount ? 1 : 0),
        creditWraps);

    internal InDoubtLoad TakeCredit(Amount amount) => new(
        Debits, new Amount(unchecked(Credits.Value - amount.Value)), debitWraps,
        creditWraps - (Credits < amount ? 1 : 0));
}
