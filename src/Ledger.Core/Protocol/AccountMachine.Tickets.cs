namespace Ledger.Core;

/// <content>Requests that leave before their row is durable, and what rests on them (R8').</content>
/// <remarks>
/// <para>All accounts of a node write through one writer, which knows the order of its rows. So a request to prepare or
/// to commit may go to an account of the same node as soon as the row that it follows from is handed over, with the
/// ticket of that row. Whoever takes it in rests on that row: its own next row goes into the same transaction of the
/// database or into a later one, and fails if that one fails; and nothing else leaves it before the ticket is durable,
/// neither a vote, an answer nor a read. So a transfer between two accounts of a node costs one transaction.</para>
/// <para>Why it is safe. P1: a request leaves only when all rows that it has seen are handed over. P2: what an
/// incarnation has taken in, be it only into memory, its later rows rest on. P3: the writer sends a row in the
/// transaction of every row that it rests on, or after it was acknowledged. P4: an incarnation that rests on a row
/// which failed ends. By P1 the rows rest on each other in the order in which they were handed over, so there is no
/// circle. By P3 whatever is durable rests on durable rows alone. So what the journal holds, and what was said to
/// anybody but an account of the same node, is what R8 would have left if the incarnations that ended had crashed and
/// their requests had been lost.</para>
/// </remarks>
internal sealed partial class AccountMachine
{
    // Rows of other accounts that are not known to be durable, in the order in which they were taken in.
    private Queue<(long Number, WriteTicket Ticket)>? restsOn;
    private long restsOnCount;
    private WriteTicket? newestTicket;

    // What waits for those up to a number, and for a row of this account.
    private Queue<(long UpTo, long Row, OutboundMessage Outgoing)>? resting;
    private WriteTicket? watched;

    private bool IsResting => restsOn is { Count: > 0 };

    /// <summary>What this account waited for is decided, and no row of its own tells (see
    /// <see cref="IAccountHost.Watch"/>).</summary>
    /// <returns>Whether the account may go on. If not, it rests on what is not known to be durable, and must end
    /// (<see cref="Fail"/>), whether it has written anything or not (G6).</returns>
    public bool TicketDecided()
    {
        watched = null;
        ForgetDurable();
        if (IsResting && restsOn!.Peek().Ticket.Outcome == WriteOutcome.Failed)
        {
            return false;
        }

        LetRestingGo();
        WatchTickets();
        return true;
    }

    // P2. Whether the message may be taken in.
    private bool RestOn(WriteTicket ticket)
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

        if (ticket != newestTicket)
        {
            newestTicket = ticket;
            (restsOn ??= []).Enqueue((++restsOnCount, ticket));
        }

        return true;
    }

    // The row is complete: nothing that it has seen may be missing from its ticket, and what only asks leaves.
    private void HandOver(EventBatch row)
    {
        var pending = UndecidedOrFailed();
        row.RestsOnUpTo = restsOnCount;
        if (pending is not null)
        {
            row.Ticket = new WriteTicket();
            row.Ticket.RestOn(pending);
        }

        if (options.SendsAhead && row.Outbox is { } held)
        {
            SendAhead(row, held);
        }

        host.Write(row);
    }

    private void SendAhead(EventBatch row, List<OutboundMessage> held)
    {
        var kept = 0;
        for (var i = 0; i < held.Count; i++)
        {
            if (!MayLeaveAhead(held[i].Message) || !host.SendAhead(held[i].To, held[i].Message!, row.Ticket ??= new WriteTicket()))
            {
                held[kept++] = held[i];
            }
        }

        held.RemoveRange(kept, held.Count - kept);
    }

    // What only asks: whoever is asked answers when it is durable, and so do votes, refusals and outcomes wait.
    private static bool MayLeaveAhead(AccountMessage? message) => message is CommitRequest or PrepareRequest;

    private WriteTicket[]? UndecidedOrFailed()
    {
        ForgetDurable();
        if (!IsResting)
        {
            return null;
        }

        var tickets = new List<WriteTicket>(restsOn!.Count);
        foreach (var (_, ticket) in restsOn)
        {
            if (ticket.Outcome != WriteOutcome.Durable)
            {
                tickets.Add(ticket);
            }
        }

        return tickets.Count > 0 ? [.. tickets] : null;
    }

    private void ForgetDurable()
    {
        while (IsResting && restsOn!.Peek().Ticket.Outcome == WriteOutcome.Durable)
        {
            restsOn.Dequeue();
        }

        if (!IsResting)
        {
            newestTicket = null;
        }
    }

    // P3: where the row is durable, so is everything that it rests on.
    private void ForgetTicketsOf(EventBatch written)
    {
        while (IsResting && restsOn!.Peek().Number <= written.RestsOnUpTo)
        {
            restsOn.Dequeue();
        }
    }

    // Whether something was taken in that the row does not rest on, and that may not be durable.
    private bool RestsOnMoreThan(EventBatch? row)
    {
        if (!IsResting || (row is not null && row != writing))
        {
            // What is not handed over yet will rest on all of it.
            return false;
        }

        ForgetDurable();
        return IsResting && restsOnCount > (row?.RestsOnUpTo ?? 0);
    }

    // It waits for what the account rests on now, and not for what comes later (G11).
    private void HoldBack(in OutboundMessage outgoing, EventBatch? row) =>
        (resting ??= []).Enqueue((restsOnCount, row?.SequenceNr ?? 0, outgoing));

    private void LetRestingGo()
    {
        ForgetDurable();
        while (resting is { Count: > 0 } && resting.Peek() is var first && first.Row <= DurableSequenceNr
            && (!IsResting || restsOn!.Peek().Number > first.UpTo))
        {
            resting.Dequeue();
            Dispatch(first.Outgoing);
        }
    }

    // Where a row of this account rests on all of it, that row tells: it fails with what it rests on.
    private void WatchTickets()
    {
        if (!IsResting || watched is not null || failed || open is { Urgent: true } || full is { Count: > 0 }
            || (writing is not null && writing.RestsOnUpTo >= restsOnCount))
        {
            return;
        }

        ForgetDurable();
        if (IsResting)
        {
            watched = restsOn!.Peek().Ticket;
            host.Watch(watched);
        }
        else
        {
            LetRestingGo();
        }
    }
}
