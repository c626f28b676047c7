using System.Collections.Immutable;

namespace Ledger.Core;

/// <content>What callers are answered.</content>
public sealed partial class AccountRuntime
{
    // ---------------------------------------------------------------- answers

    // Whether the id of the request is decided, so that the record answers.
    private bool TryAnswerKnown(Work work, LedgerTime now)
    {
        var asked = work.Asked!;
        var remembered = state.Remembered.Find(asked.Id);
        var found = FoundIn(work.Known, asked.Id);
        if (remembered is null && found is null)
        {
            return false;
        }

        if (work.IsExpiry)
        {
            if (remembered is { IsFinal: true })
            {
                Finish(work, skipFirst: false, now);
                return true;
            }

            return false;
        }

        if (FindAsked(remembered, asked.Asked) is { } same && !(same.Details.NeedsContent && same.Status == TransferStatus.Created))
        {
            Answer(work, same.Status == TransferStatus.Created
                ? Committed(asked with { Legs = [.. asked.Legs.Select(static leg => leg with { Amount = leg.Transfer!.Amount })] }, same.Time, replayed: true)
                : Rejected(asked, same.Details.FailedLeg, same.Status, same.Time, same.Details.Seen, replayed: true));
            Finish(work, skipFirst: work.HasFirst, now);
            return true;
        }

        // What was once answered to this very request is answered for ever, but for a refusal that did not use the id up when
        // the id has been used since: as memory has it, what an id was used for outranks that.
        var used = found?.Records.FirstOrDefault(static record => record.IsFinal);
        if (found?.Records.FirstOrDefault(record => record.Status != TransferStatus.None && record.Part.Asked == asked.Asked
            && (used is null || record == used)) is { } before)
        {
            Answer(work, before.Status == TransferStatus.Created
                ? Again(asked, before)
                : Rejected(asked, before.FailedLeg, before.Status, before.Time, before.Seen, replayed: true));
            Finish(work, skipFirst: work.HasFirst, now);
            return true;
        }

        foreach (var record in (found?.Records ?? []).Reverse())
        {
            if (record.Status == TransferStatus.None)
            {
                continue;
            }

            // What was rejected has no amounts to compare: only the very same request is the same.
            var difference = record.Part.Asked == asked.Asked ? TransferStatus.Exists
                : record.Status == TransferStatus.Created ? Difference(record, asked, work.Known)
                : TransferStatus.IdAlreadyFailed;
            if (difference == TransferStatus.Exists)
            {
                Answer(work, record.Status == TransferStatus.Created
                    ? Again(asked, record)
                    : Rejected(asked, record.FailedLeg, record.Status, record.Time, record.Seen, replayed: true));
                Finish(work, skipFirst: work.HasFirst, now);
                return true;
            }

            if (record.IsFinal)
            {
                Answer(work, Rejected(
                    asked, 0, record.Status == TransferStatus.Created ? difference : TransferStatus.IdAlreadyFailed, default,
                    null, replayed: false));
                Finish(work, skipFirst: work.HasFirst, now);
                return true;
            }
        }

        if (remembered is { IsFinal: true })
        {
            if (remembered.Status == TransferStatus.Created)
            {
                if (remembered.SequenceNr <= work.LookedUpTo)
                {
                    // To ask again would bring the same, for ever.
                    throw new LedgerInvariantException(
                        $"{Address}: row {remembered.SequenceNr} commits {asked.Id}, and was not found in the journal");
                }

                // Decided since the journal was asked: ask again, for the content.
                Begin(work, now);
                return true;
            }

            Answer(work, Rejected(asked, 0, TransferStatus.IdAlreadyFailed, default, null, replayed: false));
            Finish(work, skipFirst: work.HasFirst, now);
            return true;
        }

        return false;
    }

