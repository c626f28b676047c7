namespace Ledger.Core;

/// <summary>What an account says leaves only under its node's lease (R9).</summary>
/// <remarks>
/// An incarnation that has a successor, of which it does not know, must not be heard. What is said while the lease has
/// lapsed is withheld, in order. Once the lease is renewed, there can have been no successor, and it leaves. That a
/// request failed is said at any time: it tells nothing of the account. Not thread-safe.
/// </remarks>
internal sealed class LeaseGate(ILeaseGateHost host)
{
    private Queue<(OutboundMessage Message, long DurableRow)>? withheld;

    /// <summary>Whether something would leave at once.</summary>
    public bool IsOpen => withheld is null && host.MaySpeak;

    /// <summary>Whether something is withheld, or was when the lease was last good.</summary>
    public bool IsWithholding => withheld is not null;

    /// <summary>Lets a message leave, at once or when the lease is good.</summary>
    /// <param name="message">The message.</param>
    /// <param name="durableRow">The account's last durable row, which it has seen.</param>
    public void Send(in OutboundMessage message, long durableRow)
    {
        if (message.Answer is RequestFailed || IsOpen)
        {
            host.Leave(message, durableRow);
            return;
        }

        if (withheld is null)
        {
            withheld = [];
            host.Withholds();
        }

        withheld.Enqueue((message, durableRow));
    }

    /// <summary>The lease is good again: what is withheld leaves, for as long as the account may speak.</summary>
    /// <returns>Whether all has left.</returns>
    public bool TryRelease()
    {
        while (withheld is { Count: > 0 })
        {
            if (!host.MaySpeak)
            {
                return false;
            }

            var (message, durableRow) = withheld.Dequeue();
            host.Leave(message, durableRow);
        }

        withheld = null;
        return true;
    }

    /// <summary>Whoever waits for an answer that is withheld learns that the request failed; what is for other accounts
    /// goes on waiting.</summary>
    /// <param name="reason">Why.</param>
    public void FailAnswers(RequestFailure reason)
    {
        for (var left = withheld?.Count ?? 0; left > 0; left--)
        {
            var one = withheld!.Dequeue();
            if (one.Message.Answer is null)
            {
                withheld.Enqueue(one);
            }
            else
            {
                host.Leave(one.Message with { Answer = new RequestFailed(reason) }, one.DurableRow);
            }
        }
    }
}
