using Akka;
using Akka.Actor;
using Akka.Cluster;
using Akka.Cluster.Sharding;
using Akka.Event;
using Ledger.Actors.Accounts;
using Ledger.Actors.Calls;
using Ledger.Actors.Index;
using Ledger.Actors.Journal;
using Ledger.Actors.Leasing;
using Ledger.Actors.Storage;
using Ledger.Actors.HoldExpiry;
using Ledger.Actors.Telemetry;
using Ledger.Actors.Timing;
using Ledger.Core;

namespace Ledger.Actors;

/// <summary>What belongs to the ledger of one actor system.</summary>
internal sealed class LedgerExtension : IExtension
{
    // What the hold index and the hold expiry understand of rows: the journal codec says it.
    private static readonly HoldFactReader WorkRows = HoldFacts.Decoder;

    // By the machine's clock: the ledger's may stand still.
    private static readonly TimeSpan s_lookWhetherHalted = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan HoldExpiryAskTimeout = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan HoldExpiryStopTimeout = TimeSpan.FromSeconds(3);

    // The phase before this wait is there for it; what is not over by then may still speak.
    private static readonly TimeSpan RegionEndTimeout = TimeSpan.FromMilliseconds(500);

    /// <summary>How long a process that must be the only one waits for its lease at the start.</summary>
    public static readonly TimeSpan LeasePatience = TimeSpan.FromSeconds(15);

    private readonly TaskCompletionSource<IActorRef> accounts =
        new(TaskCreationOptions.RunContinuationsAsynchronously);

    private static readonly TimeSpan s_sampleEvery = TimeSpan.FromSeconds(5);

    private readonly PendingCalls calls;
    private readonly ExtendedActorSystem system;
    private Timer? sampling;
    private LedgerIdentity identity;

