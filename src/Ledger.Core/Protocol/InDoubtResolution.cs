namespace Ledger.Core;

/// <summary>What an operator has aborted (R20). The ordinary way: the last agent is asked to refuse, and what it
/// answers is the outcome, whatever that is. Who can read its journal in its place tells what is there.</summary>
internal readonly struct InDoubtResolution(AccountParts account)
{
    /// <summary>Has a transaction aborted that is in doubt, and says how it stands.</summary>
    /// <param name="call">The request.</param>
    /// <param name="now">The time.</param>
    public void Resolve(ResolveInDoubtRequest call, LedgerTime now)
    {
        if (FindPrepared(call.Id, call.Digest) is not var (operation, phase))
        {
            var record = call.Digest == UInt128.Zero
                ? null
                : account.Resolver.FindRecord(call.Id, call.Digest, default);
            var known = record is null ? InDoubtState.NotInDoubt
                : record.Status == TransferStatus.Created ? InDoubtState.Committed
                : InDoubtState.Aborted;
            account.Rows.SendWhenDurable(call.ReplyTo, new ResolveInDoubtResponse(known, account.State.Address));
            return;
        }

        var branch = phase.Branch;
        if (branch.Coordinator != account.State.Address)
        {
            account.Rows.SendWhenDurable(
                call.ReplyTo, new ResolveInDoubtResponse(InDoubtState.Undecided, branch.Coordinator));
            return;
        }

        var row = account.State.FindInDoubt(branch.Key)?.SequenceNr ?? 0;
        var stands = phase switch
        {
            Notifying => InDoubtState.Committed,
            Releasing => InDoubtState.Aborted,
            _ => Cancel(call, operation, phase, now),
        };

        // A commit is booked here last: while one of the others has not acknowledged it, it is told again.
        IReadOnlyList<AccountAddress>? waitsFor = operation.Phase is Notifying notifying
            ? [.. notifying.WaitsFor.Take(TransactionInDoubt.WithMax)]
            : null;
        account.Rows.SendWhenDurable(call.ReplyTo, new ResolveInDoubtResponse(stands, account.State.Address)
        {
            WaitsFor = waitsFor,
            LastAgent = phase.LastAgent,
            Branch = stands == InDoubtState.Undecided ? branch.SliceFor(phase.LastAgent) : null,
            PreparedRow = row,
        });
    }

    // What is still to be voted on is of no interest any more: it ends here, or is committed already.
    private InDoubtState Cancel(ResolveInDoubtRequest call, Operation operation, PreparedPhase phase, LedgerTime now)
    {
        var branch = phase.Branch;
        var committing = new Committing(phase, call.Verdict);
        account.Operations.SetPhase(operation, committing);
        if (call.Found is { } found && found.Key == branch.Key && found.Digest == branch.Digest)
        {
            account.Protocol.OnCommitResponse(found, now);
            return found.Committed ? InDoubtState.Committed : InDoubtState.Aborted;
        }

        operation.Resends = 0;
        account.Protocol.SendCommit(operation, committing, now);
        return InDoubtState.Undecided;
    }

    private (Operation Operation, PreparedPhase Phase)? FindPrepared(TransferId id, UInt128 digest)
    {
        if (account.Operations.FindAttempt(id) is { Phase: PreparedPhase exact } attempt)
        {
            return digest == UInt128.Zero || exact.Branch.Digest == digest ? (attempt, exact) : null;
        }

        foreach (var one in digest == UInt128.Zero ? account.Operations.Attempts : [])
        {
            if (one.Phase.Branch.Id == id)
            {
                return one;
            }
        }

        return null;
    }
}
