namespace Ledger.Core;

/// <summary>An account right after a transfer or a transaction, and before anything that followed. Immutable.</summary>
/// <param name="Address">The account.</param>
/// <param name="Balances">Its counters; what was in doubt then is in them as it was seen.</param>
/// <param name="Version">The last row that the account had written for certain: that of the commit itself, or for the account that
/// coordinates that of its preparation, since it books the commit with its next row.</param>
/// <param name="EntryCount">How many entries its statement had, those of the transfer included.</param>
/// <param name="AvailableDebits">What could still be debited; null without a limit on debits.</param>
/// <param name="AvailableCredits">What could still be credited; null without a limit on credits.</param>
public sealed record AccountAfter(
    AccountAddress Address, Balances Balances, long Version, ulong EntryCount, Amount? AvailableDebits, Amount? AvailableCredits)
{
    /// <summary>Takes the state of an account that exists.</summary>
    internal static AccountAfter Of(AccountState state, long version)
    {
        var view = new AccountView(state.Spec!, state.OpenTime, state.Balances, state.EntryCount, version, state.Closed);
        return new AccountAfter(
            state.Address, state.Balances, version, state.EntryCount, view.AvailableDebits, view.AvailableCredits);
    }
}
