namespace Ledger.Core.Tests;

/// <summary>Something that is wrong with one leg.</summary>
/// <param name="Status">What it is answered.</param>
/// <param name="Place">What it changes: two faults of one place can't be there together.</param>
/// <param name="Seen">Who can see it without the other.</param>
/// <param name="Make">Puts it into a case.</param>
internal sealed record RuleFault(TransferStatus Status, string Place, RuleFault.Sides Seen, Func<RuleCase,
    RuleCase> Make)
{
    /// <summary>Who sees something.</summary>
    public enum Sides
    {
        /// <summary>The debit account.</summary>
        Debit,

        /// <summary>The credit account.</summary>
        Credit,

        /// <summary>Each of the two.</summary>
        Each,

        /// <summary>Only who knows both.</summary>
        Together,
    }
}
