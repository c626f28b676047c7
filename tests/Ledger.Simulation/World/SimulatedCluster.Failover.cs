using Ledger.Core;

namespace Ledger.Simulation;

/// <content>A database that fails over, with all that it had or without its last commits (R19).</content>
/// <remarks>
/// The journals of all accounts, with their snapshots and the index of ids, go back to a prefix of the order of
/// commits. Nodes live on with what they have in memory, and messages stay under way. Each node looks at the database
/// when it renews its lease, and before it reads or writes there; between two looks it goes on as before, for as long
/// as its lease is good.
/// </remarks>
internal sealed partial class SimulatedCluster
{
    /// <summary>The history of what rests on no row.</summary>
    public const int AnyHistory = -1;

    private const long LeaseTime = 2_000_000;
    private const long LeaseMargin = 250_000;

    private readonly List<Commit> commits = [];
    private readonly NodeWatch[] watches = [.. Enumerable.Range(0, NodeCount).Select(static _ => new NodeWatch
    {
        Revision = 0, History = 0, Epoch = 1, IsHalted = false,
    })];

    // Grows whenever a look at the database shows something new.
    private int revision;

    // Which life of which server: what is under way there ends with it.
    private int instance;
    private int history;
    private int epoch = 1;
    private int lossOf;
    private long lossAt;
    private long changedAt;

    // What a node has seen that has looked since rows were lost.
    private int lossRevision;

    // Where the epoch began: that row is not lost.
    private int commitsBeforeEpoch;

    // Whether not all nodes have looked, or some are halted.
    private bool isUncertain;

    // Whether it is the server and the timeline of before, as where an older copy was put back.
    private bool isSameServer;

    public static bool TakesAnyHistory => Mutants.TakesAnyHistory;

    /// <summary>How often rows were lost.</summary>
    public int Losses { get; private set; }

    /// <summary>The history that a node reads accounts from.</summary>
    public int MarkOf(int node) => watches[node].History;

    public void NoteToldAgain(Attempt before, Attempt attempt) => toldAt[attempt] = ToldAt(before);

    /// <summary>Nothing is said between the evidence of a loss and the operator's new epoch.</summary>
    public void CheckMaySpeak(Incarnation one)
    {
        if (lossOf == epoch && (watches[one.Node].IsHalted || now > lossAt + LeaseTime + LeaseMargin))
        {
            throw new ViolationException(
                $"R19: {one.Place.Address} speaks on node {one.Node} although the database has lost rows");
        }

        if (one.IsOfLostHistory && watches[one.Node].Revision >= lossRevision)
        {
            throw new ViolationException(
                $"R19: {one.Place.Address} tells what may be lost, and node {one.Node} has looked since");
        }
    }

    /// <summary>What came to an account that stopped goes to its next incarnation; of calls their senders learn, and
    /// ask again.</summary>
    public void SendAgain(SimulatedAccount place, AccountMessage message, int mark)
    {
        if (message is AccountRequest)
        {
            return;
        }

        Count("message sent on to the next incarnation");
        inFlight++;
        At(now + 100_000, () =>
        {
            inFlight--;
            Deliver(place, message, mark);
        });
    }

    private void StartFailovers()
    {
        if (faults.FailoverBits == 0)
        {
            return;
        }

        var left = 20;
        void Next() => At(now + database.Spread(faults.FailoverBits - 2, faults.FailoverBits + 1), () =>
        {
            if (!healed && left-- > 0)
            {
                FailOver();
                Next();
            }
        });
        Next();
    }

