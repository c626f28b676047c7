namespace Ledger.Core;

/// <summary>How much may be in doubt (R20): a transaction is not prepared where it would only add to what others have
/// left unanswered. What is merely under way, be it ever so much, is no reason: a busy account must not be refused for
/// being busy.</summary>
internal sealed class DoubtLimit(
    AccountAddress account, PreparedOrder prepared, OperationTable operations, AccountMachineOptions options)
{
    // What has been unanswered for long, as it was when it was last counted; null when nothing has.
    private Dictionary<AccountAddress, int>? unanswered;
    private bool isFull;
    private LedgerTime nextCount;

    // When the next transaction is let through nevertheless: to one account, or to any.
    private Dictionary<AccountAddress, LedgerTime>? probes;
    private LedgerTime nextProbe;

    /// <summary>Why a transaction is not prepared; null where it may be.</summary>
    /// <param name="branch">What would be prepared here.</param>
    /// <param name="now">The time.</param>
    public RequestFailure? Refuse(TransactionBranch branch, LedgerTime now)
    {
        CountUnanswered(now);
        if (unanswered is null)
        {
            return null;
        }

        IReadOnlyList<AccountAddress> others =
            branch.Coordinator == account ? branch.OtherAccounts() : [branch.Coordinator];
        if (others.Count > 0 && isFull && !IsProbe(ref nextProbe, now))
        {
            return RequestFailure.AccountInDoubt;
        }

        foreach (var other in others)
        {
            if (IsUnresponsive(other, unanswered, now))
            {
                return RequestFailure.CounterpartyUnavailable;
            }
        }

        return null;
    }

    private bool IsUnresponsive(AccountAddress other, Dictionary<AccountAddress, int> counts, LedgerTime now)
    {
        if (counts.GetValueOrDefault(other) < options.UnansweredMax)
        {
            return false;
        }

        var probe = (probes ??= []).GetValueOrDefault(other);
        var isProbe = IsProbe(ref probe, now);
        probes[other] = probe;
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
        isFull = false;
        if (prepared.Oldest is not { } oldest
            || operations.FindAttempt(oldest.Branch.Key) is not { Phase: PreparedPhase first }
            || !IsOverdue(first, now))
        {
            // The oldest is young.
            probes = null;
            return;
        }

        var count = 0;
        long bytes = 0;
        unanswered = [];
        foreach (var (_, phase) in operations.Attempts)
        {
            if (phase is Releasing || !IsOverdue(phase, now))
            {
                continue;
            }

            count++;
            bytes += phase.Size;
            foreach (var other in phase.WaitsFor)
            {
                unanswered[other] = unanswered.GetValueOrDefault(other) + 1;
            }
        }

        isFull = count >= options.DoubtMax || bytes >= options.DoubtBytesMax;
    }

    private bool IsOverdue(PreparedPhase phase, LedgerTime now) => now >= phase.Since.Add(options.OldDoubtAfter);
}
