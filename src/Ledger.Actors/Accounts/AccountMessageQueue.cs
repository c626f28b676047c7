using Akka.Actor;
using Akka.Dispatch;
using Akka.Dispatch.MessageQueues;

namespace Ledger.Actors.Accounts;

/// <summary>Messages in order of arrival, in a ring that is no larger than it must be. Thread-safe.</summary>
/// <remarks>Akka empties the queue of an actor that has stopped, and a sender that found the queue just before may put
/// a message into it just after. There nobody would ever see it; here it becomes a dead letter like the others, and its
/// caller is answered.</remarks>
internal sealed class AccountMessageQueue : IMessageQueue, IUnboundedDequeBasedMessageQueueSemantics
{
    private const int PlacesAtFirst = 2;
    private const int PlacesKept = 16;

    private Envelope[] ring = [];
    private int head;
    private int count;
    private (IMessageQueue DeadLetters, IActorRef Owner)? ended;

    public bool HasMessages => Volatile.Read(ref count) > 0;

    public int Count => Volatile.Read(ref count);

    public void Enqueue(IActorRef receiver, Envelope envelope)
    {
        lock (this)
        {
            if (ended is null)
            {
                MakeRoom();
                ring[(head + count) & (ring.Length - 1)] = envelope;
                count++;
                return;
            }
        }

        ended.Value.DeadLetters.Enqueue(receiver, envelope);
    }

    public void EnqueueFirst(Envelope envelope)
    {
        lock (this)
        {
            if (ended is null)
            {
                MakeRoom();
                head = (head - 1) & (ring.Length - 1);
                ring[head] = envelope;
                count++;
                return;
            }
        }

        ended.Value.DeadLetters.Enqueue(ended.Value.Owner, envelope);
    }

    public bool TryDequeue(out Envelope envelope)
    {
        lock (this)
        {
            if (count == 0)
            {
                envelope = default;
                return false;
            }

            envelope = ring[head];
            ring[head] = default;
            head = (head + 1) & (ring.Length - 1);
            count--;
            if (count == 0 && ring.Length > PlacesKept)
            {
                // What a burst has needed is not kept.
                ring = [];
                head = 0;
            }

            return true;
        }
    }

    public void CleanUp(IActorRef owner, IMessageQueue deadletters)
    {
        lock (this)
        {
            ended = (deadletters, owner);
        }

        while (TryDequeue(out var envelope))
        {
            deadletters.Enqueue(owner, envelope);
        }
    }

    // The length is always a power of two.
    private void MakeRoom()
    {
        if (count < ring.Length)
        {
            return;
        }

        var larger = new Envelope[Math.Max(PlacesAtFirst, ring.Length * 2)];
        for (var i = 0; i < count; i++)
        {
            larger[i] = ring[(head + i) & (ring.Length - 1)];
        }

        ring = larger;
        head = 0;
    }
}