    private LedgerExtension(ExtendedActorSystem system)
    {
        this.system = system;
        var options = system.Settings.Setup.Get<LedgerSetup>().HasValue
            ? system.Settings.Setup.Get<LedgerSetup>().Value.Options
            : throw new InvalidOperationException("This actor system has no ledger: call WithLedger(...).");
        Options = options;
        Metrics = NodeMetrics.Of(system);
        Clock = system.Settings.Setup.Get<LedgerSetup>().Value.Clock;
        StorageHocon.RefuseOtherPlugins(system.Settings.Config);
        identity = options.Storage!.ReadIdentity();
        if (Identity.IdWindow != IdWindow.Width)
        {
            // Which ids are in the index follows from it: under another one, an id that is there would be taken for
            // new.
            throw new InvalidOperationException(
                $"The ledger in {options.Storage.Description} looks for ids within "
                + $"{Identity.IdWindow.TotalMilliseconds:0} ms of their time, and this version within "
                + $"{IdWindow.Width.TotalMilliseconds:0} ms. Use the version that made it.");
        }

        system.Log.Info(
            "Ledger {0}, which {1} began at {2:u} ({3}), in {4}",
            Identity, Identity.Epoch.BegunBy, Identity.Epoch.BegunAt.ToDateTimeOffset(), Identity.Epoch.Reason,
            options.Storage.Description);
        var database = DatabaseWatch.Of(system);
        database.OthersLookWithin = options.LeaseTime + NodeLease.Margin;
        options.Storage.Attach(database);
        var streams = options.Storage.OpenStreams();
        var reader = new AccountStreamReader(streams, Logging.GetLogger(system, typeof(AccountStreamReader)));
        Journal = options.Storage.OpenJournalReader(() => database.Generation);
        HoldIndex = new HoldIndex(
            options.Storage.OpenHoldIndex(),
            Journal,
            WorkRows.Facts,
            (row, cause) =>
            {
                HoldExpiryHealth.CountUnreadable();
                system.Log.Error(cause, "Row {SequenceNr} of {PersistenceId} can't be read; holds in it may not expire",
                    row.SequenceNr, row.PersistenceId);
            },
            place =>
            {
                HoldExpiryHealth.CountReadAgain();
                system.Log.Info("The row at place {Place} of the journal can be read again; holds in it expire", place);
            });
        Holds = new HoldLocator(HoldIndex);
        calls = new PendingCalls(Clock, options.NodeCallsMax);
        calls.Router = system.SystemActorOf(Props.Create(() => new ResponseRouterActor(calls)), "ledger-answers");
        system.SystemActorOf(Props.Create(() => new UndeliveredMessagesActor(accounts.Task)), "ledger-lost-calls");
        Leases = options.Storage.OpenLeases() is { } leases ? new WatchedLeases(leases, Clock) : null;
        Lease = Leases is null
            ? new NodeLease(EndSystem, database)
            : new NodeLease(
                Leases, Holder(database.Process), options.LeaseTime, Logging.GetLogger(system, typeof(NodeLease)),
                EndSystem, database)
            {
                Clock = Clock,
            };
        database.Notify(DatabaseLost, DatabaseChanged, Lease.Suspend);
        if (options.Storage.ReadLoss() is { } loss)
        {
            database.ReportLoss(loss, identity.Epoch.Number);
        }

        Returns = Leases is null
            ? null
            : new ShardClaimReleaser(Leases, Lease, Logging.GetLogger(system, typeof(ShardClaimReleaser)));
        Context = new AccountActorContext(
            new AccountMachineOptions
            {
                IdempotencyWindowMax = options.IdempotencyWindowMax,
                BatchEventsMax = options.BatchEventsMax,
                RequestsMax = options.AccountCallsMax,
                HoldsMax = options.AccountHoldsMax,
                HoldsPerCounterpartyMax = options.CounterpartyHoldsMax,
                SnapshotEvery = options.SnapshotEvery,
                CommitRecordDelay = options.CommitRecordDelay,
                SendsAhead = options.SharedCommits,
                Deciding = options.Deciding,
            },
            options.PassivateAfter, Clock, reader, HoldIndex, Lease, () => accounts.Task.Result)
        {
            Database = database,
            Metrics = Metrics,
            Awake = options.SharedCommits ? new AwakeAccounts() : null,
        };
        var index = options.Index.Enabled ? options.Storage.OpenIndex() : null;
        var searched = index is null ? null : new LedgerIndex(index, Journal, Clock, options.Index.LagMax);
        var positions = new PositionText(() => Identity);
        var dispatcher = new RequestDispatcher(options, Clock, calls, accounts.Task)
        {
            Ended = () => (Lease.Halted ?? (Lease.IsLost ? Lease.Failure : null)) is { } reason
                ? (Lease.IsTaken ? LedgerErrorReason.LeaseLost : LedgerErrorReason.LedgerHalted, reason)
                : null,
            IsConfirmed = () => database.IsConfirmed,
        };
        var recent = new RecentTransfers();
        var accountReader = new AccountReader(dispatcher, reader);
        var transferReader = new TransferReader(dispatcher, reader, Holds, recent, searched);
        Ledger = new LedgerService(
            dispatcher, accountReader, transferReader, recent, new TransferCounter(Metrics), positions, Asker.Nobody);
        Queries = new LedgerQueries(dispatcher, accountReader, transferReader, positions, searched);
        TestCalls = new TestCalls(() => HoldExpiry);
        Indexer = index is null
            ? null
            : new LedgerIndexer(index, Journal, streams, Clock, Logging.GetLogger(system, typeof(LedgerIndexer)));
        Admin = new LedgerAdmin(
            HoldIndex, dispatcher, positions,
            new DoubtResolver(system, dispatcher, accountReader, Context, streams as IIndexedStreams));
        Blocks = new CallerBlocks(
            options.Storage.OpenBlocks(), TimeProvider.System, Logging.GetLogger(system, typeof(CallerBlocks)));
        Metrics.Observe(this);
        system.RegisterOnTermination(() =>
        {
            calls.Dispose();
            Clock.Stop();
            sampling?.Dispose();
            _ = streams.DisposeAsync().AsTask().ContinueWith(static _ => { }, TaskScheduler.Default);
            _ = HoldIndex.DisposeAsync().AsTask().ContinueWith(static _ => { }, TaskScheduler.Default);
            _ = index?.DisposeAsync().AsTask().ContinueWith(static _ => { }, TaskScheduler.Default);
            _ = Blocks.DisposeAsync().AsTask().ContinueWith(static _ => { }, TaskScheduler.Default);
            _ = Journal.DisposeAsync().AsTask().ContinueWith(static _ => { }, TaskScheduler.Default);

            // The last thing: no account is left that could speak.
            Lease.Dispose();

            // A host that goes on without the ledger keeps no connection for it.
            options.Storage.ForgetConnections();
        });
    }

    public LedgerOptions Options { get; }

    /// <summary>Which ledger this is, with the epoch that runs.</summary>
    public LedgerIdentity Identity => Volatile.Read(ref identity);

    /// <summary>Whether the actor system has ended because a new epoch has begun after a loss: the process is to begin
    /// anew, with nothing of what it had in memory.</summary>
    public bool IsForNewEpoch => Lease.IsForNewEpoch;

    /// <summary>The ledger time of this node.</summary>
    public LedgerClock Clock { get; }

    public AccountActorContext Context { get; }

    public ILedger Ledger { get; }

    /// <summary>The instruments of this node.</summary>
    public NodeMetrics Metrics { get; }

    /// <summary>What operators ask.</summary>
    public ILedgerAdmin Admin { get; }

    /// <summary>Who is blocked.</summary>
    public CallerBlocks Blocks { get; }

