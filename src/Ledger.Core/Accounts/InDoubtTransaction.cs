using System.Runtime.CompilerServices;

namespace Ledger.Core;

/// <summary>A transaction that this account has prepared and whose outcome it does not know.</summary>
/// <param name="branch">What the account is asked to do; at the coordinator the whole transaction.</param>
/// <param name="sequenceNr">The journal row that holds it.</param>
/// <param name="number">Its number among all that the account ever prepared; reads wait by it (R10).</param>
/// <param name="preparedTime">When its preparation was booked.</param>
internal sealed class InDoubtTransaction(
    TransactionBranch branch, long sequenceNr, long number, LedgerTime preparedTime)
{
    // Apart, since hardly any is ever asked for it, and it is larger than all the rest.
    private StrongBox<CounterChanges>? changes;

    /// <summary>What the account is asked to do; at the coordinator the whole transaction.</summary>
    public TransactionBranch Branch { get; } = branch;

    /// <summary>The journal row that holds it.</summary>
    public long SequenceNr { get; } = sequenceNr;

    /// <summary>Its number among all that the account ever prepared.</summary>
    public long Number { get; } = number;

    /// <summary>When its preparation was booked: the time of its event. The default value, so long ago, where a
    /// snapshot of an earlier version did not say.</summary>
    public LedgerTime PreparedTime { get; } = preparedTime;

    /// <summary>What is kept back for the limit on debits: the worst that the legs can come to, in their
    /// order.</summary>
    public Amount DebitReserve { get; private set; }

    /// <summary>What is kept back for the limit on credits.</summary>
    public Amount CreditReserve { get; private set; }

    /// <summary>What it does to the account if it is committed.</summary>
    /// <param name="account">The account; always the same.</param>
    internal CounterChanges ChangesOf(AccountAddress account) =>
        (changes ??= new StrongBox<CounterChanges>(CounterChanges.Of(Branch, account))).Value;

    /// <summary>Puts one back from a snapshot.</summary>
    /// <param name="branch">See <see cref="Branch"/>.</param>
    /// <param name="sequenceNr">See <see cref="SequenceNr"/>.</param>
    /// <param name="number">See <see cref="Number"/>.</param>
    /// <param name="debitReserve">See <see cref="DebitReserve"/>.</param>
    /// <param name="creditReserve">See <see cref="CreditReserve"/>.</param>
    /// <param name="preparedTime">See <see cref="PreparedTime"/>.</param>
    public static InDoubtTransaction Restore(
        TransactionBranch branch, long sequenceNr, long number, Amount debitReserve, Amount creditReserve,
        LedgerTime preparedTime) =>
        new InDoubtTransaction(branch, sequenceNr, number, preparedTime).Reserve(debitReserve, creditReserve);

    internal InDoubtTransaction Reserve(Amount debit, Amount credit)
    {
        DebitReserve = debit;
        CreditReserve = credit;
        return this;
    }
}
