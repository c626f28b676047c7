namespace Ledger.Core;

/// <summary>Which of several reasons a transaction is rejected for (R15).</summary>
internal static class RejectionChoice
{
    /// <summary>Chooses: the lowest leg that fails decides, and on it the reason that ranks higher.</summary>
    /// <param name="votes">The votes; null where there were none.</param>
    /// <param name="lastAgents">The last agent's own reason; null for none.</param>
    /// <param name="branch">The transaction.</param>
    /// <returns>The reason; null where something was in doubt.</returns>
    public static Refusal? Of(IEnumerable<Vote>? votes, Refusal? lastAgents, TransactionBranch branch)
    {
        if (lastAgents?.Reason == TransferStatus.AbortedByOperator)
        {
            // It is over for good: another attempt would be in doubt as this one was.
            return lastAgents;
        }

        var refusals = new List<Refusal>();
        foreach (var vote in votes ?? [])
        {
            if (vote.Kind == VoteKind.InDoubt)
            {
                return null;
            }

            if (vote.Refusal is { } refusal)
            {
                refusals.Add(refusal);
            }
        }

        if (lastAgents is not null)
        {
            refusals.Add(lastAgents);
        }

        if (refusals.Count == 0)
        {
            return null;
        }

        var first = refusals.Min(static one => one.Leg);
        refusals.RemoveAll(one => one.Leg != first);
        var worst = refusals[0];
        if (branch.Legs[first].Opening is not null)
        {
            return worst;
        }

        foreach (var refusal in refusals)
        {
            worst = TransferStatusPrecedence.Outranks(refusal.Reason, worst.Reason) ? refusal : worst;
        }

        // Each side alone can only say that the transfer's asset is not its own. If the other one's is, or is another
        // one still, then the accounts differ, which ranks higher.
        return worst.Reason == TransferStatus.TransferMustHaveTheSameLedgerAsAccounts
            && (refusals.Count == 1 || refusals[0].Asset != refusals[1].Asset)
                ? worst with { Reason = TransferStatus.AccountsMustHaveTheSameLedger }
                : worst;
    }
}
