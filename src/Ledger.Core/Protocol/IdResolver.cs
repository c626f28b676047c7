namespace Ledger.Core;

/// <summary>What memory knows of ids, and what the journal is asked about them (R4, R7, R22).</summary>
internal sealed class IdResolver(AccountState state)
{
    /// <summary>The number of the newest question.</summary>
    public long QuestionCount { get; private set; }

    // ---------------------------------------------------------------- questions

    /// <summary>What only the journal can tell about the ids of an operation.</summary>
    /// <param name="operation">The operation.</param>
    /// <returns>The questions; null for none.</returns>
    public IReadOnlyList<IdLookup>? QuestionsAbout(Operation operation)
    {
        List<IdLookup>? questions = null;
        foreach (var id in operation.Ids)
        {
            if (QuestionAbout(id, operation) is { } question)
            {
                (questions ??= []).Add(question);
            }
        }

        return questions;
    }

    /// <summary>Makes a question about all that the journal may hold of an id.</summary>
    /// <param name="id">The id.</param>
    public IdLookup QuestionAboutAll(TransferId id) => LookupOf(id, 0, withLater: true);

    /// <summary>Makes a question ready to leave. It leaves when all is durable that was decided before, the newest
    /// entry of the index too.</summary>
    /// <param name="question">The question.</param>
    /// <param name="newestRow">The last row that was decided.</param>
    public OutboundMessage Ask(IdLookup question, long newestRow) => new(default, null, default, null, question with
    {
        UpTo = newestRow,
        Number = ++QuestionCount,
        Newest = state.NewestIndexed,
        FirstTime = state.OpenTime,
        LastTime = state.LastTime,
    });

