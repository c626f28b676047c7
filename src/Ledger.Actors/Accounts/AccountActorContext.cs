using System.Collections.Concurrent;
using Akka.Actor;
using Ledger.Actors.Journal;
using Ledger.Actors.Leasing;
using Ledger.Actors.Storage;
using Ledger.Actors.Telemetry;
using Ledger.Actors.Timing;
using Ledger.Core;

namespace Ledger.Actors.Accounts;

/// <summary>What every account actor of a node shares.</summary>
internal sealed record AccountActorContext(
    AccountMachineOptions Runtime, TimeSpan PassivateAfter, TimeProvider Time, AccountStreamReader Reader,
    IHoldIndex HoldIndex, NodeLease Lease, Func<IActorRef> Accounts)
{
    /// <summary>The journal that accounts write to.</summary>
    public string JournalPluginId { get; init; } = StorageHocon.JournalPlugin;

    /// <summary>The snapshot store that accounts use.</summary>
    public string SnapshotPluginId { get; init; } = StorageHocon.SnapshotPlugin;

    /// <summary>How writes to the journal fare.</summary>
    public JournalOutcomes Writes { get; } = new();

    /// <summary>How snapshots fare.</summary>
    public SnapshotWatch Snapshots { get; } = new();

    /// <summary>How recoveries from it fare, and which accounts are to be tried again.</summary>
    public RecoveryThrottle Recoveries { get; } = new(Lease);

    /// <summary>The claims of shards that have begun here, by the names of the shards; none outside a
    /// cluster.</summary>
    public ConcurrentDictionary<string, ShardClaim> Claims { get; } = new();

    /// <summary>Which accounts have rows of the future.</summary>
    public AccountsAhead Ahead { get; init; } = new();

    /// <summary>How decisions fare.</summary>
    public DecisionWatch Decisions { get; } = new();

    /// <summary>The accounts that requests may be told ahead of their rows; null where none leave ahead.</summary>
    public AwakeAccounts? Awake { get; init; }

    /// <summary>What is known of the database that accounts write to; null where it is none.</summary>
    public DatabaseWatch? Database { get; init; }

    /// <summary>The instruments of the node; null for accounts that are no part of its ledger.</summary>
    public NodeMetrics? Metrics { get; init; }

    /// <summary>The timers of accounts.</summary>
    public TimingWheel Clock { get; } = new();

    /// <summary>Has an account woken after a pause.</summary>
    public void ActivateAfter(ActorSystem system, TimeSpan pause, AccountAddress account)
    {
        try
        {
            system.Scheduler.ScheduleTellOnce(
                pause, Accounts(), new AccountEnvelope(account, new Activate()), ActorRefs.NoSender);
        }
        catch (SchedulerException)
        {
            // The actor system ends; the next one wakes the account when it is asked for.
        }
    }
}
