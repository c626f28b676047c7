namespace Ledger.Core;

/// <summary>Which ids something is about, at one account: those that its operation claims.</summary>
internal static class OperationIds
{
    /// <summary>The ids of a message.</summary>
    /// <param name="input">The message.</param>
    /// <param name="account">The account that it came to.</param>
    /// <exception cref="LedgerInvariantException">It is about no id.</exception>
    public static TransferId[] Of(AccountMessage input, AccountAddress account) => input switch
    {
        PostTransferRequest { Transfer: { ResolvesHold: false, Reverses.IsNil: true } transfer } => [transfer.Id],
        PostTransferRequest { Transfer: { ResolvesHold: true } post } => [post.Id, post.HoldId],
        PostTransferRequest post => post.Transfer.DebitAccount == account
            ? [post.Transfer.Id, post.Transfer.Reverses]
            : [post.Transfer.Id],
        PostTransactionRequest post => Of(TransactionBranch.Of(post.Transaction, account, post.Principal), account),
        PrepareRequest prepare => Of(prepare.Branch, account),
        CommitRequest commit => Of(commit.Branch, account),
        DryRunRequest dryRun => Of(dryRun.Branch, account),
        OutcomeRequest asked => [asked.Branch.Key],
        Outcome outcome => [outcome.Key],
        GetTransferRequest get => [get.Id],
        GetTransactionRequest get => [get.Id],
        ExtendHoldRequest extend => [extend.HoldId],
        _ => throw new LedgerInvariantException($"{account}: {input.GetType().Name} is about no id"),
    };

    /// <summary>The ids of a transaction: its own, its attempt's, and those that its legs at the account
    /// name.</summary>
    /// <param name="branch">The transaction.</param>
    /// <param name="account">The account.</param>
    public static TransferId[] Of(TransactionBranch branch, AccountAddress account)
    {
        if (branch.Attempt == 0 && branch.IsAlone
            && branch.Legs[0].Transfer is { ResolvesHold: false, Reverses.IsNil: true })
        {
            return [branch.Id];
        }

        var ids = new List<TransferId>(branch.Legs.Length + 2) { branch.Id };
        var seen = new HashSet<TransferId> { branch.Id };
        Add(branch.Key);
        foreach (var leg in branch.Legs)
        {
            if (leg.Transfer is { } transfer && branch.IsDecidedBy(account, leg))
            {
                Add(transfer.Id);
                if (transfer.ResolvesHold)
                {
                    Add(transfer.HoldId);
                }

                if (!transfer.Reverses.IsNil && transfer.DebitAccount == account)
                {
                    Add(transfer.Reverses);
                }
            }
        }

        return [.. ids];

        void Add(TransferId id)
        {
            if (seen.Add(id))
            {
                ids.Add(id);
            }
        }
    }
}