    /// <summary>Under which the accounts of this process speak.</summary>
    public NodeLease Lease { get; }

    /// <summary>Where leases are; null where none are needed.</summary>
    public ILeaseStore? Leases { get; }

    /// <summary>Gives claims to shards back; null where none are needed.</summary>
    public ShardClaimReleaser? Returns { get; }

    /// <summary>Questions across accounts.</summary>
    public ILedgerQueries Queries { get; }

    /// <summary>What only tests may do.</summary>
    public TestCalls TestCalls { get; }

    /// <summary>The whole journal, in order.</summary>
    public JournalReader Journal { get; }

    /// <summary>Keeps the index of transfers and accounts; null where it is off.</summary>
    public LedgerIndexer? Indexer { get; }

    /// <summary>What falls due and what is in doubt.</summary>
    public IHoldIndex HoldIndex { get; }

    /// <summary>Finds holds by their ids.</summary>
    public HoldLocator Holds { get; }

    /// <summary>How the hold expiry fares.</summary>
    public HoldExpiryHealth HoldExpiryHealth { get; } = new();

    /// <summary>Whether a node of a cluster has done all that accounts do, for practice, before it was given
    /// any.</summary>
    public bool HasWarmedUp { get; private set; }

    /// <summary>The hold expiry; null before the ledger has started.</summary>
    public IActorRef? HoldExpiry { get; private set; }

    public static LedgerExtension Of(ActorSystem system) => system.WithExtension<LedgerExtension, Provider>();

    public void Start(IActorRef region)
    {
        if (!accounts.TrySetResult(region))
        {
            return;
        }

        var holdExpiry = system.SystemActorOf(
            Props.Create(() => new HoldExpiryActor(
                new HoldExpiryContext(HoldIndex, WorkRows, region, AskAsync, Options, HoldExpiryHealth)
                {
                    Time = Clock, Generation = () => Context.Database!.Generation,
                })),
            "ledger-hold-expiry");
        HoldExpiry = holdExpiry;

        if (Indexer is { } indexer)
        {
            var ending = new CancellationTokenSource();
            var folding = Task.Run(() => indexer.RunAsync(ending.Token));
            CoordinatedShutdown.Get(system).AddTask(
                CoordinatedShutdown.PhaseServiceStop,
                "stop-index",
                async () =>
                {
                    await ending.CancelAsync();
                    await folding.WaitAsync(HoldExpiryStopTimeout).ContinueWith(static _ => { }, TaskScheduler.Default);
                    return Done.Instance;
                });
            system.RegisterOnTermination(ending.Cancel);
        }

        // Before the accounts stop: it would only wake them again.
        CoordinatedShutdown.Get(system).AddTask(
            CoordinatedShutdown.PhaseServiceStop,
            "stop-hold-expiry",
            async () =>
            {
                await holdExpiry.GracefulStop(HoldExpiryStopTimeout);
                return Done.Instance;
            });
    }

    /// <summary>Begins to tell the ledger's time, before anything is decided by it.</summary>
    /// <exception cref="InvalidOperationException">The clocks contradict each other, and go on doing so.</exception>
    public async Task StartClockAsync()
    {
        if (Leases is null)
        {
            Clock.Start(Options.Storage!.ReadClockMark(), Options.Clock.Accept);
            return;
        }

        await new ClockStart(Clock, Leases, Options).RunAsync();

        // A node without accounts has no lease whose renewals would keep its time.
        sampling = new Timer(
            _ =>
            {
                if (!Lease.IsEntered)
                {
                    ClockStart.TrySample(Clock, Leases);
                }
            },
            null, s_sampleEvery, s_sampleEvery);
    }

    /// <summary>Waits until the list of blocks has been read once. Where the database has lost rows it can't be, and
    /// nobody is served.</summary>
    /// <param name="patience">How long to wait.</param>
    /// <exception cref="InvalidOperationException">It could not be read in that time.</exception>
    public async Task ReadBlocksAsync(TimeSpan patience)
    {
        var reading = Blocks.ReadOnceAsync(patience);
        while (!reading.IsCompleted && Lease.Halted is null && Context.Database?.Loss is null)
        {
            await Task.WhenAny(reading, Task.Delay(s_lookWhetherHalted));
        }

        if (reading.IsCompleted)
        {
            await reading;
        }
    }

