using System.Globalization;
using Ledger.Chaos.Processes;
using Ledger.Client;

namespace Ledger.Chaos.Attacks;

/// <summary>One node on SQLite in a gibibyte of memory, attacked by a process that has half a core, with a bystander
/// whose calls must all succeed, and in no more than five times their time beside a busy loop.</summary>
internal sealed class AttackRun(ChaosOptions options, TextWriter output)
{
    private const double AttackerCores = 0.5;
    private const int AccountsListed = 20_000;

    private readonly List<string> broken = [];

    public async Task<int> RunAsync(CancellationToken cancellationToken)
    {
        Directory.CreateDirectory(options.Output);
        using var reaper = Reaper.Start();
        using var quota = ProcessorQuota.Make(AttackerCores);
        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{Environment.ProcessorCount} processors; the attacker has {quota.Cores:0.0} of one, by "
                + $"{quota.Description}; each attack lasts {options.Length.TotalSeconds:0} s"));
        foreach (var hasKey in options.Callers)
        {
            output.WriteLine();
            output.WriteLine(
                hasKey ? "The attacker shows a key and is under a policy:" : "The attacker is anybody on the machine:");
            output.WriteLine(AttackRow.Head);
            var directory = Directory.CreateTempSubdirectory("ledger-attack-").FullName;
            reaper.WatchDirectory(directory);
            await AttackAllAsync(hasKey ? new AttackKeys() : null, directory, quota, reaper, cancellationToken);
        }

        output.WriteLine();
        broken.ForEach(output.WriteLine);
        output.WriteLine(broken.Count == 0 ? "verdict    clean" : "verdict    violated");
        return broken.Count == 0 ? 0 : 1;
    }

    private async Task AttackAllAsync(
        AttackKeys? keys, string directory, ProcessorQuota quota, Reaper reaper, CancellationToken cancellationToken)
    {
        var settings = new List<string>(options.NodeArguments);
        if (keys is not null)
        {
            var policy = Path.Combine(directory, "policy.json");
            await File.WriteAllTextAsync(policy, keys.Policy, cancellationToken);
            settings.AddRange(["--Ledger:Security:Mode=Required", $"--Ledger:Security:PolicyPath={policy}"]);
        }

        var logs = Directory.CreateDirectory(Path.Combine(options.Output, keys is null ? "anonymous" : "key")).FullName;
        await using var node = new AttackNode(options.Node, directory, logs, settings, reaper);
        await node.StartAsync(unread: false, cancellationToken);
        await using var client = Connect(node, keys?.Load);
        await AttackAccounts.PrepareAsync(client, options.Attacks, options.Depth, AccountsListed, cancellationToken);
        var moved = 0;
        foreach (var kind in options.Attacks)
        {
            if (!node.IsAlive || node.IsUnread != kind.StallsLog)
            {
                if (node.IsAlive && !await node.StopAsync())
                {
                    broken.Add($"{kind.Name}: the node did not end in order when it was told to");
                }

                await node.StartAsync(kind.StallsLog, cancellationToken);
            }

            // A connection pool that has seen the node die is of no use to the next attack.
            await using var bystander = await Bystander.StartAsync(
                [node.Grpc], keys?.Bystander, !options.IsTimed, cancellationToken);
            var logged = node.LogBytes;
            var meter = new AttackMeter(bystander, quota, reaper, options.Length, keys?.Attacker);
            var (before, during, counts) = await meter.MeasureAsync(kind, node.Grpc, node.Json, cancellationToken);
            var row = new AttackRow(
                kind.Name, before, during, await node.SaysItLivesAsync(cancellationToken), node.LogBytes - logged,
                node.MemoryMax, counts);
            output.WriteLine(row);
            broken.AddRange(row.Broken(options.IsTimed));
            foreach (var error in bystander.Errors)
            {
                output.WriteLine("  bystander: " + error);
            }

            await bystander.DisposeAsync();
            moved += bystander.Moved;
            if (node.IsAlive)
            {
                await using var next = Connect(node, keys?.Load);
                await AttackBooks.ReachAsync(next, cancellationToken);
            }

            if (keys is not null && node.IsAlive)
            {
                await UnblockAsync(node, keys, cancellationToken);
            }
        }

        if (node.IsAlive)
        {
            broken.AddRange(await AttackBooks.CheckAsync(client, moved, output, cancellationToken));
        }

        if (!await node.StopAsync())
        {
            broken.Add("the node did not end in order when it was told to");
        }
    }

    // What an attack has brought about is not to keep the next one out.
    private static async Task UnblockAsync(AttackNode node, AttackKeys keys, CancellationToken cancellationToken)
    {
        await using var client = Connect(node, keys.Operator);
        foreach (var block in await client.ListBlocksAsync(cancellationToken: cancellationToken))
        {
            await client.UnblockCallerAsync(block.Kind, block.Subject, cancellationToken: cancellationToken);
        }
    }

    private static LedgerClient Connect(AttackNode node, string? key) => new(new LedgerClientOptions
    {
        Addresses = [node.Grpc],
        Token = key is null ? null : _ => ValueTask.FromResult(key),
        WriteTimeout = TimeSpan.FromSeconds(60),
        ReadTimeout = TimeSpan.FromSeconds(60),
    });
}