    private void FailOver()
    {
        if (isUncertain)
        {
            return;
        }

        if (database.Chance(150))
        {
            // Who dies in the same moment takes what he knows with him.
            Count("failover: a node dies with it");
            Crash(database.Next(NodeCount));
        }

        var lost = Math.Min(commits.Count - commitsBeforeEpoch, database.Of(0, 0, 1, 1, 2, 3, 5, 10, 30));
        var lostSince = lost == 0 ? long.MaxValue : commits[^lost].At;
        var gone = commits.TakeLast(lost).Select(static one => one.Row).ToHashSet(ReferenceEqualityComparer.Instance);
        for (var node = 0; node < NodeCount; node++)
        {
            // Renewed twice a second, unless the lease has lapsed.
            var renewedAt = now < silentUntil[node] ? long.MinValue : now - database.Next(500_000);
            watches[node].HasLostRenewal = lostSince <= renewedAt;
        }

        // The same server, in the same epoch, tells nobody who has no evidence that it has lost something.
        isSameServer = database.Chance(300) && (lost == 0
            || watches.Any(watch => watch.HasLostRenewal
                || (watch.Acknowledged is var (_, row) && gone.Contains(row))));
        Count(lost == 0 ? "failover: nothing lost" : "failover: commits lost");
        Count(isSameServer ? "failover: the same server again" : "failover: to another server");
        Trace($"the database fails over{(isSameServer ? " to an older copy" : "")} without its last {lost} commits");
        instance++;
        history += isSameServer ? 0 : 1;
        if (lost > 0)
        {
            Losses++;
            lossRevision = revision + 1;
            Cut(lost);
        }

        Announce();
    }

    // All that is in the database: rows, snapshots, the index of ids.
    private void Cut(int lost)
    {
        commits.RemoveRange(commits.Count - lost, lost);
        foreach (var place in order)
        {
            place.Rows.Clear();
            place.Orders.Clear();
            place.Versions.Clear();
            place.Unbooked.Clear();
            (place.LastTime, place.NewestCommit, place.ToldVersion) = (default, default, 0);
            place.Book = NewBook(place.Address);
            place.IndexByRows = new IdIndex(place.Address);
        }

        Oracle.Forget(() =>
        {
            foreach (var (place, row, _, placeOfAll) in commits)
            {
                place.Rows.Add(row);
                place.Orders.Add(placeOfAll);
                place.IndexByRows.Add(row);
                Oracle.Journaled(place, row);
            }
        });
        foreach (var place in order)
        {
            var left = place.Rows.Count;
            place.SpokenRow = Math.Min(place.SpokenRow, left);
            place.Snapshots.RemoveAll(snapshot => snapshot.SequenceNr > left);
            place.Indexed.RemoveWhere(entry => entry.SequenceNr > left);
            place.IndexGaps.RemoveWhere(gap => gap > left);
        }

        // Places are given again.
        stored = commits.Count == 0 ? 0 : commits[^1].Order;
        for (var i = 0; i < calls.Count; i++)
        {
            calls[i] = calls[i] with { Before = new KnownBeforeCall(0, 0, [], 0) };
        }
    }

    // Each node sees it when it renews its lease, if not before; one that is cut off from the database, later. Then its
    // lease is over.
    private void Announce()
    {
        foreach (var watch in watches)
        {
            // Who is not up to date has an older lease, which goes on.
            if (watch.Revision == revision)
            {
                watch.LeaseUntil = CanSend(watch) ? now + database.Between(0, (int)LeaseTime) : now;
            }
        }

        revision++;
        changedAt = now;
        isUncertain = true;
        for (var i = 0; i < NodeCount; i++)
        {
            var node = i;
            At(now + database.Spread(10, isSameServer ? 19 : 23), () =>
            {
                Meet(node);
                SpeakWhereAllowed();
            });
        }

        At(now + LeaseTime + LeaseMargin + 1, SpeakWhereAllowed);
        At(now + (2 * LeaseTime), () =>
        {
            foreach (var one in order.SelectMany(static place => place.Alive.ToArray()))
            {
                if (isUncertain && !CanSend(one.Node))
                {
                    one.OnLeaseLapsed();
                }
            }
        });
    }

    /// <summary>A node looks at the database.</summary>
    /// <returns>Whether it goes on. What it had in memory may be gone.</returns>
    private bool Meet(int node)
    {
        var watch = watches[node];
        if (watch.IsHalted || watch.Revision == revision)
        {
            return !watch.IsHalted;
        }

        var evidence = lossOf == epoch && !Mutants.TellsNobodyOfLoss ? "told of a loss"
            : watch.HasLostRow ? "a row is missing"
            : watch.HasLostRenewal ? "a renewal is missing"
            : null;
        if (evidence is not null && !Mutants.GoesOnDespiteLoss)
        {
            Count("halted: " + evidence);
            Trace($"node {node} is halted: {evidence}");
            if (watch.Epoch < epoch)
            {
                // What was lost is that epoch's, and a person has seen to it.
                BeginAnew(node);
                return !watches[node].IsHalted;
            }

            watch.IsHalted = true;
            if (lossOf != epoch)
            {
                lossOf = epoch;
                lossAt = now;
                Announce();
                At(now + database.Spread(21, 23), BeginEpoch);
            }

            return false;
        }

        (watch.Revision, watch.Epoch, watch.IsNew, watch.LeaseUntil) = (revision, epoch, false, long.MaxValue);
        if (watch.History != history)
        {
            Count("accounts start again from the journal");
            Trace($"node {node} meets another database");
            watch.History = history;
            if (!Mutants.KeepsMemory)
            {
                foreach (var one in order.SelectMany(static place => place.Alive.ToArray()))
                {
                    if (one.Node == node)
                    {
                        one.EndWithItsHistory();
                    }
                }
            }
        }
        else
        {
            Count("accounts go on from memory");
        }

        if (watches.All(one => one.Revision == revision && !one.IsHalted))
        {
            isUncertain = false;
        }

        return true;
    }

