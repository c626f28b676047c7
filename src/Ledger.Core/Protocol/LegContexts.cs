using System.Collections.Immutable;

namespace Ledger.Core;

/// <summary>What an account knows of the ids that the legs of a transaction name: whether a leg's own id is decided,
/// how a hold stands that it resolves, and what can be taken back of a transfer.</summary>
internal readonly struct LegContexts(AccountState state, OperationTable operations)
{
    private AccountAddress Address => state.Address;

    /// <summary>What is known, by the place of the leg.</summary>
    /// <param name="branch">The transaction, as far as it concerns the account.</param>
    /// <param name="facts">What the journal said.</param>
    /// <param name="operation">What decides it; null where nothing has claimed its ids.</param>
    /// <returns>The contexts; null where no leg names an id that is not the attempt's own.</returns>
    public Func<int, LegContext>? Of(TransactionBranch branch, IdFacts facts, Operation? operation)
    {
        if (branch.Attempt == 0 && branch.IsAlone
            && branch.Legs is [{ Transfer: { ResolvesHold: false, Reverses.IsNil: true } }])
        {
            // Its id is the attempt's own, and it names no other.
            return null;
        }

        Dictionary<int, LegContext> contexts = [];
        Dictionary<TransferId, Amount>? reversing = null;
        foreach (var leg in branch.Legs)
        {
            if (leg.Transfer is { } transfer && branch.IsDecidedBy(Address, leg))
            {
                var context = new LegContext(leg.Index);
                if (transfer.Id != branch.Id || branch.Attempt > 0)
                {
                    context = WithOwnId(context, transfer, facts, operation);
                }

                if (transfer.ResolvesHold)
                {
                    context = WithHold(context, transfer.HoldId, facts, operation);
                }

                if (!transfer.Reverses.IsNil && transfer.DebitAccount == Address)
                {
                    reversing ??= [];
                    var before = reversing.GetValueOrDefault(transfer.Reverses);
                    context = WithReversed(context, transfer, facts, operation, before);
                    reversing[transfer.Reverses] =
                        before.TryAdd(transfer.Amount, out var sum) ? sum : Amount.MaxValue;
                }

                contexts[leg.Index] = context;
            }
        }

        return index => contexts.TryGetValue(index, out var context) ? context : new LegContext(index);
    }

    /// <summary>How a hold stands.</summary>
    /// <param name="hold">Its id.</param>
    /// <param name="facts">What the journal said.</param>
    public LegContext OfHold(TransferId hold, IdFacts facts) => WithHold(new LegContext(0), hold, facts, null);

    /// <summary>Says which rows of this stream hold what posts and voids leave to their holds: another account has them
    /// in others.</summary>
    /// <param name="branch">The transaction, as far as it concerns the account.</param>
    public TransactionBranch WithHoldRows(TransactionBranch branch)
    {
        ImmutableArray<ResolvedLeg>.Builder? legs = null;
        for (var i = 0; i < branch.Legs.Length; i++)
        {
            var leg = branch.Legs[i];
            if (leg.Transfer is not { ResolvesHold: true } transfer)
            {
                continue;
            }

            var row = leg.Concerns(Address) && state.FindHold(transfer.HoldId) is { } hold && hold.HasTextFor(transfer)
                ? hold.SequenceNr
                : 0;
            if (row != leg.HoldRow)
            {
                (legs ??= branch.Legs.ToBuilder())[i] = leg with { HoldRow = row };
            }
        }

        return legs is null ? branch : branch with { Legs = legs.MoveToImmutable() };
    }

    private LegContext WithOwnId(LegContext context, Transfer transfer, IdFacts facts, Operation? operation)
    {
        if (operations.IsPreparedElsewhere(transfer.Id, operation))
        {
            return context with { InDoubt = true };
        }

        if (facts.Find(transfer.Id) is { Last: { } record } found)
        {
            return record.Status == TransferStatus.Created
                ? context with { Known = record.CompareWith(transfer, facts) }
                : found.IsConsumed ? context with { Known = TransferStatus.IdAlreadyFailed }
                : context;
        }

        return state.Idempotency.Find(transfer.Id) switch
        {
            // Decided while the question was out: asking again tells which field differs.
            { Status: TransferStatus.Created } => context with { InDoubt = true },
            { IsFinal: true } => context with { Known = TransferStatus.IdAlreadyFailed },
            _ => context,
        };
    }

    private LegContext WithHold(LegContext context, TransferId id, IdFacts facts, Operation? operation)
    {
        if (operations.IsPreparedElsewhere(id, operation) || state.IsLocked(id))
        {
            return context with { InDoubt = true };
        }

        if (state.FindHold(id) is { } hold)
        {
            return context with
            {
                Pending = WithoutText(hold.Transfer, hold.Amount), Remaining = hold.Remaining, Deadline = hold.Deadline,
            };
        }

        if (facts.Find(id) is not { Last: { Status: TransferStatus.Created } record } found)
        {
            return context with { HoldProblem = TransferStatus.PendingTransferNotFound };
        }

        if (record.OwnLeg is not { IsHold: true, Transfer: { } pending } leg)
        {
            return context with { HoldProblem = TransferStatus.PendingTransferNotPending };
        }

        var end = state.Idempotency.Find(id)?.Details.Hold is { } remembered
            and not (HoldState.None or HoldState.Live)
                ? remembered
                : found.Hold;
        return context with
        {
            Pending = WithoutText(pending, leg.Amount),
            HoldProblem = end switch
            {
                HoldState.Posted => TransferStatus.PendingTransferAlreadyPosted,
                HoldState.Voided => TransferStatus.PendingTransferAlreadyVoided,
                HoldState.Expired => TransferStatus.PendingTransferExpired,
                _ => TransferStatus.PendingTransferNotFound,
            },
        };
    }

    private LegContext WithReversed(
        LegContext context, Transfer transfer, IdFacts facts, Operation? operation, Amount before)
    {
        if (operations.IsPreparedElsewhere(transfer.Reverses, operation))
        {
            return context with { InDoubt = true };
        }

        if (facts.Find(transfer.Reverses) is not { Last: { Status: TransferStatus.Created } record } found
            || record.OwnLeg is not { Transfer: { } original } leg)
        {
            return context with { ReversalProblem = TransferStatus.ReversedTransferNotFound };
        }

        if (!leg.IsPosting)
        {
            return context with { ReversalProblem = TransferStatus.ReversedTransferNotPosted };
        }

        if (original.DebitAccount != transfer.CreditAccount || original.CreditAccount != transfer.DebitAccount)
        {
            return context with { ReversalProblem = TransferStatus.ReversedTransferHasDifferentAccounts };
        }

        var left = found.Reversed < leg.Amount ? leg.Amount - found.Reversed : Amount.Zero;
        return context with { Reversible = before < left ? left - before : Amount.Zero };
    }

    // A hold as its resolutions are decided by it, and as it is told to others: many of them must fit into one answer.
    private static Transfer WithoutText(Transfer hold, Amount amount) =>
        hold with { Amount = amount, Reference = "", Metadata = Metadata.Empty };
}
