namespace Ledger.Core;

/// <content>What an operator has aborted (R20).</content>
public sealed partial class AccountRuntime
{
    // The ordinary way: the last agent is asked to refuse, and what it answers is the outcome, whatever that is. Who
    // can read its journal in its place tells what is there.
    private void Resolve(ResolveInDoubtCall call, LedgerTime now)
    {
        if (FindPrepared(call.Id, call.Digest) is not { } work)
        {
            var record = call.Digest == UInt128.Zero ? null : FindRecord(call.Id, call.Digest);
            var known = record is null ? InDoubtState.NotInDoubt
                : record.Status == TransferStatus.Created ? InDoubtState.Committed
                : InDoubtState.Aborted;
            Hold(call.Caller, new ResolveInDoubtAnswer(known, Address));
            return;
        }

        var part = work.Part!;
        if (part.Anchor != Address)
        {
            Hold(call.Caller, new ResolveInDoubtAnswer(InDoubtState.Undecided, part.Anchor));
            return;
        }

        var row = state.FindInDoubt(part.Key)?.SequenceNr ?? 0;
        var lastAgent = work.Closer;
        var stands = work.Phase switch
        {
            Phase.Telling => InDoubtState.Committed,
            Phase.Releasing => InDoubtState.Aborted,
            _ => InDoubtState.Undecided,
        };
        if (stands == InDoubtState.Undecided)
        {
            // What is still to be voted on is of no interest any more: it ends here, or is committed already.
            work.Cancel = true;
            work.Verdict = call.Verdict;
            SetPhase(work, Phase.Closing);
            if (call.Found is { } found && found.Key == part.Key && found.Digest == part.Digest)
            {
                Closed(found, now);
                stands = found.Committed ? InDoubtState.Committed : InDoubtState.Aborted;
            }
            else
            {
                work.Resends = 0;
                SendClose(work, now);
            }
        }

        // A commit is booked here last: while one of the others has not acknowledged it, it is told again.
        IReadOnlyList<AccountAddress>? waitsFor = work.Phase == Phase.Telling
            ? [.. WaitsFor(work).Take(TransactionInDoubt.WithMax)]
            : null;
        Hold(call.Caller, new ResolveInDoubtAnswer(stands, Address)
        {
            WaitsFor = waitsFor,
            LastAgent = lastAgent,
            Part = stands == InDoubtState.Undecided ? part.SliceFor(lastAgent) : null,
            PreparedRow = row,
        });
    }

    private Work? FindPrepared(TransferId id, UInt128 digest)
    {
        if (attempts is null)
        {
            return null;
        }

        if (attempts.TryGetValue(id, out var exact))
        {
            return digest == UInt128.Zero || exact.Part!.Digest == digest ? exact : null;
        }

        foreach (var work in digest == UInt128.Zero ? attempts.Values.AsEnumerable() : [])
        {
            if (work.Part!.Id == id)
            {
                return work;
            }
        }

        return null;
    }
}
