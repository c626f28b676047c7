using System.Diagnostics.Metrics;
using System.Globalization;
using Akka;
using Akka.Actor;
using Akka.Hosting;
using Ledger.Actors.Accounts;
using Ledger.Actors.Index;
using Ledger.Actors.Journal;
using Ledger.Actors.Leasing;
using Ledger.Actors.Remoting;
using Ledger.Actors.HoldExpiry;
using Ledger.Actors.Timing;
using Ledger.Actors;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Ledger;

/// <summary>Adds the ledger to an application.</summary>
public static class LedgerHostingExtensions
{
    private const string ShardTypeName = "account";

    // A database that is failing over is back by then; whoever waits longer is told why.
    private static readonly TimeSpan s_blocksPatience = TimeSpan.FromSeconds(60);

    /// <summary>Adds an actor system with a ledger in it, and <see cref="ILedger"/>. The one line for an application
    /// that has no actor system of its own.</summary>
    /// <param name="services">The services.</param>
    /// <param name="configure">Sets the options; a storage is required.</param>
    /// <returns>The services.</returns>
    public static IServiceCollection AddLedger(this IServiceCollection services, Action<LedgerOptions> configure) =>
        services
            .AddLogging()
            .AddAkka("ledger", (builder, provider) => builder
                .WithStrictSerialization()
                .ConfigureLoggers(static loggers =>
                {
                    // The application's own logging and levels, and not lines of Akka's on its console.
                    loggers.ClearLoggers();
                    loggers.AddLogger<HostLogger>();
                })

                // The host stops the actors after what it has added later, such as the web server: a hook of the
                // runtime's would end them under the calls that need them.
                .AddHocon("akka.coordinated-shutdown.run-by-clr-shutdown-hook = off", HoconAddMode.Prepend)
                .WithLedger(options =>
                {
                    options.MeterFactory = provider.GetService<IMeterFactory>();
                    configure(options);
                }))
            .AddLedger();

    /// <summary>Adds <see cref="ILedger"/> where the application's own <c>AddAkka(...)</c> calls
    /// <see cref="WithLedger(AkkaConfigurationBuilder, Action{LedgerOptions})"/>.</summary>
    /// <param name="services">The services.</param>
    /// <returns>The services.</returns>
    public static IServiceCollection AddLedger(this IServiceCollection services)
    {
        services.TryAddSingleton(static provider => provider.GetRequiredService<ActorSystem>().GetLedger());
        services.TryAddSingleton(static provider => provider.GetRequiredService<ActorSystem>().GetLedgerAdmin());
        services.TryAddSingleton(static provider => provider.GetRequiredService<ActorSystem>().GetLedgerQueries());
        services.TryAddSingleton(static provider => provider.GetRequiredService<ActorSystem>().GetCallerBlocks());
        return services;
    }

    /// <summary>Adds a health check that says whether holds expire in time. It fails as
    /// <see cref="HealthStatus.Degraded"/>: a node that lags with it serves calls all the same, so it is no part of
    /// readiness.</summary>
    /// <param name="builder">The health checks.</param>
    /// <returns>The builder.</returns>
    public static IHealthChecksBuilder AddLedgerHoldExpiryCheck(this IHealthChecksBuilder builder) =>
        AddCheck(
            builder, "ledger-hold-expiry", static system =>
                new HoldExpiryHealthCheck(system), HealthStatus.Degraded, null);

    /// <summary>Adds a health check that says whether this node may speak for its accounts: where several processes
    /// share the storage, it must have renewed its lease.</summary>
    /// <param name="builder">The health checks.</param>
    /// <param name="tags">What to find it by, such as the application's tag for readiness.</param>
    /// <returns>The builder.</returns>
    public static IHealthChecksBuilder AddLedgerLease(this IHealthChecksBuilder builder, params string[] tags) =>
        AddCheck(builder, "ledger-lease", static system => new LeaseHealthCheck(system), HealthStatus.Unhealthy, tags);

