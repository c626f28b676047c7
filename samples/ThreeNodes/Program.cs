// Three nodes on one PostgreSQL, and a client that moves money all the time. One node is killed without a word; the
// terminal shows what happens to whom; it is started again; and at the end the books are balanced.
//
//   ThreeNodes [connection string of an empty PostgreSQL database]
//
// Without a connection string it starts a PostgreSQL server of its own, which needs the server's binaries (Debian:
// postgresql). Ends with 0 when every call was answered and the books balance.
using System.Collections.Concurrent;
using System.Diagnostics;
using Ledger.Client;
using Ledger.Tests.Shared;
using ThreeNodesSample;

const int Accounts = 30;
var pauseBetweenCalls = TimeSpan.FromMilliseconds(10);
var patience = TimeSpan.FromSeconds(90);
var directory = Directory.CreateTempSubdirectory("three-nodes-");
using var server = args.Length > 0 ? null : new PostgresServer();
var database = args.Length > 0 ? args[0] : server!.CreateDatabase();
Console.WriteLine(server is null ? "On the given database." : "A PostgreSQL server of its own is running.");

var nodes = new[] { "node-1", "node-2", "node-3" }.Select(name => new Node(name, database, directory.FullName))
    .ToArray();
Console.CancelKeyPress += (_, _) => Array.ForEach(nodes, static node => node.Dispose());
var clock = Stopwatch.StartNew();
try
{
    Array.ForEach(nodes, node => node.Start(nodes));
    await UntilAsync("three nodes are ready", async () =>
        (await Task.WhenAll(nodes.Select(static node => node.IsReadyAsync()))).All(static ready => ready));
    Say("three nodes are one cluster");

    await using var client = new LedgerClient(new LedgerClientOptions
    {
        Addresses = [.. nodes.Select(static node => node.Grpc)],

        // An unknown outcome is answered by sending the same id again.
        RetryUnknownFor = TimeSpan.FromSeconds(60),
    });
    await client.OpenAccountsAsync(
        [.. Enumerable.Range(0, Accounts)
            .Select(static i => new AccountSpec { Address = $"users:{i}", Asset = "USD/2", Code = 1 })]);

    // Each worker pays from accounts of its own, one after the other, and notes when each was last answered.
    var answered = new ConcurrentDictionary<int, TimeSpan>();
    var waiting = new ConcurrentDictionary<int, TimeSpan>();
    var (moved, failed) = (0L, 0L);
    using var stop = new CancellationTokenSource();
    var payers = Task.WhenAll(Enumerable.Range(0, Accounts).Select(PayAsync));

    await ShowAsync(TimeSpan.FromSeconds(4));
    Say($"SIGKILL for {nodes[0].Name}, the oldest");
    nodes[0].Kill();
    var killed = clock.Elapsed;
    var longest = TimeSpan.Zero;
    do
    {
        await ShowAsync(TimeSpan.FromSeconds(1));
    }
    while (Enumerable.Range(0, Accounts).Any(i => answered.GetValueOrDefault(i) < killed)
        && clock.Elapsed - killed < patience);
    longest = answered.Values.Max() - killed;
    Say("every account has been written again");
    await ShowAsync(TimeSpan.FromSeconds(2));

    Say($"{nodes[0].Name} is started again");
    nodes[0].Start(nodes);
    await UntilAsync("it is ready", nodes[0].IsReadyAsync);
    Say($"{nodes[0].Name} serves again, and accounts move to it");
    await ShowAsync(TimeSpan.FromSeconds(6));

    await stop.CancelAsync();
    await payers;
    var (debits, credits, entries) = ((UInt128)0, (UInt128)0, 0UL);
    for (var i = 0; i < Accounts; i++)
    {
        var account = (await client.GetAccountAsync($"users:{i}"))!;
        debits += account.Balances.DebitsPosted;
        credits += account.Balances.CreditsPosted;
        entries += account.EntryCount;
    }

    Say($"{moved} transfers answered, {failed} failed; in the books: {debits} debited, {credits} credited, {entries} "
        + "entries");
    var balanced = debits == credits && debits == (UInt128)moved && entries == 2 * (ulong)moved;
    Say(balanced && failed == 0
        ? "the books are balanced, and nobody's call has failed"
        : "THE BOOKS ARE NOT BALANCED");
    Console.WriteLine($"What the nodes said is in {directory.FullName}.");
    return balanced && failed == 0 ? 0 : 1;

    async Task PayAsync(int from)
    {
        var random = new Random(from);
        while (!stop.IsCancellationRequested)
        {
            waiting[from] = clock.Elapsed;
            try
            {
                await client.PostTransferAsync(new Transfer
                {
                    Id = TransferIds.New(),
                    DebitAccount = $"users:{from}",
                    CreditAccount = $"users:{(from + 1 + random.Next(Accounts - 1)) % Accounts}",
                    Amount = 1,
                    Code = 1,
                });
                Interlocked.Increment(ref moved);
                answered[from] = clock.Elapsed;
            }
            catch (LedgerClientException e)
            {
                Interlocked.Increment(ref failed);
                Say($"users:{from}: {e.Message}");
            }

            waiting.TryRemove(from, out _);
            await Task.Delay(pauseBetweenCalls);
        }
    }

    // A line a second: the nodes, what was answered, and for whom it takes long. Two accounts take part in a transfer,
    // so more wait than live on the node that is gone.
    async Task ShowAsync(TimeSpan howLong)
    {
        var until = clock.Elapsed + howLong;
        while (clock.Elapsed < until)
        {
            var before = Interlocked.Read(ref moved);
            await Task.Delay(TimeSpan.FromSeconds(1));
            var stuck = waiting.Where(pair => clock.Elapsed - pair.Value > TimeSpan.FromMilliseconds(800))
                .Select(static pair => pair.Key).Order().ToArray();
            var running = string.Join(' ', nodes.Select(static node => node.IsRunning ? node.Name : "  --  "));
            Say($"[{running}] {Interlocked.Read(ref moved) - before,5} transfers, waiting: "
                + (stuck.Length == 0 ? "nobody" : $"{stuck.Length} of {Accounts} users ({string.Join(' ', stuck)})"));
        }
    }
}
finally
{
    Array.ForEach(nodes, static node => node.Dispose());
}

void Say(string what) => Console.WriteLine($"{clock.Elapsed.TotalSeconds,6:F1} s  {what}");

async Task UntilAsync(string what, Func<Task<bool>> condition)
{
    var started = clock.Elapsed;
    while (!await condition())
    {
        if (clock.Elapsed - started > patience)
        {
            throw new TimeoutException($"Waited {patience.TotalSeconds} s until {what}; see {directory.FullName}.");
        }

        await Task.Delay(100);
    }
}
