namespace Ledger.Core;

/// <content>How much may be in doubt (R20).</content>
internal sealed partial class AccountMachine
{
    // What has been unanswered for long, as it was when it was last counted; null when nothing has.
    private Dictionary<AccountAddress, int>? unanswered;
    private bool isFullOfDoubt;
    private LedgerTime nextCount;

    // When the next transaction is let through nevertheless: to one account, or to any.
    private Dictionary<AccountAddress, LedgerTime>? probes;
    private LedgerTime nextProbe;

    // Doubt that is as old as this may be what a client was told the end of, or will not end soon.
    private LedgerTime OldUpTo(LedgerTime at) =>
        new(BookedAt(at).UnixMicroseconds - (options.OldDoubtAfter.Ticks / TimeSpan.TicksPerMicrosecond));

    // Nothing waits any longer: who asked learns why, and has used no id.
    private void GiveUp(Operation operation, RequestFailure reason, LedgerTime now)
    {
        if (operation.HasFirst)
        {
            rows.SendWhenDurable(((AccountRequest)operation.Waiters[0]).ReplyTo, new RequestFailed(reason));
        }

        Finish(operation, skipFirst: operation.HasFirst, now);
    }

    // Why a transaction is not prepared: it would only add to what others have left unanswered. What is merely under
    // way, be it ever so much, is no reason: a busy account must not be refused for being busy.
    private RequestFailure? RefusedForDoubt(TransactionBranch branch, LedgerTime now)
    {
        CountUnanswered(now);
        if (unanswered is null)
        {
            return null;
        }

        IReadOnlyList<AccountAddress> others = branch.Coordinator == Address ? branch.OtherAccounts() : [branch.Coordinator];
        if (others.Count > 0 && isFullOfDoubt && !IsProbe(ref nextProbe, now))
        {
            return RequestFailure.AccountInDoubt;
        }

        foreach (var other in others)
        {
            if (IsUnresponsive(other, now))
            {
                return RequestFailure.CounterpartyUnavailable;
            }
        }

        return null;
    }

    private bool IsUnresponsive(AccountAddress account, LedgerTime now)
    {
        if (unanswered!.GetValueOrDefault(account) < options.UnansweredMax)
        {
            return false;
        }

        var probe = (probes ??= []).GetValueOrDefault(account);
        var isProbe = IsProbe(ref probe, now);
        probes[account] = probe;
        return !isProbe;
    }

    private bool IsProbe(ref LedgerTime next, LedgerTime now)
    {
        if (!Backoff.IsDue(next, now, options.ProbeEvery))
        {
            return false;
        }

        next = now.Add(options.ProbeEvery);
        return true;
    }

    // Now and then: on the way of a transfer it costs a comparison.
    private void CountUnanswered(LedgerTime now)
    {
        if (!Backoff.IsDue(nextCount, now, options.CountDoubtEvery))
        {
            return;
        }

        nextCount = now.Add(options.CountDoubtEvery);
        unanswered = null;
        isFullOfDoubt = false;
        if (prepared.Oldest is not { } oldest || !IsUnanswered(oldest.Branch.Key, now))
        {
            // The oldest is young.
            probes = null;
            return;
        }

        var count = 0;
        long bytes = 0;
        unanswered = [];
        foreach (var operation in attempts!.Values)
        {
            if (operation.Phase == Phase.Releasing || !IsOverdue(operation, now))
            {
                continue;
            }

            count++;
            bytes += operation.Size;
            foreach (var account in WaitsFor(operation))
            {
                unanswered[account] = unanswered.GetValueOrDefault(account) + 1;
            }
        }

        isFullOfDoubt = count >= options.DoubtMax || bytes >= options.DoubtBytesMax;
    }

    private bool IsUnanswered(TransferId key, LedgerTime now) =>
        attempts is not null && attempts.TryGetValue(key, out var operation) && IsOverdue(operation, now);

    private bool IsOverdue(Operation operation, LedgerTime now) => now >= operation.Since.Add(options.OldDoubtAfter);

    // Whose answer is missing.
    private static IEnumerable<AccountAddress> WaitsFor(Operation operation) => operation.Phase switch
    {
        Phase.Reserved => [operation.Branch!.Coordinator],
        Phase.Voting => operation.Participants.Where(one => !operation.Votes!.ContainsKey(one)),
        Phase.Notifying => operation.Participants.Where(one => !operation.Acks!.Contains(one)),
        _ => [operation.LastAgent],
    };
}
