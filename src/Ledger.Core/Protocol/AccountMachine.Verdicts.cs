namespace Ledger.Core;

/// <content>What an operator has aborted (R20).</content>
internal sealed partial class AccountMachine
{
    // The ordinary way: the last agent is asked to refuse, and what it answers is the outcome, whatever that is. Who
    // can read its journal in its place tells what is there.
    private void Resolve(ResolveInDoubtRequest call, LedgerTime now)
    {
        if (FindPrepared(call.Id, call.Digest) is not { } operation)
        {
            var record = call.Digest == UInt128.Zero ? null : FindRecord(call.Id, call.Digest);
            var known = record is null ? InDoubtState.NotInDoubt
                : record.Status == TransferStatus.Created ? InDoubtState.Committed
                : InDoubtState.Aborted;
            rows.SendWhenDurable(call.ReplyTo, new ResolveInDoubtResponse(known, Address));
            return;
        }

        var branch = operation.Branch!;
        if (branch.Coordinator != Address)
        {
            rows.SendWhenDurable(call.ReplyTo, new ResolveInDoubtResponse(InDoubtState.Undecided, branch.Coordinator));
            return;
        }

        var row = state.FindInDoubt(branch.Key)?.SequenceNr ?? 0;
        var lastAgent = operation.LastAgent;
        var stands = operation.Phase switch
        {
            OperationPhase.Notifying => InDoubtState.Committed,
            OperationPhase.Releasing => InDoubtState.Aborted,
            _ => InDoubtState.Undecided,
        };
        if (stands == InDoubtState.Undecided)
        {
            // What is still to be voted on is of no interest any more: it ends here, or is committed already.
            operation.Cancel = true;
            operation.Verdict = call.Verdict;
            operations.SetPhase(operation, OperationPhase.Committing);
            if (call.Found is { } found && found.Key == branch.Key && found.Digest == branch.Digest)
            {
                OnCommitResponse(found, now);
                stands = found.Committed ? InDoubtState.Committed : InDoubtState.Aborted;
            }
            else
            {
                operation.Resends = 0;
                SendCommit(operation, now);
            }
        }

        // A commit is booked here last: while one of the others has not acknowledged it, it is told again.
        IReadOnlyList<AccountAddress>? waitsFor = operation.Phase == OperationPhase.Notifying
            ? [.. operation.WaitsFor.Take(TransactionInDoubt.WithMax)]
            : null;
        rows.SendWhenDurable(call.ReplyTo, new ResolveInDoubtResponse(stands, Address)
        {
            WaitsFor = waitsFor,
            LastAgent = lastAgent,
            Branch = stands == InDoubtState.Undecided ? branch.SliceFor(lastAgent) : null,
            PreparedRow = row,
        });
    }

    private Operation? FindPrepared(TransferId id, UInt128 digest)
    {
        if (operations.FindAttempt(id) is { } exact)
        {
            return digest == UInt128.Zero || exact.Branch!.Digest == digest ? exact : null;
        }

        foreach (var operation in digest == UInt128.Zero ? operations.Attempts : [])
        {
            if (operation.Branch!.Id == id)
            {
                return operation;
            }
        }

        return null;
    }
}
