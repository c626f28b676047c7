using System.Data.Common;
using System.Diagnostics;
using System.Globalization;
using Akka.Actor;
using HdrHistogram;
using Ledger.Tests.Shared;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Npgsql;

namespace Ledger.Benchmarks;

/// <summary>Very many holds with timeouts on accounts that sleep: how late do they expire? Their deadlines are spread
/// evenly over a window; lateness is the time that the journal gives the expiry, less the hold's deadline.</summary>
internal static class HoldsBenchmark
{
    private const int HoldsOfCreditAccount = 1000;
    private const int Batch = 8000;
    private const int Slots = 20;
    private static readonly Asset Money = Asset.Parse("EUR/2");

    public static async Task RunAsync(Settings settings, CancellationToken cancellationToken)
    {
        foreach (var database in settings.Databases)
        {
            await RunAsync(settings, database, cancellationToken);
        }
    }

    private static async Task RunAsync(Settings settings, string database, CancellationToken cancellationToken)
    {
        var count = settings.Count ?? 1_000_000;
        var debits = Math.Max(1, count / 5);
        var credits = Math.Max(1, count / HoldsOfCreditAccount);
        var window = TimeSpan.FromSeconds(settings.Seconds);
        var directory = Directory.CreateTempSubdirectory("ledger-holds-");
        using var server = database == "postgresql" ? new PostgresServer() : null;
        var connectionString = server?.CreateDatabase();
        var file = Path.Combine(directory.FullName, "ledger.db");
        try
        {
            var builder = Host.CreateApplicationBuilder(new HostApplicationBuilderSettings { DisableDefaults = true });
            builder.Services.AddLedger(options =>
            {
                // Some tens of thousands of the accounts of a million holds are awake at a time, and the others asleep.
                options.PassivateAfter = TimeSpan.FromSeconds(20);
                options.CallTimeout = TimeSpan.FromMinutes(2);
                if (connectionString is null)
                {
                    options.UseSqlite(file);
                }
                else
                {
                    options.UsePostgreSql(connectionString);
                }
            });
            using var host = builder.Build();
            await host.StartAsync(cancellationToken);
            var ledger = host.Services.GetRequiredService<ILedger>();
            var clock = Stopwatch.StartNew();
            await OpenAsync(ledger, "d", debits, cancellationToken);
            await OpenAsync(ledger, "c", credits, cancellationToken);
            Report.Say(
                Invariant($"{database}: {debits + credits} accounts opened in {clock.Elapsed.TotalSeconds:0} s"));

            // At a modest guess of the pace, so that all are made before the first is due, also on a busy machine.
            clock.Restart();
            var first = DateTimeOffset.UtcNow + TimeSpan.FromSeconds(30 + (count / 2200.0));
            for (var from = 0; from < count; from += Batch)
            {
                var size = Math.Min(Batch, count - from);
                var transfers = new Transfer[size];
                for (var i = 0; i < size; i++)
                {
                    // Which hold is due when is no matter of the order in which they were made.
                    var number = from + i;
                    var place = (long)number * 7919 % count;
                    var timeout = first + (window * (place / (double)count)) - DateTimeOffset.UtcNow;
                    transfers[i] = new Transfer(
                        TransferId.FromGuid(Guid.CreateVersion7()), Account("d", number % debits),
                        Account("c", number % credits),
                        Amount.Of(1), 1)
                    {
                        Asset = Money, Flags = TransferFlags.Pending,
                        Timeout = TimeSpan.FromTicks(
                            timeout.Ticks / TimeSpan.TicksPerMillisecond * TimeSpan.TicksPerMillisecond),
                    };
                }

                foreach (var result in await ledger.PostTransfersAsync(transfers, cancellationToken: cancellationToken))
                {
                    if (!result.IsCommitted)
                    {
                        throw new BooksException($"{result.Id}: {result.Status}");
                    }
                }
            }

            Report.Say(string.Create(
                CultureInfo.InvariantCulture,
                $"{database}: {count} holds made in {clock.Elapsed.TotalSeconds:0} s; the first is due in "
                    + $"{(first - DateTimeOffset.UtcNow).TotalSeconds:0} s"));
            GC.Collect();
            var asleep = first - DateTimeOffset.UtcNow - TimeSpan.FromSeconds(1);
            await Task.Delay(asleep > TimeSpan.Zero ? asleep : TimeSpan.Zero, cancellationToken);
            var before = Environment.WorkingSet;
            var most = before;
            var paused = GC.GetTotalPauseDuration();
            var end = first + window;
            while (DateTimeOffset.UtcNow < end + TimeSpan.FromSeconds(6))
            {
                most = Math.Max(most, Environment.WorkingSet);
                await Task.Delay(TimeSpan.FromSeconds(1), cancellationToken);
            }

            paused = GC.GetTotalPauseDuration() - paused;
            await using var connection = connectionString is null
                ? (DbConnection)new SqliteConnection(new SqliteConnectionStringBuilder
                {
                    DataSource = file, Mode = SqliteOpenMode.ReadOnly, Pooling = false,
                }.ToString())
                : new NpgsqlConnection(connectionString);
            await connection.OpenAsync(cancellationToken);
            var worst = new long[Slots];
            var lateness = await LatenessAsync(connection, first, window, worst, cancellationToken);
            Report.Say(string.Create(
                CultureInfo.InvariantCulture,
                $"{database}: {lateness.TotalCount} of {count} holds expired over {window.TotalSeconds:0} s; late by "
                    + $"p50 {At(50)} ms, p99 {At(99)} ms, p99.9 {At(99.9)} ms, at most {At(100)} ms; working set "
                    + $"{before >> 20} MiB before, {most >> 20} MiB at most; paused {paused.TotalMilliseconds:0} ms "
                    + $"in all to collect garbage"));
            Report.Say(string.Create(
                CultureInfo.InvariantCulture,
                $"{database}: the latest of each twentieth of that time, in ms: "
                    + $"{string.Join(' ', worst.Select(static late => late / 1000))}"));
            if (lateness.TotalCount != count)
            {
                throw new BooksException($"{lateness.TotalCount} of {count} holds expired.");
            }

            await host.StopAsync(cancellationToken);

            string At(double percentile) =>
                (lateness.GetValueAtPercentile(percentile) / 1000.0).ToString("0.0", CultureInfo.InvariantCulture);
        }
        finally
        {
            NpgsqlConnection.ClearAllPools();
            directory.Delete(recursive: true);
        }
    }

