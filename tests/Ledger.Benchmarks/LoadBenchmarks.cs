using System.Globalization;

namespace Ledger.Benchmarks;

/// <summary>The benchmarks of a whole node.</summary>
internal static class LoadBenchmarks
{
    // The longest delay of a commit's record, and the time to write it.
    private static readonly TimeSpan Settling = TimeSpan.FromSeconds(1);

    public static Task FirstAsync(Settings settings, Report report, CancellationToken cancellationToken) =>
        OnEachDatabaseAsync(settings, async (bench, database) =>
        {
            foreach (var name in settings.Workloads)
            {
                var workload = await bench.OpenAsync(name);
                foreach (var inFlight in settings.InFlight)
                {
                    report.Add(await bench.MeasureAsync(
                        "unary", workload, inFlight,
                        () => bench.Driver.UnaryAsync(workload, inFlight, bench.Length, cancellationToken)));
                }
            }
        }, cancellationToken);

    public static Task StreamAsync(Settings settings, Report report, CancellationToken cancellationToken)
    {
        const int streamed = 1024;
        const int batch = 1000;
        return OnEachDatabaseAsync(settings, async (bench, _) =>
        {
            // The compiler has not seen these paths yet.
            var warmup = await bench.OpenAsync("uniform");
            await bench.Driver.StreamAsync(warmup, streamed, bench.WarmupLength, cancellationToken);
            await bench.Driver.BatchesAsync(warmup, 1, batch, bench.WarmupLength, cancellationToken);
            foreach (var name in settings.Workloads)
            {
                var workload = await bench.OpenAsync(name);
                report.Add(await bench.MeasureAsync(
                    "stream", workload, streamed,
                    () => bench.Driver.StreamAsync(workload, streamed, bench.Length, cancellationToken)));
                foreach (var inFlight in new[] { 1, 4 })
                {
                    report.Add(await bench.MeasureAsync(
                        "batches", workload, inFlight * batch,
                        () => bench.Driver.BatchesAsync(workload, inFlight, batch, bench.Length, cancellationToken)));
                }
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
                await opener.OpenAsync(names, cancellationToken);
            }

            // A new process remembers nothing; it is warm, by other accounts, when the reads begin.
            await using var node = await NodeUnderTest.StartAsync(settings, database, [], cancellationToken);
            using var driver = new Driver(node.Address, settings.Connections);
            var warm = Math.Min(2000, names.Length / 4);
            await driver.ReadAsync(names[..warm], inFlight, cancellationToken);
            PauseForProfile(settings, node);
            var cost = new Costs(node, database);
            var load = await driver.ReadAsync(names[warm..], inFlight, cancellationToken);
            report.Add(cost.Of(new Result("wake", database.Name, "reads", inFlight), load));
            Complain(node);
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
            await driver.OpenAsync(warm, cancellationToken);
            await driver.ReadAsync(warm, 64, cancellationToken);
            var before = await SettleAsync(node, cancellationToken);
            await driver.OpenAsync(names, cancellationToken);
            var after = await SettleAsync(node, cancellationToken);
            var grown = count - warm.Length;
            report.Add(new Result("memory", database.Name, "awake", 0)
            {
                Count = grown,
                ResidentBytes = (after - before) / (double)grown,
            });
            Report.Say(string.Create(
                CultureInfo.InvariantCulture,
                $"resident {before / 1048576.0:F0} MiB with {warm.Length} accounts awake, {after / 1048576.0:F0} MiB with {count}"));
            Complain(node);
        }
    }

    private static async Task OnEachDatabaseAsync(
        Settings settings, Func<Bench, Database, Task> run, CancellationToken cancellationToken)
    {
        foreach (var name in settings.Databases)
        {
            await using var database = Database.Create(name);
            await using var node = await NodeUnderTest.StartAsync(settings, database, [], cancellationToken);
            using var driver = new Driver(node.Address, settings.Connections);
            var bench = new Bench(settings, database, node, driver, cancellationToken);

            // The compiler's work, that of the driver too, is no part of any run.
            var warmup = await bench.OpenAsync("uniform");
            await driver.UnaryAsync(warmup, 64, bench.WarmupLength, cancellationToken);
            PauseForProfile(settings, node);
            await run(bench, database);
            Complain(node);
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

    private static void Complain(NodeUnderTest node)
    {
        // Some hold a stack trace; the beginning says what it is.
        const int lengthMax = 240;
        var complaints = node.Complaints().ToArray();
        foreach (var line in complaints.Take(5))
        {
            Report.Say("the node says: " + (line.Length <= lengthMax ? line : line[..lengthMax] + " ..."));
        }

        if (complaints.Length > 5)
        {
            Report.Say($"the node says {complaints.Length - 5} more such things");
        }
    }

    /// <summary>What a load costs.</summary>
    private sealed class Costs(NodeUnderTest node, Database database)
    {
        private readonly TimeSpan nodeBefore = node.Processor();
        private readonly TimeSpan databaseBefore = database.Processor();
        private readonly TimeSpan driverBefore = Environment.CpuUsage.TotalTime;

        public Result Of(Result result, Load load)
        {
            var count = Math.Max(1, load.Acknowledged);
            return result.Of(load) with
            {
                NodeMicros = (node.Processor() - nodeBefore).TotalMicroseconds / count,
                DatabaseMicros = (database.Processor() - databaseBefore).TotalMicroseconds / count,
                DriverMicros = (Environment.CpuUsage.TotalTime - driverBefore).TotalMicroseconds / count,
            };
        }
    }

    /// <summary>One node with its database, warm.</summary>
    private sealed class Bench(
        Settings settings, Database database, NodeUnderTest node, Driver driver, CancellationToken cancellationToken)
    {
        public Driver Driver => driver;

        public TimeSpan Length { get; } = TimeSpan.FromSeconds(settings.Seconds);

        public TimeSpan WarmupLength { get; } = TimeSpan.FromSeconds(settings.WarmupSeconds);

        public async Task<Workload> OpenAsync(string name)
        {
            var workload = Workload.Of(name, settings);
            await driver.OpenAsync(workload, cancellationToken);
            return workload;
        }

        public async Task<Result> MeasureAsync(string mode, Workload workload, int inFlight, Func<Task<Load>> run)
        {
            await Task.Delay(Settling, cancellationToken);
            IReadOnlyList<string> accounts = workload.OpeningBalance > 0 ? [.. workload.Accounts, workload.Bank] : workload.Accounts;
            var entriesBefore = await driver.CheckBooksAsync(accounts, cancellationToken);
            var sizeBefore = await database.SizeAsync(default, cancellationToken);
            var costs = new Costs(node, database);
            var load = await run();
            var result = costs.Of(new Result(mode, database.Name, workload.Name, inFlight), load);
            await Task.Delay(Settling, cancellationToken);
            var size = await database.SizeAsync(sizeBefore, cancellationToken);
            var entries = await driver.CheckBooksAsync(accounts, cancellationToken) - entriesBefore;
            if (entries != 2 * load.Acknowledged)
            {
                throw new BooksException(
                    $"{load.Acknowledged} transfers were acknowledged, and the accounts have {entries} new entries.");
            }

            return result with
            {
                JournalRows = (size.Rows - sizeBefore.Rows) / (double)Math.Max(1, load.Acknowledged),
                JournalBytes = (size.Bytes - sizeBefore.Bytes) / (double)Math.Max(1, load.Acknowledged),
            };
        }
    }
}
