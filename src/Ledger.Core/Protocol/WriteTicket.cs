namespace Ledger.Core;

/// <summary>A row on its way into the journal, as other accounts of the same node see it that were told of it before it
/// was durable (R8', G1). Thread-safe.</summary>
/// <remarks>
/// <para>It is decided once. Only the writer says that a row is durable, and only after the database has. Whoever sees
/// the row end in another way says that it failed, which means no more than "not known to be durable": a mistake in
/// that direction costs a retry.</para>
/// <para>A message carries the ticket of the last row of its sender that it has seen, and no other: that row rests on
/// everything else that the sender had taken in.</para>
/// </remarks>
internal sealed class WriteTicket
{
    private int outcome;
    private int followers;
    private long group;
    private WriteTicket[]? restsOn;
    private Action? decided;

    /// <summary>Called when the last follower has come, or will not come.</summary>
    public Action? AllCame { get; set; }

    /// <summary>What is known of the row.</summary>
    public WriteOutcome Outcome => (WriteOutcome)Volatile.Read(ref outcome);

    /// <summary>Whether messages are under way that were sent because of the row: the accounts that they go to may have
    /// rows of their own to share its transaction (G10).</summary>
    public bool HasFollowers => Volatile.Read(ref followers) > 0;

    /// <summary>The rows of other accounts that the row rests on, as they were when it was handed over; empty when it
    /// is decided.</summary>
    public IReadOnlyList<WriteTicket> RestsOn => Volatile.Read(ref restsOn) ?? [];

    /// <summary>Sets what the row rests on, before it is handed over.</summary>
    /// <param name="tickets">The tickets; null for none.</param>
    public void RestOn(WriteTicket[]? tickets) => Volatile.Write(ref restsOn, tickets);

    /// <summary>Says that the database has acknowledged the row.</summary>
    /// <returns>Whether it was not decided before.</returns>
    public bool TryMakeDurable() => TryDecide(WriteOutcome.Durable);

    /// <summary>Says that the row is not known to be durable, and perhaps never will be.</summary>
    /// <returns>Whether it was not decided before.</returns>
    public bool TryFail() => TryDecide(WriteOutcome.Failed);

    /// <summary>Has something called when the row is decided, at once if it is. On any thread.</summary>
    /// <param name="then">What.</param>
    public void WhenDecided(Action then)
    {
        lock (this)
        {
            if (Outcome == WriteOutcome.Pending)
            {
                decided += then;
                return;
            }
        }

        then();
    }

    /// <summary>A message is about to be sent because of the row.</summary>
    public void Follow() => Interlocked.Increment(ref followers);

    /// <summary>Such a message has led to a row that is with the writer now, or to none.</summary>
    public void EndFollowing()
    {
        if (Interlocked.Decrement(ref followers) == 0)
        {
            AllCame?.Invoke();
        }
    }

    /// <summary>Whether the row may be sent in a transaction (G2, G3, G4).</summary>
    /// <param name="transaction">The number of the transaction, which is no other's.</param>
    /// <param name="awaited">What it waits for.</param>
    public WriteAdmission AdmitTo(long transaction, out WriteTicket? awaited)
    {
        awaited = null;

        // Decided by whoever gave it up: nobody may be told later that it is durable, and what it rested on is
        // forgotten.
        if (Outcome != WriteOutcome.Pending)
        {
            return WriteAdmission.Fails;
        }

        foreach (var ticket in RestsOn)
        {
            switch (ticket.Outcome)
            {
                case WriteOutcome.Failed:
                    return WriteAdmission.Fails;
                case WriteOutcome.Pending when Volatile.Read(ref ticket.group) != transaction:
                    awaited = ticket;
                    break;
                default:
                    break;
            }
        }

        if (awaited is not null)
        {
            return WriteAdmission.Waits;
        }

        Volatile.Write(ref group, transaction);

        // Given up meanwhile, so that the list above may have been empty for that.
        return Outcome == WriteOutcome.Pending ? WriteAdmission.Taken : WriteAdmission.Fails;
    }

    private bool TryDecide(WriteOutcome what)
    {
        Action? then;
        lock (this)
        {
            if (Outcome != WriteOutcome.Pending)
            {
                return false;
            }

            Volatile.Write(ref outcome, (int)what);
            then = decided;
            decided = null;

            // Or the tickets of all times would hang together.
            Volatile.Write(ref restsOn, null);
        }

        then?.Invoke();
        return true;
    }
}