    private static async Task<LongHistogram> LatenessAsync(
        DbConnection connection, DateTimeOffset first, TimeSpan window, long[] worst,
        CancellationToken cancellationToken)
    {
        var begin = LedgerTime.From(first).UnixMicroseconds;
        var histogram = new LongHistogram(TimeSpan.FromHours(1).Ticks / 10, 3);
        foreach (var (due, late) in await Expiries.ReadAsync(connection, cancellationToken))
        {
            histogram.RecordValue(late);
            var place = (due.UnixMicroseconds - begin) / window.TotalMicroseconds;
            ref var most = ref worst[Math.Clamp((int)(place * Slots), 0, Slots - 1)];
            most = Math.Max(most, late);
        }

        return histogram;
    }

    private static async Task OpenAsync(ILedger ledger, string kind, int count, CancellationToken cancellationToken)
    {
        for (var from = 0; from < count; from += Batch)
        {
            var specs = Enumerable.Range(from, Math.Min(Batch, count - from))
                .Select(i => new AccountSpec(Account(kind, i), Money, 1)).ToArray();
            await ledger.OpenAccountsAsync(specs, cancellationToken: cancellationToken);
        }
    }

    private static AccountAddress Account(string kind, int number) =>
        AccountAddress.Parse(string.Create(CultureInfo.InvariantCulture, $"{kind}:{number}"));

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
