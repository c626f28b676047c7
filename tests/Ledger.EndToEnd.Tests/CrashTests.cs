using System.Collections.Concurrent;
using System.Diagnostics;
using System.Numerics;
using Ledger.Client;
using Ledger.EndToEnd.Tests.Support;
using Ledger.Tests.Shared;
using Xunit.Abstractions;

namespace Ledger.EndToEnd.Tests;

/// <summary>Goal: what was answered survives any crash, and what was not answered happens at most once (I1, I3 to I6).
/// </summary>
/// <remarks>
/// Method: clients post without pause, by single calls and by streams, also what must be rejected, while the node is
/// killed ten times at random moments (SIGKILL) and started again on the same data, or its database is. They note what
/// they asked for and what they were told: committed, rejected, nothing done, or unknown. Then nothing is killed any
/// more, every unknown one is sent again until it is decided, twice at once, and the statements of all accounts must
/// tell the same story as the notes. At last the node is stopped and started, and must give each answer again. The node
/// keeps few ids in memory, so that its journal has to answer for most. The seed is printed; LEDGER_TEST_SEED sets it.
/// </remarks>
public sealed class CrashTests(ITestOutputHelper output) : IClassFixture<PostgresCollection.Lifetime>
{
    private const int Crashes = 10;
    private const int DatabaseCrashes = 3;
    private const int UnaryWorkers = 24;
    private const int StreamWorkers = 24;
    private const int AskedAgainMax = 1500;

    private static readonly string[] Free = [.. Enumerable.Range(0, 12).Select(n => $"crash:free:{n}")];
    private static readonly string[] Limited = [.. Enumerable.Range(0, 4).Select(n => $"crash:limited:{n}")];
    private static readonly string[] NodeSettings =
    [
        "--Ledger:IdempotencyWindowMax", "256",
        "--Ledger:SnapshotEvery", "40",
        "--Ledger:PassivateAfter", "00:00:02",
        "--Logging:LogLevel:Default", "Warning",
    ];

    private readonly ConcurrentQueue<Note> notes = new();
    private readonly ConcurrentQueue<string> surprises = new();
    private long answers;
    private long answered = Stopwatch.GetTimestamp();

    private delegate Task<NodeProcess> Disturb(int crash, NodeProcess node, Store store, string url, Random random);

    [Theory]
    [InlineData(Database.Sqlite)]
    [InlineData(Database.PostgreSql)]
    public Task A_node_killed_ten_times_keeps_every_answer(Database database) =>
        DisturbAsync(database, Crashes, async (crash, node, store, url, random) =>
        {
            await node.KillAsync();
            await node.DisposeAsync();
            if (crash == Crashes / 2)
            {
                // Once, the next one dies before it listens.
                await using var hasty = NodeProcess.Begin(store, url, NodeSettings);
                await Task.Delay(random.Next(1500));
                await hasty.KillAsync();
            }

            return await NodeProcess.StartAtAsync(url, store, NodeSettings);
        });

    [Fact]
    public async Task A_database_that_crashes_three_times_keeps_every_answer()
    {
        // Of its own: beside it, others use theirs.
        using var server = new PostgresServer();
        if (!server.CanStop)
        {
            return;
        }

        await DisturbAsync(Database.PostgreSql, DatabaseCrashes, async (crash, node, _, _, _) =>
        {
            await Task.Run(() => server.Stop(immediate: true));
            if (crash == 1)
            {
                // Once for longer than any call may take.
                await Task.Delay(TimeSpan.FromSeconds(12));
            }

            await Task.Run(server.Start);
            return node;
        }, server);
    }

    private async Task DisturbAsync(Database database, int times, Disturb disturb, PostgresServer? server = null)
    {
        var seed = int.TryParse(Environment.GetEnvironmentVariable("LEDGER_TEST_SEED"), out var given)
            ? given : Environment.TickCount;
        output.WriteLine($"LEDGER_TEST_SEED={seed}");
        var random = new Random(seed);
        using var store = new Store(database, server);
        var url = NodeProcess.LastingAddress();
        var node = await NodeProcess.StartAtAsync(url, store, NodeSettings);
        try
        {
            var started = Stopwatch.GetTimestamp();
            using var client = NodeProcess.Connect(new Uri(url));
            await OpenAsync(client);
            await StormAsync(url, seed, times, async crash =>
            {
                await Task.Delay(random.Next(120));
                node = await disturb(crash, node, store, url, random);
            }, random);
            Log("storm", ref started);

            await DecideUnknownAsync(client);
            Log($"decided {notes.Count(note => note.WasUnknown)} unknown", ref started);
            await CheckStatementsAsync(client);
            Log("checked the statements", ref started);

            // From now on nobody remembers anything that is not in the journal.
            await node.StopAsync();
            await node.DisposeAsync();
            node = await NodeProcess.StartAtAsync(url, store, NodeSettings);
            await AskAgainAsync(client, random);
            Log("asked again", ref started);
            await CheckStatementsAsync(client);
            Log("checked again", ref started);
        }
        catch
        {
            output.WriteLine(node.Output);
            throw;
        }
        finally
        {
            await node.DisposeAsync();
        }

        void Log(string what, ref long since)
        {
            output.WriteLine($"{what}: {Stopwatch.GetElapsedTime(since).TotalSeconds:0.0} s, {Summary()}");
            since = Stopwatch.GetTimestamp();
        }
    }