    private static TransferStatus Difference(IdRecord record, TransactionPart asked, Dictionary<TransferId, IdFound?>? known)
    {
        if (asked.IsAlone)
        {
            return CompareWith(record, asked.Legs[0].Transfer!, known);
        }

        // The id of a leg is no transaction's.
        if (record.Part.Id != asked.Id || record.Part.LegCount != asked.LegCount || record.Part.Legs.Length != asked.Legs.Length)
        {
            return TransferStatus.ExistsWithDifferentTransfers;
        }

        for (var i = 0; i < asked.Legs.Length; i++)
        {
            var leg = asked.Legs[i];
            var there = record.Part.Legs[i];
            if (leg.Transfer is null
                ? there.Opening != leg.Opening || there.IfMissing != leg.IfMissing
                : there.Transfer?.Id != leg.Transfer.Id
                    || TransferContent.Compare(there, leg.Transfer, HoldOf(record.Part, leg.Transfer, known)) != TransferStatus.Exists)
            {
                return TransferStatus.ExistsWithDifferentTransfers;
            }
        }

        return TransferStatus.Exists;
    }

    private static TransferStatus CompareWith(IdRecord record, Transfer asked, Dictionary<TransferId, IdFound?>? known) =>
        (record.Leg ?? (record.Part.IsAlone ? record.Part.Legs[0] : null)) is { Transfer: not null } leg
            ? TransferContent.Compare(leg, asked, HoldOf(record.Part, asked, known))
            : TransferStatus.ExistsWithDifferentTransfers;

    // The transfer that made a hold, with what its resolutions may leave to it; null where nothing is known of it. A live hold is
    // kept without that, and looked up where it counts, see LookupFor.
    private static Transfer? HoldOf(TransactionPart part, Transfer resolution, Dictionary<TransferId, IdFound?>? known) =>
        !resolution.ResolvesHold ? null
        : HoldIn(part, resolution.PendingId)
            ?? (FoundIn(known, resolution.PendingId)?.Last is { } record
                ? (record.Leg ?? (record.Part.IsAlone ? record.Part.Legs[0] : null))?.Transfer
                : null);

    private static Transfer? HoldIn(TransactionPart part, TransferId hold)
    {
        foreach (var leg in part.Legs)
        {
            if (leg.IsHold && leg.Transfer!.Id == hold)
            {
                return leg.Transfer;
            }
        }

        return null;
    }

    private RememberedId? FindRecord(TransferId key, UInt128 digest, Dictionary<TransferId, IdFound?>? known = null)
    {
        if (FindDigest(state.Remembered.Find(key), digest) is { } remembered)
        {
            return remembered;
        }

        foreach (var record in FoundIn(known, key)?.Records ?? [])
        {
            if (record.Part.Digest == digest)
            {
                return new RememberedId(digest, record.Status, record.Time, record.SequenceNr, new RememberedDetails
                {
                    FailedLeg = record.FailedLeg, Seen = record.Seen,
                });
            }
        }

        return null;
    }

    private static IdFound? FoundIn(Dictionary<TransferId, IdFound?>? known, TransferId id) => known?.GetValueOrDefault(id);

    private TransferRecord? RecordOf(TransferId id, Dictionary<TransferId, IdFound?>? known)
    {
        if (state.FindHold(id) is { } live)
        {
            return new TransferRecord(live.Transfer, TransferStatus.Created, live.Time, null)
            {
                HoldRow = live.TextRow,
                Amount = live.Amount,
                TransactionId = live.TransactionId,
                Hold = HoldState.Live,
                HoldRemaining = live.Remaining,
                HoldDeadline = live.Deadline < LedgerTime.MaxValue ? live.Deadline : null,
                Principal = live.Principal,
            };
        }

        if (FoundIn(known, id) is not { Last: { } record } found
            || (record.Leg ?? (record.Part.IsAlone ? record.Part.Legs[0] : null)) is not { Transfer: { } transfer } leg
            || record.Status == TransferStatus.None)
        {
            return null;
        }

        var remembered = state.Remembered.Find(id)?.Details.Hold ?? HoldState.None;
        var committed = record.Status == TransferStatus.Created;
        if (committed && transfer.ResolvesHold && HoldIn(record.Part, transfer.PendingId) is { } hold)
        {
            transfer = transfer.WithTextOf(hold.Reference, hold.Metadata);
        }

        return new TransferRecord(transfer, record.Status, record.Time, record.Seen)
        {
            HoldRow = leg.HoldRow,
            Amount = committed ? leg.Amount : Amount.Zero,
            TransactionId = record.Part.Id,
            Hold = !leg.IsHold || !committed ? HoldState.None : remembered != HoldState.None ? remembered : found.Hold,
            Principal = record.Part.Principal,
        };
    }

