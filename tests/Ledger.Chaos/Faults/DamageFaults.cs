using System.Diagnostics;
using Ledger.Chaos.Checking;
using Ledger.Chaos.Processes;
using Ledger.Client;

namespace Ledger.Chaos.Faults;

/// <summary>Faults of what is stored.</summary>
internal static class DamageFaults
{
    private const string StreamPrefix = "ledger-account-";

    private static readonly TimeSpan NoticePatience = TimeSpan.FromSeconds(25);
    private static readonly TimeSpan OthersPatience = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan MendPatience = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan ReadPause = TimeSpan.FromMilliseconds(300);

    /// <summary>A node dies, and the rows of one or two of its accounts are damaged before another node has woken them.
    /// Nobody can read them until the very bytes are put back; everybody else goes on.</summary>
    public static async Task UnreadableAccountAsync(FaultContext context)
    {
        var node = context.PickNode();
        string[] addresses = Pick(context, node.Number);
        string[] streams = [.. addresses.Select(static address => StreamPrefix + address)];
        var all = context.Random.Next(2) == 0;
        var held = context.Between(4, 12);
        var damage = new RowDamage(context.Postgres);
        var logs =
            context.Cluster.Nodes.ToDictionary(static one => one, static one => new FileInfo(one.LogFile).Length);
        var client = context.Load.NewClient(-1, attempts: 1, TimeSpan.FromSeconds(5));
        var from = context.Recorder.Now;
        DamageRecord? record = null;
        try
        {
            // An account that is awake elsewhere goes on from what it knows; so the next node has its turn.
            var next = context.Cluster.Nodes.Where(one => one != node).Prepend(node).ToList();
            long? since = null;
            for (var i = 0; i < next.Count && since is null; i++)
            {
                await next[i].KillAsync();
                await damage.DamageAsync(streams, all, context.Cancellation);
                next[i].Start();
                since = await UntilRefusedAsync(context, client, addresses, logs);
            }

            var unreadSince = since
                ?? throw new TimeoutException(
                    $"Not all of {string.Join(", ", addresses)} were woken while they were damaged.");
            var before = await RowsAsync(damage, streams, context.Cancellation);
            var writable = context.Prober.AllWritableSinceAsync(unreadSince, OthersPatience, context.Cancellation);
            await ReadWhileAsync(context, client, addresses, async () =>
            {
                await writable;
                await Task.Delay(held < context.LengthMax ? held : context.LengthMax, context.Cancellation);
            });
            var after = await RowsAsync(damage, streams, context.Cancellation);
            record = new DamageRecord
            {
                From = unreadSince,
                To = context.Recorder.Now,
                Accounts = [.. addresses.Select((address, i) => new DamagedAccount(address, before[i], after[i]))],
                OthersWritable = await writable,
                IsAlone = context.IsAlone,
            };
        }
        finally
        {
            await MendAsync(damage);
            node.Start();
            context.Note(string.Join(' ', addresses), from, all ? "all rows" : "the newest rows");
        }

        if (record is not null)
        {
            context.Recorder.Write(record with { ReadAgain = await UntilReadAsync(context, client, addresses) });
        }
    }

    // Accounts that a node wrote to last; any where it has none.
    private static string[] Pick(FaultContext context, int node)
    {
        var books = context.Load.Books;
        var all = books.Plain.Concat(books.Hot).Select(static account => account.Address).ToArray();
        var placement = context.Network.Placement;
        var own = Array.FindAll(all, address => placement.GetValueOrDefault(StreamPrefix + address, -1) == node);
        var from = own.Length > 0 ? own : all;
        context.Random.Shuffle(from);
        return from[..Math.Min(from.Length, context.Random.Next(1, 3))];
    }

    // Until each has been refused for its journal, after a node has said in its log that it can't be recovered: then it
    // is awake nowhere, and can't be woken.
    private static async Task<long?> UntilRefusedAsync(
        FaultContext context, LedgerClient client, string[] addresses, Dictionary<Node, long> logs)
    {
        var waiting = Stopwatch.StartNew();
        var open = addresses.ToHashSet(StringComparer.Ordinal);
        while (waiting.Elapsed < NoticePatience)
        {
            foreach (var address in open.ToArray())
            {
                var isLogged = logs.Any(log => SaysUnreadable(log.Key.LogFile, log.Value, address));
                var record = await ReadAsync(context, client, address);
                if (isLogged && record.Error?.Reason == "JOURNAL_UNAVAILABLE")
                {
                    open.Remove(address);
                }
            }

            if (open.Count == 0)
            {
                return context.Recorder.Now;
            }

            await Task.Delay(ReadPause, context.Cancellation);
        }

        return null;
    }

    private static bool SaysUnreadable(string file, long from, string address)
    {
        using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        stream.Position = Math.Min(from, stream.Length);
        using var reader = new StreamReader(stream);
        while (reader.ReadLine() is { } line)
        {
            if (line.Contains(address + " can't be recovered", StringComparison.Ordinal))
            {
                return true;
            }
        }

        return false;
    }

    private static async Task ReadWhileAsync(
        FaultContext context, LedgerClient client, string[] addresses, Func<Task> length)
    {
        var lasting = length();
        while (!lasting.IsCompleted)
        {
            foreach (var address in addresses)
            {
                await ReadAsync(context, client, address);
            }

            await Task.Delay(ReadPause, context.Cancellation);
        }

        await lasting;
    }

    private static async Task<long?> UntilReadAsync(FaultContext context, LedgerClient client, string[] addresses)
    {
        var waiting = Stopwatch.StartNew();
        foreach (var address in addresses)
        {
            while (await ReadAsync(context, client, address) is not { Outcome: CallOutcome.Ok })
            {
                if (waiting.Elapsed > MendPatience)
                {
                    return null;
                }

                await Task.Delay(ReadPause, context.Cancellation);
            }
        }

        return context.Recorder.Now;
    }

    private static Task<CallRecord> ReadAsync(FaultContext context, LedgerClient client, string address) =>
        context.Load.Calls.DoAsync(
            client, -1, context.Recorder.NextProcess(), CallKind.Read, new CallRequest { Account = address },
            cancellationToken: context.Cancellation);

    private static async Task<long[]> RowsAsync(RowDamage damage, string[] streams, CancellationToken cancellationToken)
    {
        var rows = new long[streams.Length];
        for (var i = 0; i < streams.Length; i++)
        {
            rows[i] = await damage.RowsAsync(streams[i], cancellationToken);
        }

        return rows;
    }

    // Also where the run is broken off, or another fault has the database away: what stays damaged proves nothing.
    private static async Task MendAsync(RowDamage damage)
    {
        var waiting = Stopwatch.StartNew();
        while (true)
        {
            try
            {
                await damage.MendAsync(CancellationToken.None);
                return;
            }
            catch (Npgsql.NpgsqlException) when (waiting.Elapsed < MendPatience)
            {
                await Task.Delay(ReadPause, CancellationToken.None);
            }
        }
    }
}
