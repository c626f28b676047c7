using System.Globalization;
using Ledger.Benchmarks.Workloads;
using Ledger.V1;

namespace Ledger.Benchmarks;

/// <summary>The benchmarks of a whole node.</summary>
internal static class LoadBenchmarks
{
    /// <summary>Calls of workloads, with as many callers as are asked for or at the rates that are asked for.</summary>
    public static Task LoadAsync(Settings settings, Report report, CancellationToken cancellationToken)
    {
        // What can't be done is told before anything is.
        settings.Workloads.ForEach(name => Workload.Of(name, settings));
        return OnEachDatabaseAsync(settings, async bench =>
        {
            foreach (var name in settings.Workloads)
            {
                var workload = await bench.OpenAsync(Workload.Of(name, settings));

                // How it is opened is no measure of how it runs: what it needs has been compiled.
                var warm = await bench.ClosedAsync(workload, settings.Batch, 8, bench.WarmupLength / 2);
                if (!warm.Errors.IsEmpty)
                {
                    Report.Say($"{name}, while warming up: " + Report.Text(warm.Errors));
                }

                if (settings.Rates.Length > 0)
                {
                    foreach (var rate in settings.Rates)
                    {
                        report.Add(await bench.MeasureAsync(
                            new Result("load", bench.DatabaseName, workload.Name, 0) { Rate = rate,
                                Batch = settings.Batch }, workload,
                            () => Load.OpenAsync(
                                () =>
                                    workload.Next(settings.Batch), (call, load) =>
                                        bench.Driver.CallAsync(call, load, cancellationToken), rate,
                                bench.Length, cancellationToken)));
                    }

                    continue;
                }

                foreach (var inFlight in settings.InFlight)
                {
                    report.Add(await bench.MeasureAsync(
                        new Result("load", bench.DatabaseName, workload.Name, inFlight) { Batch = settings.Batch },
                        workload,
                        () => bench.ClosedAsync(workload, settings.Batch, inFlight, bench.Length)));
                }
            }
        }, cancellationToken);
    }

    public static Task StreamAsync(Settings settings, Report report, CancellationToken cancellationToken)
    {
        const int streamed = 1024;
        var workloads = settings.Workloads.Select(name => Workload.Of(name, settings) as TransferWorkload
            ?? throw new FormatException($"{name} can't be streamed: its calls are not single transfers.")).ToList();
        return OnEachDatabaseAsync(settings, async bench =>
        {
            foreach (var workload in workloads)
            {
                await bench.OpenAsync(workload);
                await bench.Driver.StreamAsync(workload, streamed, bench.WarmupLength / 2, cancellationToken);
                report.Add(await bench.MeasureAsync(
                    new Result("stream", bench.DatabaseName, workload.Name, streamed), workload,
                    () => bench.Driver.StreamAsync(workload, streamed, bench.Length, cancellationToken)));
            }
        }, cancellationToken);
    }

    /// <summary>Reads each of many accounts that sleep, once.</summary>
    public static async Task WakeAsync(Settings settings, Report report, CancellationToken cancellationToken)
    {
        const int inFlight = 64;
        var names = Workload.Names("bench:cold", settings.Count ?? 20_000);
        foreach (var databaseName in settings.Databases)
        {
            await using var database = Database.Create(databaseName);
            await using (var first = await NodeUnderTest.StartAsync(settings, database, [], cancellationToken))
            {
                using var opener = new Driver(first.Address, settings.Connections);
                await opener.OpenAsync(Plain(names), cancellationToken);
            }

            // A new process remembers nothing; it is warm, by other accounts, when the reads begin.
            await using var node = await NodeUnderTest.StartAsync(settings, database, [], cancellationToken);
            using var driver = new Driver(node.Address, settings.Connections);
            var warm = Math.Min(20_000, names.Length / 4);
            await driver.ReadAsync(names[..warm], inFlight, cancellationToken);
            PauseForProfile(settings, node);
            var cost = new Costs(node, database);
            var load = await driver.ReadAsync(names[warm..], inFlight, cancellationToken);
            report.Add(cost.Of(new Result("wake", database.Name, "reads", inFlight), load));
            Bench.Complain(node);
        }
    }

