namespace Ledger.Access;

/// <summary>Takes from answers what a caller may not read.</summary>
internal readonly struct AnswerCut(Permissions permissions)
{
    /// <summary>Whether an account may be read.</summary>
    public bool MayRead(AccountAddress account) => permissions.Allows(AccessRights.Read, account);

    /// <summary>A record without the balances that may not be read.</summary>
    public TransferRecord Of(TransferRecord record) => record.BalanceSeen is null
        || MaySeeBalance(record.Status, record.Transfer.DebitAccount, record.Transfer.CreditAccount)
        ? record
        : record with { BalanceSeen = null };

    /// <summary>Whether the balances that were seen at a refusal may be shown.</summary>
    /// <remarks>Whose they are follows from the status; where it doesn't, both sides must be readable.</remarks>
    public bool MaySeeBalance(TransferStatus status, AccountAddress debit, AccountAddress credit) => status switch
    {
        _ when permissions.ReadsAll => true,
        TransferStatus.ExceedsCredits or TransferStatus.DebitAccountFrozen or TransferStatus.DebitAccountAlreadyClosed
            or TransferStatus.OverflowsDebits or TransferStatus.OverflowsDebitsPending
            or TransferStatus.OverflowsDebitsPosted => MayRead(debit),
        TransferStatus.ExceedsDebits or TransferStatus.CreditAccountFrozen or TransferStatus.CreditAccountAlreadyClosed
            or TransferStatus.OverflowsCredits or TransferStatus.OverflowsCreditsPending
            or TransferStatus.OverflowsCreditsPosted => MayRead(credit),
        _ => MayRead(debit) && MayRead(credit),
    };
}