    private static async Task OpenAsync(LedgerClient client)
    {
        var outcomes = await client.OpenAccountsAsync(
        [
            .. Free.Select(address => new AccountSpec { Address = address, Asset = "USD/2", Code = 1 }),
            .. Limited.Select(address => new AccountSpec
            {
                Address = address, Asset = "USD/2", Code = 2, DebitsMustNotExceedCredits = new AccountLimit(0),
            }),
        ]);
        outcomes.ShouldAllBe(outcome => outcome.Status == AccountStatus.Created);
    }

    /// <summary>Posts, and disturbs. Ends with all calls answered or failed.</summary>
    private async Task StormAsync(string url, int seed, int times, Func<int, Task> disturb, Random random)
    {
        using var stop = new CancellationTokenSource();
        using var client = NodeProcess.Connect(new Uri(url));
        var workers = Enumerable.Range(0, UnaryWorkers)
            .Select(n => UnaryAsync(client, new Random(seed + n), stop.Token))
            .Concat(Enumerable.Range(0, StreamWorkers / 8)
                .Select(n => StreamsAsync(client, new Random(seed + 1000 + n), stop.Token)))
            .ToList();
        try
        {
            for (var crash = 0; crash < times; crash++)
            {
                // Some crashes come while the node is still busy with the one before.
                await AnswersAsync(random.Next(3) switch { 0 => 0, 1 => 100, _ => 600 }, $"before crash {crash}");
                await disturb(crash);
            }

            await AnswersAsync(100, "after the last crash");
        }
        finally
        {
            await stop.CancelAsync();
            await Task.WhenAll(workers).WaitAsync(Until.Patience);
        }

        surprises.ShouldBeEmpty();

        Task AnswersAsync(int more, string when)
        {
            var wanted = Interlocked.Read(ref answers) + more;
            return Until.TrueAsync($"{more} answers {when}", () => Interlocked.Read(ref answers) >= wanted);
        }
    }