    /// <summary>What memory knew when the journal was asked about the other ids may have left it since.</summary>
    /// <param name="operation">What is about to be decided.</param>
    /// <returns>Whether the journal must be asked again.</returns>
    public bool HasForgotten(Operation operation)
    {
        foreach (var id in operation.Ids)
        {
            if (operation.Facts.TryFind(id, out var found)
                ? HasForgottenEndOf(id, found, operation)
                : QuestionAbout(id, operation) is not null)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Whether the journal may hold something final of an attempt that memory does not have. R4: what memory
    /// may have forgotten is not refused from memory.</summary>
    /// <param name="key">The attempt.</param>
    public bool MayBeJournaled(TransferId key) =>
        state.Idempotency.Find(key) is not { IsFinal: true } && state.Idempotency.MayHaveForgotten(key);

    /// <summary>Whether only the journal can tell what was done under an id that a leg of another account's transaction
    /// names.</summary>
    /// <param name="id">The id.</param>
    public bool IsUncertain(TransferId id) => state.FindHold(id) is null
        && (state.Idempotency.Find(id) is not null || state.Idempotency.MayHaveForgotten(id));

    private IdLookup? QuestionAbout(TransferId id, Operation operation)
    {
        var input = operation.Input;

        // What a live hold is, is known without the journal; who made it, and what became of that attempt, is not.
        if (state.FindHold(id) is not null && input is GetTransferRequest or ExtendHoldRequest)
        {
            return null;
        }

        var remembered = state.Idempotency.Find(id);
        switch (RoleOf(id, operation))
        {
            case IdRole.Hold when state.FindHold(id) is { } hold:
                return IsTextCompared(hold, operation) ? LookupOf(id, hold.SequenceNr, withLater: false) : null;
            case IdRole.Reversed:
                return remembered is not null || state.Idempotency.MayHaveForgotten(id) ? QuestionAboutAll(id) : null;
            case IdRole.Hold:
                return remembered is not null ? LookupOf(id, remembered.SequenceNr, withLater: false)
                    : state.Idempotency.MayHaveForgotten(id) ? QuestionAboutAll(id)
                    : null;
            default:
                break;
        }

        if (remembered is null)
        {
            // What was done under an id does not tell what became of another attempt at it.
            return state.Idempotency.MayHaveForgotten(id)
                ? LookupOf(id, 0, withLater: input is GetTransferRequest or OutcomeRequest)
                : null;
        }

        if (NeedsContent(id, operation, remembered))
        {
            // This very request may have been rejected before, and that may have left memory.
            var mayHaveBeenAsked = input is PostTransferRequest or PostTransactionRequest
                && operation.Asked is { } asked && id == asked.Id
                && FindAsked(remembered, asked.Asked) is null && state.Idempotency.MayHaveForgotten(id);
            return LookupOf(id, mayHaveBeenAsked ? 0 : remembered.SequenceNr, withLater: false);
        }

        // An id that is not used up may have been decided before, and that may have left memory.
        return !remembered.IsFinal && state.Idempotency.MayHaveForgotten(id)
            ? LookupOf(id, 0, withLater: input is OutcomeRequest)
            : null;
    }

    private IdLookup LookupOf(TransferId id, long sequenceNr, bool withLater)
    {
        var (notBefore, notAfter) = state.Idempotency.BookedBetween(id, withLater);
        return new IdLookup(id, sequenceNr, 0, notBefore, notAfter, withLater);
    }

    // A retry that says what it could leave to the hold is compared with what the hold says.
    private bool IsTextCompared(Hold hold, Operation operation)
    {
        if (hold.TextRow == 0 || operation.Asked is not { } branch)
        {
            return false;
        }

        foreach (var leg in branch.Legs)
        {
            if (leg.Transfer is { } transfer && transfer.HoldId == hold.Transfer.Id
                && ((hold.HasReference && transfer.Reference.Length > 0)
                    || (hold.HasMetadata && !transfer.Metadata.Pairs.IsEmpty))
                && (state.Idempotency.Find(transfer.Id) is not null
                    || state.Idempotency.MayHaveForgotten(transfer.Id)))
            {
                return true;
            }
        }

        return false;
    }

    // The journal was asked for a hold's content alone, since memory had its end.
    private bool HasForgottenEndOf(TransferId id, IdHistory? found, Operation operation) =>
        found is { Hold: HoldState.Live, Last.Status: TransferStatus.Created }
        && state.FindHold(id) is null && state.Idempotency.Find(id) is null
        && (operation.Input is GetTransferRequest || RoleOf(id, operation) == IdRole.Hold);

    private static IdRole RoleOf(TransferId id, Operation operation)
    {
        if (operation.Input is ExtendHoldRequest)
        {
            return IdRole.Hold;
        }

        if (operation.Asked is not { } branch || id == branch.Id || id == branch.Key)
        {
            return IdRole.Own;
        }

        var role = IdRole.Own;
        foreach (var leg in branch.Legs)
        {
            if (leg.Transfer is { } transfer)
            {
                if (transfer.Id == id)
                {
                    return IdRole.Own;
                }

                role = transfer.Reverses == id ? IdRole.Reversed : transfer.HoldId == id ? IdRole.Hold : role;
            }
        }

        return role;
    }

    private static bool NeedsContent(TransferId id, Operation operation, IdempotencyRecord remembered)
    {
        if (operation.Input is GetTransferRequest or GetTransactionRequest)
        {
            return true;
        }

        if (operation.Asked is not { } branch || !remembered.IsFinal || operation.Input is OutcomeRequest)
        {
            return false;
        }

        if (id != branch.Id && id != branch.Key)
        {
            return remembered.Status == TransferStatus.Created;
        }

        if (operation.Input is PrepareRequest)
        {
            return false;
        }

        var isAsked = operation.Input is AccountRequest or null;
        var same = isAsked ? FindAsked(remembered, branch.Asked) : FindDigest(remembered, branch.Digest);
        return same is not null
            ? isAsked && same.Details.NeedsContent
            : remembered.Status == TransferStatus.Created
                || branch.Legs.Any(static leg =>
                    leg.Transfer is { } transfer && (transfer.ResolvesHold || transfer.IsBalancing));
    }

    // ---------------------------------------------------------------- what is decided

    /// <summary>What was decided about an attempt, in memory or in the journal; null for nothing.</summary>
    /// <param name="key">The attempt.</param>
    /// <param name="digest">Its digest (R7).</param>
    /// <param name="facts">What the journal said.</param>
    public IdempotencyRecord? FindRecord(TransferId key, UInt128 digest, IdFacts facts)
    {
        if (FindDigest(state.Idempotency.Find(key), digest) is { } remembered)
        {
            return remembered;
        }

        foreach (var record in facts.Find(key)?.Records ?? [])
        {
            if (record.Branch.Digest == digest)
            {
                return new IdempotencyRecord(
                    digest, record.Status, record.Time, record.SequenceNr, new IdempotencyDetails
                {
                    FailedLeg = record.FailedLeg, Seen = record.Seen,
                });
            }
        }

        return null;
    }

    /// <summary>Whether anything is known of an id, in memory or in the journal.</summary>
    /// <param name="id">The id.</param>
    /// <param name="facts">What the journal said.</param>
    public bool IsKnown(TransferId id, IdFacts facts) =>
        state.Idempotency.Find(id) is not null || facts.Find(id) is not null;

    /// <summary>Whether another transaction has used up the id here, or that of the attempt: that is journaled, and
    /// stays so (R7).</summary>
    /// <param name="branch">The attempt.</param>
    /// <param name="facts">What the journal said.</param>
    /// <returns>The reason; <see cref="TransferStatus.None"/> for none.</returns>
    public TransferStatus ConsumedId(TransactionBranch branch, IdFacts facts)
    {
        var status = ConsumedId(branch, branch.Key, facts);
        return status != TransferStatus.None || branch.Attempt == 0 ? status : ConsumedId(branch, branch.Id, facts);
    }

    /// <summary>The same, of one of the two ids.</summary>
    /// <param name="branch">The attempt.</param>
    /// <param name="id">The id.</param>
    /// <param name="facts">What the journal said.</param>
    public TransferStatus ConsumedId(TransactionBranch branch, TransferId id, IdFacts facts)
    {
        var found = facts.Find(id);
        var used = found?.Last;
        var remembered = state.Idempotency.Find(id);
        if (used is { Status: TransferStatus.Created } || remembered is { Status: TransferStatus.Created })
        {
            return used is not null && branch is { IsAlone: true, Legs: [{ Transfer: { } transfer }] }
                ? used.CompareWith(transfer, facts)
                : TransferStatus.ExistsWithDifferentTransfers;
        }

        return remembered is { IsFinal: true } || found is { IsConsumed: true }
            ? TransferStatus.IdAlreadyFailed
            : TransferStatus.None;
    }

    /// <summary>What was decided about a very request. Once an id is used up, what was refused under it before no
    /// longer counts.</summary>
    /// <param name="remembered">What memory has of its id.</param>
    /// <param name="asked">The request's digest.</param>
    public static IdempotencyRecord? FindAsked(IdempotencyRecord? remembered, UInt128 asked)
    {
        if (remembered is { IsFinal: true })
        {
            return remembered.Asked == asked ? remembered : null;
        }

        while (remembered is not null && (remembered.Asked != asked || remembered.Status == TransferStatus.None))
        {
            remembered = remembered.Earlier;
        }

        return remembered;
    }

    private static IdempotencyRecord? FindDigest(IdempotencyRecord? remembered, UInt128 digest)
    {
        while (remembered is not null && remembered.Digest != digest)
        {
            remembered = remembered.Earlier;
        }

        return remembered;
    }
}
