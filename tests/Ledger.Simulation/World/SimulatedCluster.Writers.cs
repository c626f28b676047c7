using Ledger.Core;

namespace Ledger.Simulation;

/// <content>Nodes whose accounts share a writer, and requests that leave before their row is durable (R8').</content>
internal sealed partial class SimulatedCluster
{
    private readonly SimulatedWriter?[] writersOf = new SimulatedWriter?[NodeCount];
    private long groups;

    /// <summary>Whether the accounts of a node share a writer.</summary>
    public bool HasSharedWriters => faults.Writers > 0;

    public long NextGroup() => ++groups;

    /// <summary>How long a writer waits for what may come to share a transaction.</summary>
    public long GatherTime() => writing.Spread(0, faults.GatherBits);

    /// <summary>Whether a row ends before it is sent. What an account has left there that is gone may be sent or
    /// not.</summary>
    public bool GivesUp(QueuedRow row) => !healed
        && (writing.Chance(faults.RowFails) || (row.One.IsDead && (sequence is not null || writing.Chance(500))));

    /// <summary>A group is sent.</summary>
    public void StartGroup(SimulatedWriter writer, IReadOnlyList<QueuedRow> group)
    {
        Count(group.Count == 1 ? "group of one row" : "group of rows");
        var fate = disk.Next(1000);
        At(now + disk.Spread(7, healed ? 12 : faults.WriteBits), () => Arrive(writer, group, fate));
    }

    /// <summary>Says what has become of a row: at once to whatever rests on it, later to the account.</summary>
    public void EndRow(QueuedRow ended, bool isDurable, string why)
    {
        var (one, row) = ended;
        Trace($"{one.Place.Address} row {row.SequenceNr} {(isDurable ? "is durable" : why)}");
        if (isDurable)
        {
            row.Ticket?.TryMakeDurable();
        }
        else if (!Mutants.EndsRowsSilently)
        {
            row.Ticket?.TryFail();
        }

        At(now + writing.Spread(0, healed ? 8 : faults.GatherBits), () =>
        {
            if (one.IsDead || one.Writing != row)
            {
                return;
            }

            if (isDurable)
            {
                one.WriteSucceeded(row);
            }
            else
            {
                one.FailWrite(why);
            }
        });
    }

    /// <summary>A request goes straight to an incarnation on the same node, with a ticket (G8).</summary>
    /// <returns>Whether there is one.</returns>
    public bool SendAhead(Incarnation from, AccountAddress account, AccountMessage message, WriteTicket ticket)
    {
        if (!places.TryGetValue(account, out var to))
        {
            throw new ViolationException($"{from.Place.Address} sends to '{account}', which nobody named");
        }

        var here = to.Alive.FindAll(one => one.IsReady && (one.Node == from.Node || Mutants.SendsAheadToOtherNodes));
        if (here.Count == 0)
        {
            Count("nobody to be asked ahead");
            return false;
        }

        var target = here[writing.Next(here.Count)];
        Trace($"{from.Place.Address} -> {account}, ahead of its row: {Tracer.Text(message)}");
        Count("request ahead of its row");
        for (var copies = !healed && network.Chance(faults.Duplicate) ? 2 : 1; copies > 0; copies--)
        {
            inFlight++;
            At(now + Delay(), () =>
            {
                inFlight--;
                if (ticket.Outcome == WriteOutcome.Pending && from.Writing?.Ticket != ticket)
                {
                    // Rows could come to wait for each other in a circle, which takes four busy accounts.
                    throw new ViolationException(
                        $"P1: {from.Place.Address} has sent {Tracer.Text(message)} before the row that it follows "
                            + "from was handed over");
                }

                if (!healed && network.Chance(faults.Drop))
                {
                    Count("request ahead lost");
                }
                else if (!target.IsDead)
                {
                    target.Take(message, from.Mark, target.Node == from.Node ? ticket : null);
                }
                else if (ticket.Outcome == WriteOutcome.Durable)
                {
                    // As what no account has seen is sent again.
                    Transmit(from.Node, to, message, from.Mark);
                }
            });
        }

        return true;
    }

    private void HandOver(Incarnation one, EventBatch row)
    {
        CheckRow(one, row);
        CheckReplay(one, row);
        (writersOf[one.Node] ??= new SimulatedWriter(this, one.Node, faults.Writers, faults.GroupRowsMax))
            .Take(new QueuedRow(one, row));
    }

