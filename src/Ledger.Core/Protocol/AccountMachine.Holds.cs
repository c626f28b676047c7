namespace Ledger.Core;

/// <content>Holds: their expiry and extension.</content>
internal sealed partial class AccountMachine
{
    // ---------------------------------------------------------------- expiry and extension (R12)

    // What is due expires in the order of its time. The void is a transaction like any other, that nobody waits for.
    private void CheckDue(LedgerTime now)
    {
        // By the account's own time, as posts and voids are judged: nodes whose clocks are apart must not part them.
        var judged = JudgedAt(now);
        if (state.NextDeadline > judged)
        {
            return;
        }

        List<Hold>? due = null;
        List<Operation>? displaced = null;
        foreach (var hold in state.DueHolds(judged))
        {
            if (expiring + (due?.Count ?? 0) >= options.ExpiriesMax)
            {
                break;
            }

            if (IsPaused(hold, now))
            {
                continue;
            }

            if (claims is null || !(claims.ContainsKey(hold.Transfer.Id) || claims.ContainsKey(hold.ExpiryId)))
            {
                (due ??= []).Add(hold);
            }
            else if (claims.TryGetValue(hold.Transfer.Id, out var owner) && owner.Phase == Phase.Waiting && !owner.IsExpiry)
            {
                // It may be waiting for this very expiry.
                Unclaim(owner);
                (displaced ??= []).Add(owner);
                (due ??= []).Add(hold);
            }
        }

        foreach (var hold in due ?? [])
        {
            var transfer = new Transfer(
                hold.ExpiryId, hold.Transfer.DebitAccount, hold.Transfer.CreditAccount, Amount.Zero, hold.Transfer.Code)
            {
                Asset = hold.Transfer.Asset,
                Flags = TransferFlags.VoidPending | TransferFlags.Expiry,
                HoldId = hold.Transfer.Id,
            };
            var operation = new Operation(null, AskedBranch(transfer, Principals.Expiry));
            Claim(operation, IdsOf(operation.Asked!));
            Begin(operation, now);
        }

        foreach (var owner in displaced ?? [])
        {
            RouteAgain(owner.Waiters, now);
        }
    }

    // An expiry that met something in doubt pauses, ever longer, or it would try at every message.
    private bool IsPaused(Hold hold, LedgerTime now) =>
        expiryPauses is not null && expiryPauses.TryGetValue(hold.ExpiryId, out var pause)
        && !Backoff.IsDue(pause.Until, now, pause.Longest);

    private void Pause(TransferId expiry, LedgerTime now, TimeSpan longest)
    {
        var tries = expiryPauses is not null && expiryPauses.TryGetValue(expiry, out var before) ? before.Tries + 1 : 0;
        var pause = Backoff.Exponential(options.RetryAfter, longest, tries);
        (expiryPauses ??= [])[expiry] = (now.Add(pause), tries, longest);
        host.WakeAt(now.Add(pause));
    }

    private void Extend(ExtendHoldRequest call, Dictionary<TransferId, IdHistory?>? known, LedgerTime now)
    {
        var context = WithHold(
            new LegContext(0), new Transfer(default, default, default, default, 0) { HoldId = call.HoldId }, known, null);
        LedgerTime? deadline = context.HoldProblem == TransferStatus.None && context.Deadline < LedgerTime.MaxValue
            ? context.Deadline
            : null;
        var status = context.HoldProblem != TransferStatus.None ? context.HoldProblem
            : context.Pending!.DebitAccount != Address ? TransferStatus.PendingTransferHasDifferentDebitAccountId
            : context.Deadline <= JudgedAt(now) ? TransferStatus.PendingTransferExpired
            : call.HoldDeadline > LedgerLimits.HoldDeadlineMax ? TransferStatus.OverflowsTimeout
            : call.HoldDeadline == context.Deadline ? TransferStatus.Exists
            : TransferStatus.Created;
        var row = 0L;
        if (status == TransferStatus.Created)
        {
            deadline = call.HoldDeadline;
            row = rows.Append(
                new HoldExtended(call.HoldId, call.HoldDeadline, BookedAt(now)) { Principal = call.Principal }, urgent: true);
        }

        rows.SendWhenDurable(call.ReplyTo, new ExtendHoldResponse(status, deadline) { Position = RowPosition.Of(Address, row) });
    }
}