    private async Task UnaryAsync(LedgerClient client, Random random, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            await PostAsync(
                Invent(random), transfer =>
                    client.PostTransferAsync(transfer, cancellationToken: CancellationToken.None));
        }
    }

    // A stream without retries is over when it breaks; then comes the next.
    private async Task StreamsAsync(LedgerClient client, Random random, CancellationToken stop)
    {
        var gate = new Lock();
        while (!stop.IsCancellationRequested)
        {
            await using var stream = client.OpenTransferStream(
                new TransferStreamOptions { RetryUnknownFor = TimeSpan.Zero });
            await Task.WhenAll(Enumerable.Range(0, 8).Select(async _ =>
            {
                var goesOn = true;
                while (goesOn && !stop.IsCancellationRequested)
                {
                    Note note;
                    lock (gate)
                    {
                        note = Invent(random);
                    }

                    goesOn = await PostAsync(note, transfer => stream.PostAsync(transfer, CancellationToken.None));
                }
            }));
        }
    }

    private async Task<bool> PostAsync(Note note, Func<Transfer, Task<TransferResult>> post)
    {
        notes.Enqueue(note);
        var started = Stopwatch.GetTimestamp();
        try
        {
            note.Told(await post(note.Transfer));
            Interlocked.Increment(ref answers);
            Volatile.Write(ref answered, Stopwatch.GetTimestamp());
            return true;
        }
        catch (LedgerClientException failure)
        {
            note.WasUnknown = failure.OutcomeUnknown;
            note.Failure = failure;
            // Nor may a caller be left waiting: whoever can't be answered is told so before the deadline.
            if (failure.Code is not (global::Grpc.Core.StatusCode.Unavailable or global::Grpc.Core.StatusCode.Internal
                or global::Grpc.Core.StatusCode.Cancelled or global::Grpc.Core.StatusCode.Unknown))
            {
                surprises.Enqueue(
                    $"{DateTime.UtcNow:HH:mm:ss.fff}, after {Stopwatch.GetElapsedTime(started).TotalSeconds:0.0} s: "
                        + $"{note} {failure}");
            }

            // As callers do: the longer nothing has been answered, the longer they wait.
            var silent = Stopwatch.GetElapsedTime(Volatile.Read(ref answered)) / 10;
            await Task.Delay(TimeSpan.FromMilliseconds(Math.Clamp(
                silent.TotalMilliseconds, failure.OutcomeUnknown ? 10 : 100, 1000)));
            return false;
        }
    }

    private static Note Invent(Random random)
    {
        string debit, credit;
        TransferStatus[] allowed = [TransferStatus.Created];
        var amount = (UInt128)random.Next(1, 1000);
        switch (random.Next(20))
        {
            case 0:
                (debit, credit) = ("crash:nobody", Pick(Free));
                allowed = [TransferStatus.DebitAccountNotFound];
                break;
            case 1:
                (debit, credit) = (Pick(Free), "crash:nobody");
                allowed = [TransferStatus.CreditAccountNotFound];
                break;
            case 2:
                // More than can ever be there.
                (debit, credit, amount) = (Pick(Limited), Pick(Free), (UInt128)1 << 100);
                allowed = [TransferStatus.ExceedsCredits];
                break;
            case < 7:
                // Both limited, or out of a limited one: sometimes there is enough and sometimes not.
                (debit, credit) = Two(Limited, random.Next(2) == 0 ? Limited : Free);
                allowed = [TransferStatus.Created, TransferStatus.ExceedsCredits];
                break;
            case < 11:
                (debit, credit) = (Pick(Free), Pick(Limited));
                break;
            default:
                (debit, credit) = Two(Free, Free);
                break;
        }

        // Ids that are not ordered by time take another way through the account's memory.
        Span<byte> bytes = stackalloc byte[16];
        random.NextBytes(bytes);
        bytes[7] = (byte)((bytes[7] & 0x0F) | 0x40);
        bytes[8] = (byte)((bytes[8] & 0x3F) | 0x80);
        return new Note(allowed)
        {
            Transfer = new Transfer
            {
                Id = random.Next(6) == 0 ? new Guid(bytes) : TransferIds.New(),
                DebitAccount = debit,
                CreditAccount = credit,
                Amount = amount,
                Asset = "USD/2",
                Code = (uint)random.Next(1, 9),
                Reference = $"r{random.Next(100)}",
            },
        };

        string Pick(string[] of) => of[random.Next(of.Length)];

        (string, string) Two(string[] from, string[] to)
        {
            var (one, other) = (Pick(from), Pick(to));
            return one != other ? (one, other) : Two(from, to);
        }
    }

    private async Task DecideUnknownAsync(LedgerClient client)
    {
        var unknown = notes.Where(note => note.WasUnknown).ToList();
        unknown.ShouldNotBeEmpty("no crash interrupted anything, so nothing was tested");
        var parallel = new ParallelOptions { MaxDegreeOfParallelism = 32 };
        var patient = new RequestOptions { RetryUnknownFor = TimeSpan.FromSeconds(60) };
        await Parallel.ForEachAsync(unknown, parallel, async (note, _) =>
        {
            var both = await Task.WhenAll(
                client.PostTransferAsync(note.Transfer, patient), client.PostTransferAsync(note.Transfer, patient));
            both.Count(outcome => outcome.Status == TransferStatus.Created).ShouldBeLessThanOrEqualTo(1);
            both[0].IsCommitted.ShouldBe(both[1].IsCommitted, note.ToString());
            both[0].CreateTime.ShouldBe(both[1].CreateTime, note.ToString());
            note.Told(both.FirstOrDefault(outcome => outcome.Status == TransferStatus.Created) ?? both[0]);
        });
    }

    private async Task CheckStatementsAsync(LedgerClient client)
    {
        var booked = new Dictionary<Guid, List<(string Account, StatementEntry Entry)>>();
        BigInteger debits = 0, credits = 0;
        foreach (var address in Free.Concat(Limited))
        {
            var account = (await client.GetAccountAsync(address))!;
            ulong sequence = 0;
            BigInteger debited = 0, credited = 0;
            var bookTime = DateTimeOffset.MinValue;
            await foreach (var entry in client.ListStatementAsync(address, new StatementQuery { PageSize = 1000 }))
            {
                entry.Sequence.ShouldBe(++sequence, address);
                entry.BookTime.ShouldBeGreaterThanOrEqualTo(bookTime, address);
                bookTime = entry.BookTime;
                var isDebit = entry.Direction == EntryDirection.Debit;
                (isDebit ? entry.Transfer.DebitAccount : entry.Transfer.CreditAccount).ShouldBe(address);
                (debited, credited) = isDebit
                    ? (debited + entry.Transfer.Amount, credited) : (debited, credited + entry.Transfer.Amount);
                ((BigInteger)entry.DebitsPosted).ShouldBe(debited, $"{address} {sequence}");
                ((BigInteger)entry.CreditsPosted).ShouldBe(credited, $"{address} {sequence}");
                entry.Balance.ShouldBe(debited - credited, $"{address} {sequence}");
                if (Limited.Contains(address))
                {
                    debited.ShouldBeLessThanOrEqualTo(credited, $"I3: {address} {sequence}");
                }

                if (!booked.TryGetValue(entry.Transfer.Id, out var places))
                {
                    booked[entry.Transfer.Id] = places = [];
                }

                places.Add((address, entry));
            }

            account.EntryCount.ShouldBe(sequence, address);
            account.Balances.ShouldBe(new Balances(0, (UInt128)debited, 0, (UInt128)credited, 0, 0), address);
            (debits, credits) = (debits + debited, credits + credited);
        }

        debits.ShouldBe(credits, "I1");
        (await client.GetAccountAsync("crash:nobody")).ShouldBeNull();
        foreach (var note in notes)
        {
            booked.Remove(note.Transfer.Id, out var places);
            if (note.Outcome is not { IsCommitted: true })
            {
                places.ShouldBeNull($"has an effect that it must not have: {note}");
                continue;
            }

            places.ShouldNotBeNull($"lost: {note}");
            places.Select(place => place.Account).Order().ShouldBe(
                new[] { note.Transfer.DebitAccount, note.Transfer.CreditAccount }.Order(), $"not exactly once: {note}");
            foreach (var (_, entry) in places)
            {
                (entry.Transfer with { Metadata = note.Transfer.Metadata }).ShouldBe(note.Transfer);
                entry.Transfer.Metadata.ShouldBeEmpty();
                entry.CreateTime.ShouldBe(note.Outcome.CreateTime!.Value, note.ToString());
            }
        }

        booked.ShouldBeEmpty("nobody asked for these");
    }

    private async Task AskAgainAsync(LedgerClient client, Random random)
    {
        var decided = notes.Where(note => note.Outcome is not null).ToArray();
        decided.Select(note => note.Outcome!.Status).Distinct().ShouldContain(TransferStatus.ExceedsCredits);
        decided.Select(note => note.Outcome!.Status).Distinct().ShouldContain(TransferStatus.DebitAccountNotFound);
        decided.Select(note => note.Outcome!.Status).Distinct().ShouldContain(TransferStatus.CreditAccountNotFound);
        random.Shuffle(decided);
        var asked = decided.OrderByDescending(note => note.WasUnknown).Take(AskedAgainMax).ToList();
        foreach (var batch in asked.Chunk(100))
        {
            var again = await client.PostTransfersAsync(
                [.. batch.Select(note => note.Transfer)],
                new RequestOptions { Timeout = TimeSpan.FromSeconds(60), RetryUnknownFor = TimeSpan.FromSeconds(60) });
            foreach (var (note, outcome) in batch.Zip(again))
            {
                var first = note.Outcome!;
                outcome.Replayed.ShouldBeTrue(note.ToString());
                outcome.Status.ShouldBe(first.IsCommitted ? TransferStatus.Exists : first.Status, note.ToString());
                outcome.CreateTime.ShouldBe(first.CreateTime, note.ToString());
                outcome.BalanceSeen.ShouldBe(first.BalanceSeen, note.ToString());
            }
        }
    }

    private string Summary() =>
        $"{notes.Count} asked: " + string.Join(", ", notes
            .GroupBy(note => note.Outcome?.Status.ToString() ?? (note.WasUnknown ? "unknown" : "nothing done"))
            .Select(group => $"{group.Count()} {group.Key}"));

    /// <summary>What a client asked for, and what it was told.</summary>
    private sealed class Note(TransferStatus[] allowed)
    {
        public required Transfer Transfer { get; init; }

        /// <summary>The answer; null while it is unknown, and when the client was told that nothing was done.</summary>
        public TransferResult? Outcome { get; private set; }

        public bool WasUnknown { get; set; }

        public LedgerClientException? Failure { get; set; }

        public void Told(TransferResult outcome)
        {
            outcome.Id.ShouldBe(Transfer.Id);
            if (outcome.Status != TransferStatus.Exists || !WasUnknown)
            {
                allowed.ShouldContain(outcome.Status, ToString());
            }

            Outcome = outcome;
        }

        public override string ToString() =>
            $"{Transfer}, told {Outcome?.ToString() ?? Failure?.ToString() ?? "nothing"}";
    }
}