    // The operator's.
    private void BeginEpoch()
    {
        if (lossOf != epoch)
        {
            return;
        }

        Count("new epoch");
        Trace("an operator begins a new epoch");
        epoch++;
        history++;
        commitsBeforeEpoch = commits.Count;
        Announce();
        for (var i = 0; i < NodeCount; i++)
        {
            var node = i;
            if (watches[node].IsHalted)
            {
                At(now + database.Spread(12, 19), () =>
                {
                    if (watches[node].IsHalted)
                    {
                        BeginAnew(node);
                    }
                });
            }
        }
    }

    // A process that was silent ends, and the next one has nothing in memory.
    private void BeginAnew(int node)
    {
        Count("process begins anew");
        Trace($"node {node} begins anew");
        EndWriter(node, mayLand: false);
        foreach (var one in order.SelectMany(static place => place.Alive.ToArray()))
        {
            if (one.Node == node && !Mutants.KeepsMemoryInNewEpoch)
            {
                Stop(one, "is gone with its process");
            }
        }

        watches[node] = NewWatch();
        if (watches.All(one => one.Revision == revision && !one.IsHalted))
        {
            isUncertain = false;
        }

        SpeakWhereAllowed();
    }

    private NodeWatch NewWatch() => new()
    {
        Revision = revision, History = history, Epoch = epoch, IsHalted = lossOf == epoch,
    };

    // All others have looked, or their leases are over.
    private bool IsConfirmed(int node) => IsConfirmed(watches[node]);

    private bool IsConfirmed(NodeWatch watch) => !isUncertain || watch.IsNew
        || now > changedAt + LeaseTime + LeaseMargin
        || watches.All(one => one.Revision == revision && !one.IsHalted);

    private bool CanSend(int node) => CanSend(watches[node]);

    private bool CanSend(NodeWatch watch) => !isUncertain
        || (!watch.IsHalted
            && (watch.Revision == revision
                ? IsConfirmed(watch) || Mutants.SpeaksBeforeOthersLook
                : now < watch.LeaseUntil));

    private bool MayWrite(Incarnation one, EventBatch row, int fate)
    {
        if (!isUncertain)
        {
            return true;
        }

        if (!Meet(one.Node))
        {
            if (!one.IsDead)
            {
                one.FailWrite("its node is halted");
            }

            return false;
        }

        if (one.IsDead)
        {
            Count("write of another history");
            return false;
        }

        if (!IsConfirmed(one.Node) && !Mutants.WritesBeforeOthersLook)
        {
            Count("write waits until all have looked");
            At(now + 20_000, () => Arrive(one, row, fate));
            return false;
        }

        return true;
    }

    private void SpeakWhereAllowed()
    {
        foreach (var one in order.SelectMany(static place => place.Alive.ToArray()))
        {
            if (!IsSilent(one.Node))
            {
                one.OnLeaseRenewed();
            }
        }
    }

    // In the healed world everybody sees the database, and operators do not wait.
    private void EndFailover()
    {
        if (!isUncertain)
        {
            return;
        }

        LookEverywhere();
        BeginEpoch();
        for (var node = 0; node < NodeCount; node++)
        {
            if (watches[node].IsHalted)
            {
                BeginAnew(node);
            }
        }

        LookEverywhere();
        SpeakWhereAllowed();

        void LookEverywhere()
        {
            for (var node = 0; node < NodeCount; node++)
            {
                Meet(node);
            }
        }
    }
}