    /// <summary>Reads two accounts that sleep and have a long past, one read at a time.</summary>
    public static async Task DeepAsync(Settings settings, Report report, CancellationToken cancellationToken)
    {
        const int warmPerRound = 5_000;
        var count = settings.Count ?? 1_000_000;
        var others = Workload.Names("bench:shallow", warmPerRound * settings.Rounds);
        foreach (var databaseName in settings.Databases)
        {
            await using var database = Database.Create(databaseName);
            var deep = PairWorkload.Of("hot", settings);
            await using (var filled = await NodeUnderTest.StartAsync(settings, database, [], cancellationToken))
            {
                using var opener = new Driver(filled.Address, settings.Connections);
                await opener.OpenAsync(Plain(others), cancellationToken);
                await opener.OpenAsync(deep, cancellationToken);
                for (long posted = 0; posted < count;)
                {
                    var some = await opener.StreamAsync(
                        deep, 1024, TimeSpan.FromSeconds(settings.Seconds), cancellationToken);
                    posted += some.Acknowledged;
                }
            }

            // A new process remembers nothing. Its first two reads have code to compile, although other accounts have
            // been woken; those of the same accounts when they have gone to sleep again have not.
            var first = new Load();
            var again = new Load();
            foreach (var warm in others.Chunk(warmPerRound))
            {
                await using var node = await NodeUnderTest.StartAsync(
                    settings, database, ["--Ledger:PassivateAfter", "00:00:02"], cancellationToken);
                using var driver = new Driver(node.Address, settings.Connections);
                await driver.ReadAsync(warm, 64, cancellationToken);
                foreach (var load in (Load[])[first, again, again, again])
                {
                    foreach (var account in deep.Accounts)
                    {
                        await driver.ReadAsync([account.Address], 1, load, cancellationToken);
                    }

                    await Task.Delay(TimeSpan.FromSeconds(6), cancellationToken);
                }

                Bench.Complain(node);
                var books = await driver.CheckBooksAsync(deep.Books, cancellationToken);
                Report.Say($"two accounts with {books.Entries / 2} entries each");
            }

            report.Add(new Result("deep", database.Name, "first reads", 1).Of(first) with { PerSecond = 0 });
            report.Add(new Result("deep", database.Name, "later reads", 1).Of(again) with { PerSecond = 0 });
        }
    }

    /// <summary>The resident memory of accounts that are awake and idle.</summary>
    public static async Task MemoryAsync(Settings settings, Report report, CancellationToken cancellationToken)
    {
        var count = settings.Count ?? 100_000;
        var names = Workload.Names("bench:awake", count);
        foreach (var databaseName in settings.Databases)
        {
            await using var database = Database.Create(databaseName);
            await using var node = await NodeUnderTest.StartAsync(
                settings, database, ["--Ledger:PassivateAfter", "06:00:00"], cancellationToken);
            Report.Say(node.CommandLine);
            using var driver = new Driver(node.Address, settings.Connections);

            // Whatever grows with use, and not with accounts, has grown before the first reading: code and buffers.
            var warm = names[..(count / 10)];
            await driver.OpenAsync(Plain(warm), cancellationToken);
            await driver.ReadAsync(warm, 64, cancellationToken);
            var before = await SettleAsync(node, cancellationToken);
            await driver.OpenAsync(Plain(names), cancellationToken);
            var after = await SettleAsync(node, cancellationToken);
            var grown = count - warm.Length;
            report.Add(new Result("memory", database.Name, "awake", 0)
            {
                Count = grown,
                ResidentBytes = (after - before) / (double)grown,
            });
            Report.Say(string.Create(
                CultureInfo.InvariantCulture,
                $"resident {before / 1048576.0:F0} MiB with {warm.Length} accounts awake, {after / 1048576.0:F0} MiB "
                    + $"with {count}"));
            Bench.Complain(node);
        }
    }

    /// <summary>Accounts without limits.</summary>
    public static V1.AccountSpec[] Plain(string[] names) =>
        Array.ConvertAll(names, static name => new V1.AccountSpec { Address = name, Asset = Workload.Asset, Code = 1 });

    private static async Task OnEachDatabaseAsync(
        Settings settings, Func<Bench, Task> run, CancellationToken cancellationToken)
    {
        foreach (var name in settings.Databases)
        {
            await using var database = Database.Create(name);
            await using var bench = new Bench(settings, database, cancellationToken);
            await bench.StartAsync();
            PauseForProfile(settings, bench.Node);
            await run(bench);
            Bench.Complain(bench.Node);
        }
    }

    // Forced, since a server GC takes its time; then until the kernel has got back what it gets.
    private static async Task<long> SettleAsync(NodeUnderTest node, CancellationToken cancellationToken)
    {
        var last = long.MaxValue;
        for (var i = 0; i < 5; i++)
        {
            GarbageCollector.Collect(node.Id);
            await Task.Delay(TimeSpan.FromSeconds(3), cancellationToken);
            var resident = ProcessTimes.Resident(node.Id);
            if (resident > last * 0.99)
            {
                return resident;
            }

            last = resident;
        }

        return last;
    }

    private static void PauseForProfile(Settings settings, NodeUnderTest node)
    {
        if (settings.ProfilePause)
        {
            Report.Say($"The node is process {node.Id}. Press Enter to go on.");
            Console.ReadLine();
        }
    }
}