    /// <summary>Adds a health check that says whether this node's accounts can be written to the journal and read from
    /// it, whether its circuit breaker is open, and how many accounts wait until they try again. It is no part of
    /// readiness, which tries the ledger itself.</summary>
    /// <param name="builder">The health checks.</param>
    /// <param name="tags">What to find it by.</param>
    /// <returns>The builder.</returns>
    public static IHealthChecksBuilder AddLedgerJournal(this IHealthChecksBuilder builder, params string[] tags) =>
        AddCheck(
            builder, "ledger-journal", static system => new JournalHealthCheck(system), HealthStatus.Unhealthy, tags);

    /// <summary>Adds a health check that says whether this node knows the ledger's time. It is unhealthy where the node
    /// may be further than 250 ms from the others; degraded where a clock was set, or where accounts have rows of the
    /// future.</summary>
    /// <param name="builder">The health checks.</param>
    /// <param name="tags">What to find it by, such as the application's tag for readiness.</param>
    /// <returns>The builder.</returns>
    public static IHealthChecksBuilder AddLedgerClock(this IHealthChecksBuilder builder, params string[] tags) =>
        AddCheck(builder, "ledger-clock", static system => new ClockHealthCheck(system), HealthStatus.Unhealthy, tags);

    /// <summary>Adds a health check that says whether accounts could decide what they were asked. It fails as
    /// <see cref="HealthStatus.Degraded"/> for ten minutes after a decision threw, which a defect of the ledger alone
    /// can cause: the request was refused, and everything else goes on.</summary>
    /// <param name="builder">The health checks.</param>
    public static IHealthChecksBuilder AddLedgerDecisions(this IHealthChecksBuilder builder) =>
        AddCheck(
            builder, "ledger-decisions", static system => new DecisionHealthCheck(system), HealthStatus.Degraded, null);

    /// <summary>Adds a health check that says whether the index of transfers and accounts follows the journal, or is
    /// off. It fails as <see cref="HealthStatus.Degraded"/>: a node whose index lags serves all other calls the same,
    /// so it is no part of readiness.</summary>
    /// <param name="builder">The health checks.</param>
    /// <returns>The builder.</returns>
    public static IHealthChecksBuilder AddLedgerIndex(this IHealthChecksBuilder builder) =>
        AddCheck(builder, "ledger-index", static system => new IndexHealthCheck(system), HealthStatus.Degraded, null);

    private static IHealthChecksBuilder AddCheck(
        IHealthChecksBuilder builder, string name, Func<ActorSystem, IHealthCheck> check, HealthStatus failure,
        string[]? tags)
    {
        ArgumentNullException.ThrowIfNull(builder);
        return builder.Add(new HealthCheckRegistration(
            name, provider => check(provider.GetRequiredService<ActorSystem>()), failure, tags));
    }

    /// <summary>Adds a ledger to an actor system.</summary>
    /// <param name="builder">The actor system's configuration.</param>
    /// <param name="configure">Sets the options; a storage is required.</param>
    /// <returns>The builder.</returns>
    /// <exception cref="System.ComponentModel.DataAnnotations.ValidationException">An option is missing or out of its
    /// range.</exception>
    /// <exception cref="InvalidOperationException">The storage can't be used.</exception>
    public static AkkaConfigurationBuilder WithLedger(
        this AkkaConfigurationBuilder builder, Action<LedgerOptions> configure)
    {
        ArgumentNullException.ThrowIfNull(configure);
        var options = new LedgerOptions();
        configure(options);
        return builder.WithLedger(options);
    }

