namespace Ledger.Core;

/// <summary>The rows of other accounts that an account rests on and that are not known to be durable, in the order in
/// which it took them in (R8').</summary>
internal sealed class UndecidedRows
{
    private Queue<(long Number, WriteTicket Ticket)>? rows;
    private WriteTicket? newest;

    /// <summary>How many were taken in at all: the number of the newest.</summary>
    public long Count { get; private set; }

    /// <summary>Whether there are any, as last looked at.</summary>
    public bool HasAny => rows is { Count: > 0 };

    /// <summary>The oldest; only where there are any.</summary>
    public (long Number, WriteTicket Ticket) Oldest => rows!.Peek();

    /// <summary>Takes in what rests on a row (P2).</summary>
    /// <param name="ticket">The row.</param>
    /// <returns>Whether it may be taken in: not where the row has failed (G2).</returns>
    public bool TryAdd(WriteTicket ticket)
    {
        switch (ticket.Outcome)
        {
            case WriteOutcome.Durable:
                return true;
            case WriteOutcome.Failed:
                return false;
            default:
                break;
        }

        if (ticket != newest)
        {
            newest = ticket;
            (rows ??= []).Enqueue((++Count, ticket));
        }

        return true;
    }

    /// <summary>Looks which of the oldest are durable, and takes them off.</summary>
    /// <returns>Whether any are left.</returns>
    public bool ForgetDurable()
    {
        while (HasAny && Oldest.Ticket.Outcome == WriteOutcome.Durable)
        {
            rows!.Dequeue();
        }

        if (!HasAny)
        {
            newest = null;
        }

        return HasAny;
    }

    /// <summary>Takes off those up to a number: a row that rests on them is durable, so they are (P3).</summary>
    /// <param name="number">The number.</param>
    public void ForgetUpTo(long number)
    {
        while (HasAny && Oldest.Number <= number)
        {
            rows!.Dequeue();
        }
    }

    /// <summary>All that a row rests on which is handed over now; null for nothing.</summary>
    public WriteTicket[]? Take()
    {
        if (!ForgetDurable())
        {
            return null;
        }

        var tickets = new List<WriteTicket>(rows!.Count);
        foreach (var (_, ticket) in rows)
        {
            if (ticket.Outcome != WriteOutcome.Durable)
            {
                tickets.Add(ticket);
            }
        }

        return tickets.Count > 0 ? [.. tickets] : null;
    }
}
