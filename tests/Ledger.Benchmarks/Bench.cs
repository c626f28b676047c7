using Ledger.Benchmarks.Workloads;

namespace Ledger.Benchmarks;

/// <summary>What a load costs.</summary>
internal sealed class Costs(NodeUnderTest node, Database database)
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
internal sealed class Bench(
    Settings settings, Database database, CancellationToken cancellationToken, NodeSetup? setup = null)
    : IAsyncDisposable
{
    private readonly NodeSetup setup = setup ?? NodeSetup.Plain;

    // The longest delay of a commit's record, and the time to write it.
    private static readonly TimeSpan Settling = TimeSpan.FromSeconds(1);

    private NodeUnderTest? node;
    private Driver? driver;

    public NodeUnderTest Node => node ?? throw new InvalidOperationException("It was not started.");

    public Driver Driver => driver ?? throw new InvalidOperationException("It was not started.");

    public string Name => setup.Name;

    public string DatabaseName => database.Name;

    public TimeSpan Length { get; } = TimeSpan.FromSeconds(settings.Seconds);

    public TimeSpan WarmupLength { get; } = TimeSpan.FromSeconds(settings.WarmupSeconds);

    /// <summary>Says what a node has complained of.</summary>
    public static void Complain(NodeUnderTest node)
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

    public async Task StartAsync()
    {
        node = await NodeUnderTest.StartAsync(
            settings, database, setup.Arguments, cancellationToken, setup.Program);
        driver = new Driver(node.Address, settings.Connections, setup.Tls);

        // The compiler's work, that of the driver too, is no part of any run.
        var warmup = PairWorkload.Of("uniform", settings);
        await driver.OpenAsync(warmup, cancellationToken);
        await ClosedAsync(warmup, 1, 64, WarmupLength);
    }

    /// <summary>A number of callers, each of which sends the next call when the last is answered.</summary>
    public Task<Load> ClosedAsync(Workload workload, int batch, int inFlight, TimeSpan length) => Load.ClosedAsync(
        () =>
            workload.Next(batch), (call, load) =>
                Driver.CallAsync(call, load, cancellationToken), inFlight, length, cancellationToken);

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
        if (books.Debits - booksBefore.Debits != seen.Amount
            || (!workload.HasHolds && entries != 2 * seen.Acknowledged))
        {
            throw new BooksException(
                $"{seen.Acknowledged} transfers of {seen.Amount} in all were acknowledged, and the accounts were "
                + $"debited {books.Debits - booksBefore.Debits} in {entries} entries.");
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
