using System.Numerics;

namespace Ledger.Client;

/// <summary>An account right after a transfer or a transaction, and before anything that followed.</summary>
/// <param name="Address">The account.</param>
/// <param name="Balances">Its counters. What was in doubt then is in them as it was seen.</param>
/// <param name="Version">The number of the last journal record that the account had written for certain: that of the
/// commit, or for the account that coordinates that of its preparation.</param>
/// <param name="EntrySequence">The number of its last statement entry.</param>
/// <param name="AvailableDebits">What could still be debited; null without a limit on debits.</param>
/// <param name="AvailableCredits">What could still be credited; null without a limit on credits.</param>
public sealed record AccountState(
    string Address, Balances Balances, ulong Version, ulong EntrySequence, BigInteger? AvailableDebits,
    BigInteger? AvailableCredits);
