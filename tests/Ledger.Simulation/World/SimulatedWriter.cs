using Ledger.Core;

namespace Ledger.Simulation;

/// <summary>The writer that all accounts of a node share: rows in the order in which they were handed over, stored in
/// groups, several groups at once (R8'). It ends with its process.</summary>
internal sealed class SimulatedWriter(SimulatedCluster world, int node, int loops, int rowsMax)
{
    private readonly Queue<QueuedRow> queue = new();
    private readonly List<IReadOnlyList<QueuedRow>> underWay = [];
    private int busy;

    public int Node { get; } = node;

    /// <summary>Whether its process is gone.</summary>
    public bool IsGone { get; private set; }

    /// <summary>Takes a row.</summary>
    public void Take(QueuedRow row)
    {
        queue.Enqueue(row);
        Begin();
    }

    /// <summary>The process ends.</summary>
    /// <returns>The groups that are under way: each is stored as a whole or not at all.</returns>
    public IReadOnlyList<IReadOnlyList<QueuedRow>> End()
    {
        IsGone = true;
        queue.Clear();
        return [.. underWay];
    }

    /// <summary>A group has been dealt with.</summary>
    public void Ended(IReadOnlyList<QueuedRow> group)
    {
        underWay.Remove(group);
        busy--;
        Begin();
    }

    private void Begin()
    {
        if (!IsGone && busy < loops && queue.Count > 0)
        {
            busy++;
            world.At(world.Now + world.GatherTime(), Gather);
        }
    }

    private void Gather()
    {
        if (IsGone)
        {
            return;
        }

        var number = world.NextGroup();
        var group = new List<QueuedRow>();
        while (group.Count < rowsMax && queue.TryDequeue(out var row))
        {
            if (world.GivesUp(row))
            {
                world.EndRow(row, isDurable: false, "given up before it was sent");
                continue;
            }

            // A row that nothing rests on, and that rests on nothing, has no ticket.
            WriteTicket? awaited = null;
            switch (row.Row.Ticket?.AdmitTo(number, out awaited) ?? WriteAdmission.Taken)
            {
                case WriteAdmission.Taken:
                    group.Add(row);
                    break;
                case WriteAdmission.Fails:
                    world.EndRow(row, isDurable: false, "rests on a row that failed");
                    break;
                default:
                    Park(row, awaited!);
                    break;
            }
        }

        if (group.Count == 0)
        {
            busy--;
            Begin();
            return;
        }

        underWay.Add(group);
        world.StartGroup(this, group);
    }

    private void Park(QueuedRow row, WriteTicket awaited)
    {
        world.Count("row waits for another group");
        if (RestsOn(awaited, row.Row.Ticket!))
        {
            throw new ViolationException($"R8': row {row.Row.SequenceNr} of {row.One.Place.Address} waits for itself");
        }

        awaited.WhenDecided(() =>
        {
            if (!IsGone)
            {
                Take(row);
            }
        });
    }

    private static bool RestsOn(WriteTicket one, WriteTicket other)
    {
        var seen = new HashSet<WriteTicket>(ReferenceEqualityComparer.Instance);
        var left = new Stack<WriteTicket>([one]);
        while (left.TryPop(out var next))
        {
            if (next == other)
            {
                return true;
            }

            if (seen.Add(next))
            {
                foreach (var more in next.RestsOn)
                {
                    left.Push(more);
                }
            }
        }

        return false;
    }
}
