using System.Collections.Immutable;

namespace Ledger.Core;

/// <content>What callers are answered.</content>
internal sealed partial class AccountMachine
{
    // ---------------------------------------------------------------- answers

    // Whether the id of the request is decided, so that the record answers.
    private bool TryRespondKnown(Operation operation, LedgerTime now)
    {
        var asked = operation.Asked!;
        var remembered = state.Idempotency.Find(asked.Id);
        var found = FoundIn(operation.Known, asked.Id);
        if (remembered is null && found is null)
        {
            return false;
        }

        if (operation.IsExpiry)
        {
            if (remembered is { IsFinal: true })
            {
                Finish(operation, skipFirst: false, now);
                return true;
            }

            return false;
        }

        if (FindAsked(remembered, asked.Asked) is { } same && !(same.Details.NeedsContent && same.Status == TransferStatus.Created))
        {
            Respond(operation, same.Status == TransferStatus.Created
                ? Committed(asked with { Legs = [.. asked.Legs.Select(static leg => leg with { Amount = leg.Transfer!.Amount })] }, same.Time, replayed: true)
                : TransactionRejection.Of(
                    asked, same.Details.FailedLeg, same.Status, same.Time, same.Details.Seen, replayed: true));
            Finish(operation, skipFirst: operation.HasFirst, now);
            return true;
        }

        // What was once answered to this very request is answered for ever, but for a refusal that did not use the id
        // up when the id has been used since: as memory has it, what an id was used for outranks that.
        var used = found?.Records.FirstOrDefault(static record => record.IsFinal);
        if (found?.Records.FirstOrDefault(record => record.Status != TransferStatus.None && record.Branch.Asked == asked.Asked
            && (used is null || record == used)) is { } before)
        {
            Respond(operation, before.Status == TransferStatus.Created
                ? Again(asked, before)
                : TransactionRejection.Of(
                    asked, before.FailedLeg, before.Status, before.Time, before.Seen, replayed: true));
            Finish(operation, skipFirst: operation.HasFirst, now);
            return true;
        }

        foreach (var record in (found?.Records ?? []).Reverse())
        {
            if (record.Status == TransferStatus.None)
            {
                continue;
            }

            // What was rejected has no amounts to compare: only the very same request is the same.
            var difference = record.Branch.Asked == asked.Asked ? TransferStatus.Exists
                : record.Status == TransferStatus.Created ? Difference(record, asked, operation.Known)
                : TransferStatus.IdAlreadyFailed;
            if (difference == TransferStatus.Exists)
            {
                Respond(operation, record.Status == TransferStatus.Created
                    ? Again(asked, record)
                    : TransactionRejection.Of(
                        asked, record.FailedLeg, record.Status, record.Time, record.Seen, replayed: true));
                Finish(operation, skipFirst: operation.HasFirst, now);
                return true;
            }

            if (record.IsFinal)
            {
                Respond(operation, TransactionRejection.Of(
                    asked, 0, record.Status == TransferStatus.Created ? difference : TransferStatus.IdAlreadyFailed, default,
                    null, replayed: false));
                Finish(operation, skipFirst: operation.HasFirst, now);
                return true;
            }
        }

        if (remembered is { IsFinal: true })
        {
            if (remembered.Status == TransferStatus.Created)
            {
                if (remembered.SequenceNr <= operation.LookedUpTo)
                {
                    // To ask again would bring the same, for ever.
                    throw new LedgerInvariantException(
                        $"{Address}: row {remembered.SequenceNr} commits {asked.Id}, and was not found in the journal");
                }

                // Decided since the journal was asked: ask again, for the content.
                Begin(operation, now);
                return true;
            }

            Respond(operation, TransactionRejection.Of(
                asked, 0, TransferStatus.IdAlreadyFailed, default, null, replayed: false));
            Finish(operation, skipFirst: operation.HasFirst, now);
            return true;
        }

        return false;
    }

    private static TransferStatus Difference(IdHistoryEntry record, TransactionBranch asked, Dictionary<TransferId, IdHistory?>? known)
    {
        if (asked.IsAlone)
        {
            return CompareWith(record, asked.Legs[0].Transfer!, known);
        }

        // The id of a leg is no transaction's.
        if (record.Branch.Id != asked.Id || record.Branch.LegCount != asked.LegCount || record.Branch.Legs.Length != asked.Legs.Length)
        {
            return TransferStatus.ExistsWithDifferentTransfers;
        }

        for (var i = 0; i < asked.Legs.Length; i++)
        {
            var leg = asked.Legs[i];
            var there = record.Branch.Legs[i];
            if (leg.Transfer is null
                ? there.Opening != leg.Opening || there.IfMissing != leg.IfMissing
                : there.Transfer?.Id != leg.Transfer.Id
                    || TransferContent.Compare(there, leg.Transfer, HoldOf(record.Branch, leg.Transfer, known)) != TransferStatus.Exists)
            {
                return TransferStatus.ExistsWithDifferentTransfers;
            }
        }

        return TransferStatus.Exists;
    }

    private static TransferStatus CompareWith(IdHistoryEntry record, Transfer asked, Dictionary<TransferId, IdHistory?>? known) =>
        (record.Leg ?? (record.Branch.IsAlone ? record.Branch.Legs[0] : null)) is { Transfer: not null } leg
            ? TransferContent.Compare(leg, asked, HoldOf(record.Branch, asked, known))
            : TransferStatus.ExistsWithDifferentTransfers;

