using System.Data.Common;
using System.Diagnostics;
using System.Globalization;
using Akka.Actor;
using Ledger.Actors;
using Ledger.Tests.Shared;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Npgsql;

namespace Ledger.Benchmarks;

/// <summary>Holds on a merchant who is then paid very often: how late do they expire, and what is read of the payments
/// since? Everything is written by the ledger itself.</summary>
internal static class ExpiryBenchmark
{
    private const int Holds = 20;

    // Together fewer than the calls that one account works on at once, 10,000, and few enough that none waits for
    // seconds.
    private const int Batch = 500;
    private const int BatchesAtOnce = 8;
    private static readonly TimeSpan s_apart = TimeSpan.FromMilliseconds(250);
    private static readonly Asset s_money = Asset.Parse("EUR/2");
    private static readonly AccountAddress s_merchant = AccountAddress.Parse("merchant");
    private static readonly AccountAddress s_payer = AccountAddress.Parse("payer");

    public static async Task RunAsync(Settings settings, CancellationToken cancellationToken)
    {
        foreach (var database in settings.Databases)
        {
            await RunAsync(database, settings.Count ?? 1_000_000, cancellationToken);
        }
    }

    private static async Task RunAsync(string database, int entries, CancellationToken cancellationToken)
    {
        var directory = Directory.CreateTempSubdirectory("ledger-expiry-");
        using var server = database == "postgresql" ? new PostgresServer() : null;
        var connectionString = server?.CreateDatabase();
        var file = Path.Combine(directory.FullName, "ledger.db");
        try
        {
            var builder = Host.CreateApplicationBuilder(new HostApplicationBuilderSettings { DisableDefaults = true });
            builder.Services.AddLedger(options =>
            {
                options.PassivateAfter = TimeSpan.FromHours(1);
                options.CallTimeout = TimeSpan.FromMinutes(2);
                _ = connectionString is null ? options.UseSqlite(file) : options.UsePostgreSql(connectionString);
            });
            using var host = builder.Build();
            await host.StartAsync(cancellationToken);
            var ledger = host.Services.GetRequiredService<ILedger>();
            var lookups = LedgerExtension.Of(host.Services.GetRequiredService<ActorSystem>()).Context.Reader.Lookups;
            AccountAddress[] customers =
                [.. Enumerable.Range(0, Holds).Select(static i => AccountAddress.Parse(Invariant($"customer:{i}")))];
            AccountAddress[] all = [.. customers, s_merchant, s_payer];
            await ledger.OpenAccountsAsync(
                [.. all.Select(static one => new AccountSpec(one, s_money, 1))], cancellationToken: cancellationToken);

            // By the pace of a tenth, so that all are booked before the first is due, also on a busy machine.
            var clock = Stopwatch.StartNew();
            await PayAsync(ledger, entries / 10, cancellationToken);
            var first = DateTimeOffset.UtcNow + TimeSpan.FromSeconds(20) + (clock.Elapsed * 20);
            var due = new DateTimeOffset[Holds];
            for (var i = 0; i < Holds; i++)
            {
                var now = DateTimeOffset.UtcNow;
                var timeout = TimeSpan.FromMilliseconds(Math.Floor((first + (s_apart * i) - now).TotalMilliseconds));
                due[i] = now + timeout;
                Require(await ledger.PostTransferAsync(
                    New(customers[i], 1) with { Flags = TransferFlags.Pending, Timeout = timeout },
                    cancellationToken: cancellationToken));
            }

            clock.Restart();
            await PayAsync(ledger, entries, cancellationToken);
            Report.Say(string.Create(
                CultureInfo.InvariantCulture,
                $"{database}: {Holds} holds, and {entries} entries of the merchant since, in "
                    + $"{clock.Elapsed.TotalSeconds:0} s"));
            if (DateTimeOffset.UtcNow > due[0])
            {
                throw new BooksException(
                    "The first hold was due before all entries were booked: the machine got slower.");
            }

            var (ids, rows) = (lookups.Ids, lookups.Rows);
            var last = due[^1] + TimeSpan.FromSeconds(30);
            while ((await ledger.GetAccountAsync(s_merchant, cancellationToken: cancellationToken))!.HoldCount > 0
                && DateTimeOffset.UtcNow < last)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(500), cancellationToken);
            }

            var (asked, read) = (lookups.Ids - ids, lookups.Rows - rows);
            await host.StopAsync(cancellationToken);
            await using var connection = connectionString is null
                ? (DbConnection)new SqliteConnection($"Data Source={file};Mode=ReadOnly;Pooling=False")
                : new NpgsqlConnection(connectionString);
            await connection.OpenAsync(cancellationToken);
            var expired = await Expiries.ReadAsync(connection, cancellationToken);
            var late = string.Join(
                ' ', expired.OrderBy(static one => one.Due).Select(static one => Invariant($"{one.Late / 1000.0:0}")));
            Report.Say(string.Create(
                CultureInfo.InvariantCulture,
                $"{database}: {expired.Count} of {Holds} holds expired, late by {late} ms;"
                + $" for it the journal was asked for ids {asked} times, and {read} rows were read"));
            if (expired.Count != Holds)
            {
                throw new BooksException(Invariant($"{expired.Count} of {Holds} holds expired."));
            }
        }
        finally
        {
            NpgsqlConnection.ClearAllPools();
            directory.Delete(recursive: true);
        }
    }

    private static async Task PayAsync(ILedger ledger, int count, CancellationToken cancellationToken)
    {
        var left = count;
        await Task.WhenAll(Enumerable.Range(0, BatchesAtOnce).Select(async _ =>
        {
            while (Interlocked.Add(ref left, -Batch) is var after && after > -Batch)
            {
                var size = Math.Min(Batch, Batch + after);
                var results = await ledger.PostTransfersAsync(
                    [.. Enumerable.Range(0, size).Select(_ => New(s_payer, 1))], cancellationToken: cancellationToken);
                foreach (var result in results)
                {
                    Require(result);
                }
            }
        }));
    }

    private static Transfer New(AccountAddress payer, ulong amount) =>
        new(TransferId.FromGuid(Guid.CreateVersion7()), payer, s_merchant, Amount.Of(amount), 1) { Asset = s_money };

    private static void Require(TransferResult result)
    {
        if (!result.IsCommitted)
        {
            throw new BooksException($"{result.Id}: {result.Status}");
        }
    }

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