    /// <summary>Starts the accounts' shard region, in clustered mode.</summary>
    public async Task<IActorRef> StartRegionAsync(string typeName)
    {
        if (Leases is null)
        {
            throw new InvalidOperationException(
                $"{Options.Storage!.Description} keeps no leases, so no cluster can run on it.");
        }

        // Before the region hands its shards over: its node must not be taken for one that is gone.
        CoordinatedShutdown.Get(system).AddTask(
            CoordinatedShutdown.PhaseServiceStop,
            "leave-lease",
            async () =>
            {
                await Task.Run(Lease.Leave);
                return Done.Instance;
            });

        var watch = new CancellationTokenSource();
        system.RegisterOnTermination(watch.Cancel);
        _ = new LapsedLeaseMonitor(Leases, Lease, system, Options.LeaseTime).WatchAsync(watch.Token);

        if (Options.Role is null || Cluster.Get(system).SelfRoles.Contains(Options.Role))
        {
            HasWarmedUp = await new WarmUp(system, Options, Context).RunAsync();
        }

        var sharding = ClusterSharding.Get(system);
        var settings = ClusterShardingSettings.Create(system)
            .WithStateStoreMode(StateStoreMode.DData)
            .WithRememberEntities(false)
            .WithRole(Options.Role)
            .WithLeaseSettings(ShardClaim.Usage)

            // Entities go to sleep on their own terms (R5).
            .WithPassivateIdleAfter(TimeSpan.Zero);
        var region = await sharding.StartAsync(
            typeName,
            entityId => AccountProducer.Props(AccountAddress.Parse(entityId), Context),
            settings,
            new AccountExtractor(Options.ShardCount),
            new LeaseAllocation(Leases, sharding.DefaultShardAllocationStrategy(settings)),
            StopAccount.Instance);

        // The region ends after its accounts. As soon as this node is no member any more, whoever gives its shards a
        // home would have to wait until the lease is over.
        CoordinatedShutdown.Get(system).AddTask(
            CoordinatedShutdown.PhaseClusterLeave,
            "release-lease",
            async () =>
            {
                var ended = region.WatchAsync();
                if (await Task.WhenAny(ended, Task.Delay(RegionEndTimeout)) == ended)
                {
                    await Task.Run(Lease.Release);
                }

                return Done.Instance;
            });
        return region;
    }

    // Its accounts are, or will be, somebody else's, or their rows are lost. Without actors nothing is left that could
    // be asked.
    private void EndSystem(string reason)
    {
        system.Log.Error("The actor system ends: {Reason}", reason);
        _ = system.Terminate();
    }

    private void DatabaseLost()
    {
        if (Leases is null)
        {
            system.Log.Error("HALTED: the database has lost rows that it had acknowledged. {Evidence}", Lease.Halted);
            try
            {
                Options.Storage!.RecordLoss(Identity.Epoch.Number, Lease.Halted!);
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                system.Log.Error(e, "That rows were lost can't be put on record");
            }
        }

        Lease.Halt();
    }

    // R19 b. What accounts know is of another history; from now on they neither write nor speak, and this has them end.
    private void DatabaseChanged(DatabaseState state)
    {
        system.Log.Warning(
            "The database has changed to {0}, epoch {1}: all accounts of this node start again from the journal",
            state.Server, state.Epoch);
        Lease.Suspend();
        Options.Storage!.ForgetConnections();
        if (state.Epoch != Identity.Epoch.Number)
        {
            try
            {
                Volatile.Write(ref identity, Options.Storage.ReadIdentity());
            }
            catch (InvalidOperationException e)
            {
                system.Log.Warning("The new epoch can't be read yet: {0}", e.Message);
            }
        }

        if (accounts.Task.IsCompletedSuccessfully)
        {
            // Those below the parent, or below the shards of the region.
            var path = accounts.Task.Result.Path.ToStringWithoutAddress();
            var each = Options.Mode == LedgerExecutionMode.Clustered ? "/*/*" : "/*";
            system.ActorSelection(path + each).Tell(LeaseChanged.Instance, ActorRefs.NoSender);
        }
    }

    private LeaseHolder Holder(Guid process)
    {
        if (Options.Mode != LedgerExecutionMode.Clustered)
        {
            return new LeaseHolder(
                process, $"{Environment.MachineName} (process {Environment.ProcessId})", 0, Shards: 0);
        }

        var self = Cluster.Get(system).SelfUniqueAddress;
        return new LeaseHolder(process, self.Address.ToString(), self.Uid, Options.ShardCount);
    }

    private async Task<AccountResponse> AskAsync(
        AccountAddress account, Func<ReplyTarget, LedgerTime, AccountRequest> message,
        CancellationToken cancellationToken)
    {
        using var timer = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        timer.CancelAfter(HoldExpiryAskTimeout);
        try
        {
            return await calls.AskAsync(
                accounts.Task.Result, account, message, Clock.GetUtcNow() + HoldExpiryAskTimeout, timer.Token);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return TimedOut.Instance;
        }
    }

    private sealed class Provider : ExtensionIdProvider<LedgerExtension>
    {
        public override LedgerExtension CreateExtension(ExtendedActorSystem system) => new(system);
    }
}