    // The transfer that made a hold, with what its resolutions may leave to it; null where nothing is known of it. A
    // live hold is kept without that, and looked up where it counts, see LookupFor.
    private static Transfer? HoldOf(TransactionBranch branch, Transfer resolution, Dictionary<TransferId, IdHistory?>? known) =>
        !resolution.ResolvesHold ? null
        : HoldIn(branch, resolution.HoldId)
            ?? (FoundIn(known, resolution.HoldId)?.Last is { } record
                ? (record.Leg ?? (record.Branch.IsAlone ? record.Branch.Legs[0] : null))?.Transfer
                : null);

    private static Transfer? HoldIn(TransactionBranch branch, TransferId hold)
    {
        foreach (var leg in branch.Legs)
        {
            if (leg.IsHold && leg.Transfer!.Id == hold)
            {
                return leg.Transfer;
            }
        }

        return null;
    }

    private IdempotencyRecord? FindRecord(TransferId key, UInt128 digest, Dictionary<TransferId, IdHistory?>? known = null)
    {
        if (FindDigest(state.Idempotency.Find(key), digest) is { } remembered)
        {
            return remembered;
        }

        foreach (var record in FoundIn(known, key)?.Records ?? [])
        {
            if (record.Branch.Digest == digest)
            {
                return new IdempotencyRecord(digest, record.Status, record.Time, record.SequenceNr, new IdempotencyDetails
                {
                    FailedLeg = record.FailedLeg, Seen = record.Seen,
                });
            }
        }

        return null;
    }

    private static IdHistory? FoundIn(Dictionary<TransferId, IdHistory?>? known, TransferId id) => known?.GetValueOrDefault(id);

    private TransferRecord? RecordOf(TransferId id, Dictionary<TransferId, IdHistory?>? known)
    {
        if (state.FindHold(id) is { } live)
        {
            return RecordOf(live);
        }

        if (FoundIn(known, id) is not { Last: { } record } found
            || (record.Leg ?? (record.Branch.IsAlone ? record.Branch.Legs[0] : null)) is not { Transfer: { } transfer } leg
            || record.Status == TransferStatus.None)
        {
            return null;
        }

        var remembered = state.Idempotency.Find(id)?.Details.Hold ?? HoldState.None;
        var committed = record.Status == TransferStatus.Created;
        if (committed && transfer.ResolvesHold && HoldIn(record.Branch, transfer.HoldId) is { } hold)
        {
            transfer = transfer.WithTextOf(hold.Reference, hold.Metadata);
        }

        return new TransferRecord(transfer, record.Status, record.Time, record.Seen)
        {
            HoldRow = leg.HoldRow,
            Amount = committed ? leg.Amount : Amount.Zero,
            TransactionId = record.Branch.Id,
            Hold = !leg.IsHold || !committed ? HoldState.None : remembered != HoldState.None ? remembered : found.Hold,
            Principal = record.Branch.Principal,
        };
    }

    internal static TransferRecord RecordOf(Hold live) => new(live.Transfer, TransferStatus.Created, live.Time, null)
    {
        HoldRow = live.TextRow,
        Amount = live.Amount,
        TransactionId = live.TransactionId,
        Hold = HoldState.Live,
        HoldRemaining = live.Remaining,
        HoldDeadline = live.Deadline < LedgerTime.MaxValue ? live.Deadline : null,
        Principal = live.Principal,
    };

    private TransactionRecord? TransactionOf(TransferId id, Dictionary<TransferId, IdHistory?>? known)
    {
        if (FoundIn(known, id) is not { Last: { } record } || record.Branch.Id != id || record.Branch.Coordinator != Address
            || record.Status == TransferStatus.None)
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
            HoldRows = branch.Legs.Any(static leg => leg.HoldRow != 0) ? [.. branch.Legs.Select(static leg => leg.HoldRow)] : [],
            Principal = branch.Principal,
        };
    }

    // What was done is asked for again: a whole transaction, or one leg of it alone, with what that one moved.
    private static TransactionResult Again(TransactionBranch asked, IdHistoryEntry record) => asked.IsAlone && record.Leg is { } leg
        ? Committed(record.Branch with { Id = asked.Id, Legs = [leg] }, record.Time, replayed: true)
        : Committed(record.Branch, record.Time, replayed: true);

    private static TransactionResult Committed(
        TransactionBranch branch, LedgerTime time, bool replayed, RowPosition position = default) => new(
        branch.Id, replayed ? TransferStatus.Exists : TransferStatus.Created, -1, time, replayed, null,
        [.. branch.Legs.Select(static leg => leg.Transfer is null
            ? new LegResult(TransferStatus.None, AccountStatus.Created, Amount.Zero)
            : new LegResult(TransferStatus.Created, AccountStatus.None, leg.Amount))])
    {
        Position = position,
    };

    private void Respond(Operation operation, TransactionResult result)
    {
        if (operation.HasFirst && operation.Waiters[0] is AccountRequest call)
        {
            rows.SendWhenDurable(call.ReplyTo, RespondTo(call, result));
        }
    }

    // With the part: the accounts of its leg right after it.
    private static AccountResponse RespondTo(AccountRequest call, TransactionResult result, TransactionBranch? branch = null) =>
        call is PostTransferRequest post
        ? new PostTransferResponse(new TransferResult(
            post.Transfer.Id, result.Status, result.Time, result.Replayed, result.BalanceSeen)
        {
            Amount = result.Legs.Length > 0 ? result.Legs[0].Amount : Amount.Zero,
            Position = result.Position,
            DebitAfter = branch is null ? null : result.AfterOf(branch.Legs[0].Transfer!.DebitAccount),
            CreditAfter = branch is null ? null : result.AfterOf(branch.Legs[0].Transfer!.CreditAccount),
        })
        : new PostTransactionResponse(result);
}
