using System.Globalization;
using Ledger.Benchmarks.Workloads;
using Ledger.V1;

namespace Ledger.Benchmarks;

/// <summary>The benchmarks of a whole node.</summary>
internal static class LoadBenchmarks
{
    // The longest delay of a commit's record, and the time to write it.
    private static readonly TimeSpan Settling = TimeSpan.FromSeconds(1);

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
                Call Next() => workload.Next(settings.Batch);
                Task CallAsync(Call call, Load load) => bench.Driver.CallAsync(call, load, cancellationToken);

                // How it is opened is no measure of how it runs: what it needs has been compiled.
                var warm = await Load.ClosedAsync(Next, CallAsync, 8, bench.WarmupLength / 2, cancellationToken);
                if (!warm.Errors.IsEmpty)
                {
                    Report.Say($"{name}, while warming up: " + Report.Text(warm.Errors));
                }

                if (settings.Rates.Length > 0)
                {
                    foreach (var rate in settings.Rates)
                    {
                        report.Add(await bench.MeasureAsync(
                            new Result("load", bench.DatabaseName, workload.Name, 0) { Rate = rate, Batch = settings.Batch }, workload,
                            () => Load.OpenAsync(Next, CallAsync, rate, bench.Length, cancellationToken)));
                    }

                    continue;
                }

                foreach (var inFlight in settings.InFlight)
                {
                    report.Add(await bench.MeasureAsync(
                        new Result("load", bench.DatabaseName, workload.Name, inFlight) { Batch = settings.Batch }, workload,
                        () => Load.ClosedAsync(Next, CallAsync, inFlight, bench.Length, cancellationToken)));
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
                $"resident {before / 1048576.0:F0} MiB with {warm.Length} accounts awake, {after / 1048576.0:F0} MiB with {count}"));
            Complain(node);
        }
    }

    private static AccountSpec[] Plain(string[] names) =>
        Array.ConvertAll(names, static name => new AccountSpec { Address = name, Asset = Workload.Asset, Code = 1 });

    private static async Task OnEachDatabaseAsync(Settings settings, Func<Bench, Task> run, CancellationToken cancellationToken)
    {
        foreach (var name in settings.Databases)
        {
            await using var database = Database.Create(name);
            await using var bench = new Bench(settings, database, cancellationToken);
            await bench.StartAsync();
            PauseForProfile(settings, bench.Node);
            await run(bench);
            Complain(bench.Node);
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
    private sealed class Bench(Settings settings, Database database, CancellationToken cancellationToken) : IAsyncDisposable
    {
        private NodeUnderTest? node;
        private Driver? driver;

        public NodeUnderTest Node => node ?? throw new InvalidOperationException("It was not started.");

        public Driver Driver => driver ?? throw new InvalidOperationException("It was not started.");

        public string DatabaseName => database.Name;

        public TimeSpan Length { get; } = TimeSpan.FromSeconds(settings.Seconds);

        public TimeSpan WarmupLength { get; } = TimeSpan.FromSeconds(settings.WarmupSeconds);

        public async Task StartAsync()
        {
            node = await NodeUnderTest.StartAsync(settings, database, [], cancellationToken);
            driver = new Driver(node.Address, settings.Connections);

            // The compiler's work, that of the driver too, is no part of any run.
            var warmup = PairWorkload.Of("uniform", settings);
            await driver.OpenAsync(warmup, cancellationToken);
            await Load.ClosedAsync(
                () => warmup.Next(1), (call, load) => driver.CallAsync(call, load, cancellationToken), 64, WarmupLength, cancellationToken);
        }

        public async Task<T> OpenAsync<T>(T workload)
            where T : Workload
        {
            await Driver.OpenAsync(workload, cancellationToken);
            if (workload.Sleeps)
            {
                Complain(Node);
                await DisposeAsync();
                await StartAsync();
            }

            return workload;
        }

        public async Task<Result> MeasureAsync(Result run, Workload workload, Func<Task<Load>> load)
        {
            await Task.Delay(Settling, cancellationToken);
            var booksBefore = await Driver.CheckBooksAsync(workload.Books, cancellationToken);
            var sizeBefore = await database.SizeAsync(default, cancellationToken);
            var costs = new Costs(Node, database);
            var seen = await load();
            var result = costs.Of(run, seen) with { NodeBytes = ProcessTimes.Resident(Node.Id) };
            await Task.Delay(Settling, cancellationToken);
            var size = await database.SizeAsync(sizeBefore, cancellationToken);
            var books = await Driver.CheckBooksAsync(workload.Books, cancellationToken);
            var entries = books.Entries - booksBefore.Entries;
            if (books.Debits - booksBefore.Debits != seen.Amount || (!workload.HasHolds && entries != 2 * seen.Acknowledged))
            {
                throw new BooksException(
                    $"{seen.Acknowledged} transfers of {seen.Amount} in all were acknowledged, and the accounts were debited"
                    + $" {books.Debits - booksBefore.Debits} in {entries} entries.");
            }

            return result with
            {
                JournalRows = (size.Rows - sizeBefore.Rows) / (double)Math.Max(1, seen.Acknowledged),
                JournalBytes = (size.Bytes - sizeBefore.Bytes) / (double)Math.Max(1, seen.Acknowledged),
            };
        }

        public async ValueTask DisposeAsync()
        {
            driver?.Dispose();
            if (node is not null)
            {
                await node.DisposeAsync();
            }
        }
    }
}