    private TransactionRecord? TransactionOf(TransferId id, Dictionary<TransferId, IdFound?>? known)
    {
        if (FoundIn(known, id) is not { Last: { } record } || record.Part.Id != id || record.Part.Anchor != Address
            || record.Status == TransferStatus.None)
        {
            return null;
        }

        var part = record.Part;
        return new TransactionRecord(
            new Transaction(id, [.. part.Legs.Select(static leg => leg.Transfer is { } transfer
                ? TransactionLeg.Of(transfer)
                : TransactionLeg.Open(leg.Opening!, leg.IfMissing))]),
            record.Status == TransferStatus.Created
                ? Committed(part, record.Time, replayed: false)
                : Rejected(part, record.FailedLeg, record.Status, record.Time, record.Seen, replayed: false))
        {
            HoldRows = part.Legs.Any(static leg => leg.HoldRow != 0) ? [.. part.Legs.Select(static leg => leg.HoldRow)] : [],
            Principal = part.Principal,
        };
    }

    // What was done is asked for again: a whole transaction, or one leg of it alone, with what that one moved.
    private static TransactionResult Again(TransactionPart asked, IdRecord record) => asked.IsAlone && record.Leg is { } leg
        ? Committed(record.Part with { Id = asked.Id, Legs = [leg] }, record.Time, replayed: true)
        : Committed(record.Part, record.Time, replayed: true);

    private static TransactionResult Committed(
        TransactionPart part, LedgerTime time, bool replayed, RowPosition position = default) => new(
        part.Id, replayed ? TransferStatus.Exists : TransferStatus.Created, -1, time, replayed, null,
        [.. part.Legs.Select(static leg => leg.Transfer is null
            ? new LegResult(TransferStatus.None, AccountStatus.Created, Amount.Zero)
            : new LegResult(TransferStatus.Created, AccountStatus.None, leg.Amount))])
    {
        Position = position,
    };

    private static TransactionResult Rejected(
        TransactionPart part, int failedLeg, TransferStatus reason, LedgerTime time, Balances? seen, bool replayed,
        RowPosition position = default)
    {
        var legs = ImmutableArray.CreateBuilder<LegResult>(part.Legs.Length);
        var status = reason;
        foreach (var leg in part.Legs)
        {
            var failed = leg.Index == failedLeg;
            if (leg.Transfer is not null)
            {
                legs.Add(new LegResult(failed ? reason : TransferStatus.LinkedEventFailed, AccountStatus.None, Amount.Zero));
            }
            else
            {
                legs.Add(new LegResult(
                    TransferStatus.None, failed ? (AccountStatus)(int)reason : AccountStatus.LinkedEventFailed, Amount.Zero));
                status = failed ? TransferStatus.LinkedEventFailed : status;
            }
        }

        return new TransactionResult(part.Id, status, failedLeg, time, replayed, seen, legs.MoveToImmutable())
        {
            Position = position,
        };
    }

    private void Answer(Work work, TransactionResult result)
    {
        if (work.HasFirst && work.Waiters[0] is AccountCall call)
        {
            Hold(call.Caller, AnswerTo(call, result));
        }
    }

    // With the part: the accounts of its leg right after it.
    private static AccountAnswerBase AnswerTo(AccountCall call, TransactionResult result, TransactionPart? part = null) =>
        call is PostTransferCall post
        ? new TransferAnswer(new TransferResult(
            post.Transfer.Id, result.Status, result.Time, result.Replayed, result.BalanceSeen)
        {
            Amount = result.Legs.Length > 0 ? result.Legs[0].Amount : Amount.Zero,
            Position = result.Position,
            DebitAfter = part is null ? null : result.AfterOf(part.Legs[0].Transfer!.DebitAccount),
            CreditAfter = part is null ? null : result.AfterOf(part.Legs[0].Transfer!.CreditAccount),
        })
        : new TransactionAnswer(result);
}