    private void Arrive(SimulatedWriter writer, IReadOnlyList<QueuedRow> group, int fate)
    {
        if (writer.IsGone)
        {
            return;
        }

        if (isUncertain)
        {
            if (!Meet(writer.Node))
            {
                Fail(group, "its node is halted");
                writer.Ended(group);
                return;
            }

            if (!IsConfirmed(writer.Node) && !Mutants.WritesBeforeOthersLook)
            {
                Count("write waits until all have looked");
                At(now + 20_000, () => Arrive(writer, group, fate));
                return;
            }
        }

        Store(writer, group, fate);
        writer.Ended(group);
    }

    private void Store(SimulatedWriter writer, IReadOnlyList<QueuedRow> group, int fate)
    {
        var rows = new List<QueuedRow>(group.Count);
        foreach (var row in group)
        {
            if (row.One.IsDead && (row.One.IsOfLostHistory || row.One.Mark != MarkOf(writer.Node)))
            {
                Count("write of another history");
                EndRow(row, isDurable: false, "is of another history");
            }
            else
            {
                rows.Add(row);
            }
        }

        if (healed || fate >= faults.WriteFails + faults.AckLost + faults.WriteLate)
        {
            Isolate(writer, rows);
        }
        else if (fate < faults.WriteFails)
        {
            Count("write failed");
            Fail(rows, "write failed");
        }
        else if (fate < faults.WriteFails + faults.AckLost)
        {
            Count("write stored, confirmation lost");
            AppendAll(rows);
            Fail(rows, "confirmation lost");
        }
        else
        {
            Count("write given up, landed late");
            AppendLate(rows);
            Fail(rows, "write given up");
        }
    }

    // Where some rows can't be stored, the others are stored without them, part by part, and a part can be the last.
    private void Isolate(SimulatedWriter writer, List<QueuedRow> rows)
    {
        if (Mutants.IsolatesOutOfOrder)
        {
            rows.Reverse();
        }

        var isBroken = false;
        foreach (var row in rows)
        {
            // G4. What failed in a part before has failed for good.
            if (row.Row.Ticket is { } ticket && (ticket.Outcome == WriteOutcome.Failed
                || ticket.RestsOn.Any(static one => one.Outcome == WriteOutcome.Failed)))
            {
                Count("row rests on one that failed");
                EndRow(row, isDurable: false, "rests on a row that failed");
                continue;
            }

            isBroken |= !healed && writing.Chance(faults.RowFails / 4);
            if (isBroken || (!healed && writing.Chance(faults.RowFails)))
            {
                Count(isBroken ? "group broken off" : "row failed alone");
                EndRow(row, isDurable: false, "failed");
            }
            else if (Append(row.One.Place, row.Row))
            {
                watches[writer.Node].Acknowledged = (row.One.Place, row.Row);
                EndRow(row, isDurable: true, "");
            }
            else
            {
                Count("stale incarnation fenced");
                EndRow(row, isDurable: false, "fenced");
            }
        }
    }

    private void Fail(IReadOnlyList<QueuedRow> rows, string why)
    {
        foreach (var row in rows)
        {
            EndRow(row, isDurable: false, why);
        }
    }

    // One transaction.
    private void AppendAll(IReadOnlyList<QueuedRow> rows)
    {
        foreach (var (one, row) in rows)
        {
            if (row.SequenceNr <= one.Place.Rows.Count)
            {
                return;
            }
        }

        foreach (var (one, row) in rows)
        {
            Append(one.Place, row);
        }
    }

    private void AppendLate(IReadOnlyList<QueuedRow> rows)
    {
        var server = instance;
        At(now + disk.Spread(10, 23), () =>
        {
            if (server == instance)
            {
                AppendAll(rows);
            }
        });
    }

    // The process is gone, and its writer with it.
    private void EndWriter(int node, bool mayLand)
    {
        if (writersOf[node] is not { } writer)
        {
            return;
        }

        writersOf[node] = null;
        foreach (var group in writer.End())
        {
            var rows = group.Where(row => !row.One.IsOfLostHistory && row.One.Mark == MarkOf(node)).ToArray();
            switch (disk.Next(3))
            {
                case 0 when mayLand:
                    AppendAll(rows);
                    break;
                case 1 when mayLand && sequence is null:
                    Count("write landed late");
                    AppendLate(rows);
                    break;
                default:
                    Count("write lost");
                    break;
            }
        }
    }
}
