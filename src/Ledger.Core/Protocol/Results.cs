namespace Ledger.Core;

/// <summary>What callers are answered.</summary>
internal static class Results
{
    /// <summary>A transaction that is committed.</summary>
    /// <param name="branch">What was done, with every amount.</param>
    /// <param name="time">When.</param>
    /// <param name="replayed">Whether it was done before, and is asked for again.</param>
    /// <param name="position">The row that commits it; none where that is not known.</param>
    public static TransactionResult Committed(
        TransactionBranch branch, LedgerTime time, bool replayed, RowPosition position = default) => new(
        branch.Id, replayed ? TransferStatus.Exists : TransferStatus.Created, -1, time, replayed, null,
        [.. branch.Legs.Select(static leg => leg.Transfer is null
            ? new LegResult(TransferStatus.None, AccountStatus.Created, Amount.Zero)
            : new LegResult(TransferStatus.Created, AccountStatus.None, leg.Amount))])
    {
        Position = position,
    };

    /// <summary>What was done is asked for again: a whole transaction, or one leg of it alone, with what that one
    /// moved.</summary>
    /// <param name="asked">What is asked for.</param>
    /// <param name="record">What was decided.</param>
    public static TransactionResult Again(TransactionBranch asked, IdHistoryEntry record) =>
        asked.IsAlone && record.Leg is { } leg
            ? Committed(record.Branch with { Id = asked.Id, Legs = [leg] }, record.Time, replayed: true)
            : Committed(record.Branch, record.Time, replayed: true);

    /// <summary>The answer to a call.</summary>
    /// <param name="call">The call.</param>
    /// <param name="result">The result.</param>
    /// <param name="branch">Where the accounts right after it are to be told: what was done; else null.</param>
    public static AccountResponse Respond(
        AccountRequest call, TransactionResult result, TransactionBranch? branch = null) =>
        call is PostTransferRequest post
        ? new PostTransferResponse(new TransferResult(
            post.Transfer.Id, result.Status, result.CreateTime, result.Replayed, result.BalanceSeen)
        {
            Amount = result.Legs.Length > 0 ? result.Legs[0].Amount : Amount.Zero,
            Position = result.Position,
            DebitAfter = branch is null ? null : result.AfterOf(branch.Legs[0].Transfer!.DebitAccount),
            CreditAfter = branch is null ? null : result.AfterOf(branch.Legs[0].Transfer!.CreditAccount),
        })
        : new PostTransactionResponse(result);

    /// <summary>What is known of a transfer; null for nothing.</summary>
    /// <param name="id">The transfer.</param>
    /// <param name="facts">What the journal said.</param>
    /// <param name="state">The account.</param>
    public static TransferRecord? RecordOf(TransferId id, IdFacts facts, AccountState state)
    {
        if (state.FindHold(id) is { } live)
        {
            return RecordOf(live);
        }

        if (facts.Find(id) is not { Last: { } record } found || record.OwnLeg is not { Transfer: { } transfer } leg
            || record.Status == TransferStatus.None)
        {
            return null;
        }

        var remembered = state.Idempotency.Find(id)?.Details.Hold ?? HoldState.None;
        var committed = record.Status == TransferStatus.Created;
        if (committed && transfer.ResolvesHold && record.Branch.FindHold(transfer.HoldId) is { } hold)
        {
            transfer = transfer.WithTextOf(hold.Reference, hold.Metadata);
        }

        return new TransferRecord(transfer, record.Status, record.Time, record.Seen)
        {
            HoldRow = leg.HoldRow,
            Amount = committed ? leg.Amount : Amount.Zero,
            TransactionId = record.Branch.Id,
            Hold = !leg.IsHold || !committed ? HoldState.None
                : remembered != HoldState.None ? remembered
                : found.Hold,
            Principal = record.Branch.Principal,
        };
    }

    /// <summary>What is known of a live hold.</summary>
    /// <param name="live">The hold.</param>
    public static TransferRecord RecordOf(Hold live) => new(live.Transfer, TransferStatus.Created, live.Time, null)
    {
        HoldRow = live.TextRow,
        Amount = live.Amount,
        TransactionId = live.TransactionId,
        Hold = HoldState.Live,
        HoldRemaining = live.Remaining,
        HoldDeadline = live.Deadline < LedgerTime.MaxValue ? live.Deadline : null,
        Principal = live.Principal,
    };

    /// <summary>What is known of a transaction that an account coordinated; null for nothing.</summary>
    /// <param name="id">The transaction.</param>
    /// <param name="facts">What the journal said.</param>
    /// <param name="coordinator">The account.</param>
    public static TransactionRecord? TransactionOf(TransferId id, IdFacts facts, AccountAddress coordinator)
    {
        if (facts.Find(id) is not { Last: { } record } || record.Branch.Id != id
            || record.Branch.Coordinator != coordinator || record.Status == TransferStatus.None)
        {
            return null;
        }

        var branch = record.Branch;
        return new TransactionRecord(
            new Transaction(id, [.. branch.Legs.Select(static leg => leg.Transfer is { } transfer
                ? TransactionLeg.Of(transfer)
                : TransactionLeg.Open(leg.Opening!, leg.IfMissing))]),
            record.Status == TransferStatus.Created
                ? Committed(branch, record.Time, replayed: false)
                : TransactionRejection.Of(
                    branch, record.FailedLeg, record.Status, record.Time, record.Seen, replayed: false))
        {
            HoldRows = branch.Legs.Any(static leg => leg.HoldRow != 0)
                ? [.. branch.Legs.Select(static leg => leg.HoldRow)]
                : [],
            Principal = branch.Principal,
        };
    }
}