    /// <summary>Adds a ledger to an actor system.</summary>
    /// <param name="builder">The actor system's configuration.</param>
    /// <param name="options">The options; a storage is required.</param>
    /// <returns>The builder.</returns>
    /// <exception cref="System.ComponentModel.DataAnnotations.ValidationException">An option is missing or out of its
    /// range.</exception>
    /// <exception cref="InvalidOperationException">The storage can't be used.</exception>
    public static AkkaConfigurationBuilder WithLedger(this AkkaConfigurationBuilder builder, LedgerOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        options.Storage!.Prepare();
        options.Storage.Configure(builder);
        builder
            .AddHocon(AccountMailbox.Hocon, HoconAddMode.Prepend)
            .AddHocon(SafeSerializers.Hocon, HoconAddMode.Prepend)
            .AddSetup(new LedgerSetup(options))
            .WithCustomSerializer(
                "ledger", LedgerSerializer.BoundTypes, static system => new LedgerSerializer(system));
        if (options.Mode == LedgerExecutionMode.Local)
        {
            return builder.StartActors(async (system, _) =>
            {
                var ledger = LedgerExtension.Of(system);
                await ledger.StartClockAsync();
                await ledger.Lease.EnterAndWaitAsync(LedgerExtension.LeasePatience);
                await ledger.ReadBlocksAsync(s_blocksPatience);
                var accounts = system.ActorOf(
                    Props.Create(() => new LocalAccountsActor(ledger.Context)), "ledger-accounts");
                ledger.Start(accounts);

                // As sharding does when it hands over: what accounts have put off is written before the process ends,
                // so that the next one finds nothing in doubt. The phase bounds how long that may take.
                CoordinatedShutdown.Get(system).AddTask(
                    CoordinatedShutdown.PhaseBeforeActorSystemTerminate,
                    "stop-accounts",
                    () => accounts.Ask<Done>(StopAllAccounts.Instance));
            });
        }

        // What WithLedgerCluster(...) has said already stands, changed values included.
        if (!builder.Configuration.HasValue
            || !builder.Configuration.Value.HasPath(LedgerClusterHostingExtensions.Marker))
        {
            builder.AddHocon(
                LedgerClusterHostingExtensions.ShardingHocon(new LedgerClusterOptions().WithProfile()),
                HoconAddMode.Prepend);
        }

        builder.AddHocon(SafeSerializers.RemoteHocon, HoconAddMode.Prepend);

        // A transaction is one message; the default of 128,000 bytes would drop it, and silently so.
        builder.AddHocon(
            string.Create(CultureInfo.InvariantCulture, $$"""
                akka.remote.dot-netty.tcp {
                  maximum-frame-size = {{LedgerSizes.FrameMax}}b
                  send-buffer-size = {{LedgerSizes.FrameBuffer}}b
                  receive-buffer-size = {{LedgerSizes.FrameBuffer}}b
                }
                """),
            HoconAddMode.Prepend);
        return builder.StartActors(async (system, registry) =>
        {
            var ledger = LedgerExtension.Of(system);
            await ledger.StartClockAsync();
            await ledger.Lease.EnsureNoConflictAsync();
            await ledger.ReadBlocksAsync(s_blocksPatience);
            var region = await ledger.StartRegionAsync(ShardTypeName);
            registry.Register<AccountRegion>(region);
            ledger.Start(region);
        });
    }

    /// <summary>The ledger of an actor system.</summary>
    /// <param name="system">The actor system, made with <c>WithLedger(...)</c>.</param>
    /// <exception cref="InvalidOperationException">The actor system has no ledger.</exception>
    public static ILedger GetLedger(this ActorSystem system) => LedgerExtension.Of(system).Ledger;

    /// <summary>What operators ask of the ledger of an actor system.</summary>
    /// <param name="system">The actor system, which has a ledger.</param>
    public static ILedgerAdmin GetLedgerAdmin(this ActorSystem system) => LedgerExtension.Of(system).Admin;

    /// <summary>Questions across the accounts of the ledger of an actor system.</summary>
    /// <param name="system">The actor system, which has a ledger.</param>
    public static ILedgerQueries GetLedgerQueries(this ActorSystem system) => LedgerExtension.Of(system).Queries;

    /// <summary>Who is blocked, on the ledger of an actor system.</summary>
    /// <param name="system">The actor system, which has a ledger.</param>
    public static ICallerBlocks GetCallerBlocks(this ActorSystem system) => LedgerExtension.Of(system).Blocks;
}
