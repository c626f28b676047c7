namespace Ledger.Core;

/// <summary>Decides what another account coordinates: this account's legs, whose amounts are given (R13,
/// R14).</summary>
internal readonly struct BranchVerifier(AccountParts account)
{
    /// <summary>Goes through the legs in order. What throws is a refusal (R18).</summary>
    /// <param name="branch">The legs of this account.</param>
    /// <param name="facts">What the journal said of their ids.</param>
    /// <param name="operation">What has claimed their ids; null for nothing.</param>
    /// <param name="input">The request, for whoever reads of what was thrown.</param>
    /// <param name="at">The time that it is judged by.</param>
    public LegDecision Verify(
        TransactionBranch branch, IdFacts facts, Operation? operation, AccountMessage input, LedgerTime at)
    {
        var before = account.Rows.Changes;
        try
        {
            return Decide(branch, facts, operation, at);
        }
        catch (Exception e) when (account.Rows.MayBeRefused(e, before) && branch.Legs.Length > 0)
        {
            account.Host.DecisionFailed(input, e);
            return new LegDecision(TransferStatus.DecisionFailed, branch.Legs[0]);
        }
    }

    /// <summary>What this account says of a decision that refuses.</summary>
    /// <param name="decision">The decision.</param>
    public Refusal RefusalOf(LegDecision decision) => new(
        decision.Leg.Index, decision.Status, account.State.Spec?.Asset ?? default,
        account.State.Spec is null ? null : account.State.Balances);

    /// <summary>What it says of what could not be decided, by a defect.</summary>
    /// <param name="branch">What was asked for.</param>
    public Refusal FailureOf(TransactionBranch branch) => new(
        branch.Legs.Length > 0 ? branch.Legs[0].Index : 0, TransferStatus.DecisionFailed,
        account.State.Spec?.Asset ?? default,
        null);

    private LegDecision Decide(TransactionBranch branch, IdFacts facts, Operation? operation, LedgerTime at)
    {
        account.Options.Deciding?.Invoke();
        var copy = AccountWorkingCopy.OfThread.Take(
            account.State, account.Contexts.Of(branch, facts, operation), account.Clock.OldDoubtUpTo(at), dueBy: null,
            account.Options);
        LegDecision decision = default;
        foreach (var leg in branch.Legs)
        {
            if (!leg.Concerns(account.State.Address))
            {
                continue;
            }

            var isDebit = leg.Transfer is null || leg.Transfer.DebitAccount == account.State.Address;
            var other = leg.Transfer is { } transfer
                && (isDebit ? transfer.CreditAccount : transfer.DebitAccount) == branch.Coordinator
                    ? branch.CoordinatorAsset
                    : default;
            decision = TransferRules.Decide(
                leg, isDebit ? copy : null, isDebit ? null : copy, other, at, isFixed: true);
            if (decision.InDoubt || decision.Status != TransferStatus.None)
            {
                return decision;
            }

            if (branch.Legs.Length > 1)
            {
                copy.Apply(leg);
            }
        }

        return decision;
    }
}
