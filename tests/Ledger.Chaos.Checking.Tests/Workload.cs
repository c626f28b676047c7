using System.Collections.Concurrent;

namespace Ledger.Chaos.Checking.Tests;

/// <summary>Several clients that move, hold, read and look up at random.</summary>
internal static class Workload
{
    public static async Task RunAsync(RecordedRun run, int seed, int clients, int calls, int crashes)
    {
        await run.OpenAsync("bank");
        for (var i = 0; i < 8; i++)
        {
            await run.OpenAsync($"user:{i}", debitAllowance: 0);
            await run.PostAsync(RecordedRun.Move("bank", $"user:{i}", 1000));
        }

        var holds = new ConcurrentQueue<Guid>();
        var done = 0;
        var working = Enumerable.Range(1, clients).Select(client => Task.Run(async () =>
        {
            var random = new Random((seed * 1000) + client);
            long process = client;
            for (var i = 0; i < calls; i++)
            {
                var record = await NextAsync(run, random, process, holds);
                if (record.Outcome == CallOutcome.Unknown)
                {
                    process += 1000;
                    if (random.Next(2) == 0)
                    {
                        await AgainAsync(run, record, process);
                    }
                }

                Interlocked.Increment(ref done);
            }
        })).ToArray();
        for (var i = 1; i <= crashes; i++)
        {
            while (Volatile.Read(ref done) < clients * calls * i / (crashes + 1))
            {
                await Task.Delay(5);
            }

            await run.CrashAsync();
        }

        await Task.WhenAll(working);
    }

    private static Task<CallRecord> AgainAsync(RecordedRun run, CallRecord record, long process) =>
        record.Kind == CallKind.Transaction
        ? run.PostAllAsync(record.Request.Id!.Value, record.Request.Legs!, process, record.Attempt + 1)
        : record.Request.Transfer is { } transfer
            ? run.PostAsync(transfer, process, record.Attempt + 1)
            : Task.FromResult(record);

    private static async Task<CallRecord> NextAsync(
        RecordedRun run, Random random, long process, ConcurrentQueue<Guid> holds)
    {
        switch (random.Next(20))
        {
            case < 7:
                return await run.PostAsync(
                    RecordedRun.Move(
                        User(random), User(random), Amount(random), random.Next(4) == 0 ? Guid.NewGuid() : null),
                        process);
            case < 9:
                return await run.PostAllAsync(
                    random.Next(2) == 0 ? Guid.NewGuid() : Guid.CreateVersion7(),
                    [
                        RecordedRun.Move(User(random), User(random), Amount(random)),
                        RecordedRun.Move(User(random), "bank", Amount(random)),
                        RecordedRun.Move("bank", User(random), Amount(random)),
                    ],
                    process);
            case < 11:
                var hold = RecordedRun.Hold(
                    User(random), User(random), Amount(random),
                    random.Next(2) == 0 ? TimeSpan.FromMilliseconds(random.Next(50, 1500)) : default);
                var made = await run.PostAsync(hold, process);
                if (made.Outcome == CallOutcome.Ok)
                {
                    holds.Enqueue(hold.Id);
                }

                return made;
            case < 13 when holds.TryDequeue(out var id):
                if (random.Next(4) == 0)
                {
                    holds.Enqueue(id);
                }

                return await run.PostAsync(
                    random.Next(3) == 0 ? RecordedRun.Void(id)
                    : random.Next(2) == 0 ? RecordedRun.Post(id)
                    : RecordedRun.Post(id, 1, keepRest: random.Next(2) == 0),
                    process);
            case < 18:
                return await run.ReadAsync(random.Next(4) == 0 ? "bank" : User(random), process);
            default:
                return random.Next(2) == 0
                    ? await run.StatementAsync(
                        User(random), process, newestFirst: random.Next(2) == 0, pageSize: random.Next(1, 30))
                    : await run.StatementAsync("bank", process, newestFirst: true, pageSize: 10);
        }
    }

    private static string User(Random random) => $"user:{random.Next(8)}";

    private static UInt128 Amount(Random random) => (UInt128)(1 << random.Next(0, 9));
}
