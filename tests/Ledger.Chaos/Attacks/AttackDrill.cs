using System.Diagnostics;
using System.Globalization;
using Google.Protobuf;
using Ledger.Chaos.Checking;
using Ledger.Chaos.Processes;
using Ledger.Chaos.Reports;
using Ledger.Client;
using Ledger.Tests.Shared;
using GetAccountRequest = Ledger.V1.GetAccountRequest;

namespace Ledger.Chaos.Attacks;

/// <summary>A cluster on PostgreSQL under the usual load, attacked by a caller with a key: afterwards the checker has
/// the word on the money of all others. At last two callers are locked out, one by an operator and one by the ledger
/// itself, and it is measured how long they go on.</summary>
internal sealed class AttackDrill(ChaosOptions options, TextWriter output)
{
    private const double AttackerCores = 0.5;
    private const int AccountsListed = 20_000;
    private static readonly TimeSpan s_probePause = TimeSpan.FromMilliseconds(400);
    private static readonly TimeSpan s_recoveryPatience = TimeSpan.FromSeconds(120);
    private static readonly TimeSpan s_blockMax = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan s_blockPatience = TimeSpan.FromSeconds(60);

    private readonly List<string> broken = [];

    public async Task<int> RunAsync(CancellationToken cancellationToken)
    {
        var keys = new AttackKeys();
        Directory.CreateDirectory(options.Output);
        var policy = Path.Combine(options.Output, "policy.json");
        await File.WriteAllTextAsync(policy, keys.Policy, cancellationToken);
        var secured = options with
        {
            Key = keys.Load,
            NodeArguments =
            [
                .. options.NodeArguments, "--Ledger:Security:Mode=Required", $"--Ledger:Security:PolicyPath={policy}",
            ],
        };
        await using var session = await Session.StartAsync(secured, s_probePause, output, cancellationToken);
        var nodes = session.Cluster.Network.Addresses.Take(options.Nodes).ToArray();
        await AttackAllAsync(session, nodes, keys, cancellationToken);
        await BlockAsync(session, nodes, keys, cancellationToken);
        var exit = await session.ConcludeAsync(cancellationToken);
        broken.ForEach(output.WriteLine);
        return broken.Count == 0 ? exit : 1;
    }

    private static Uri UriOf(System.Net.IPEndPoint at) => new($"http://{at}");

    private static LedgerClient Connect(IEnumerable<NodeAddresses> nodes, string key) => new(new LedgerClientOptions
    {
        Addresses = [.. nodes.Select(static node => UriOf(node.Grpc))],
        Token = _ => ValueTask.FromResult(key),
        WriteTimeout = TimeSpan.FromSeconds(60),
        ReadTimeout = TimeSpan.FromSeconds(60),
    });

    private async Task AttackAllAsync(
        Session session, NodeAddresses[] nodes, AttackKeys keys, CancellationToken cancellationToken)
    {
        using var reaper = Reaper.Start();
        using var quota = ProcessorQuota.Make(AttackerCores);
        await using var client = Connect(nodes, keys.Load);
        await AttackAccounts.PrepareAsync(client, options.Attacks, options.Depth, AccountsListed, cancellationToken);
        await using var bystander = await Bystander.StartAsync(
            [.. nodes.Select(static node => UriOf(node.Grpc))], keys.Bystander, !options.IsTimed, cancellationToken);
        var meter = new AttackMeter(bystander, quota, reaper, options.Length, keys.Attacker);
        await using var operators = Connect(nodes, keys.Operator);
        var rows = new List<AttackRow>();
        for (var i = 0; i < options.Attacks.Count; i++)
        {
            var kind = options.Attacks[i];
            var node = session.Cluster.Nodes[i % nodes.Length];
            var placement = session.Books.Placement(session.Cluster.Network.Placement);
            var (ends, logged) = (node.OwnExits, new FileInfo(node.LogFile).Length);
            var from = session.Recorder.Now;
            session.Log($"attack {kind.Name} on node {node.Number}");
            var (before, during, counts) = await meter.MeasureAsync(
                kind, UriOf(nodes[node.Number].Grpc), UriOf(nodes[node.Number].Http), cancellationToken);
            var to = session.Recorder.Now;
            var recovered = await session.Prober.AllWritableSinceAsync(to, s_recoveryPatience, cancellationToken);
            var row = new AttackRow(
                kind.Name, before, during, node.OwnExits == ends && recovered is not null,
                new FileInfo(node.LogFile).Length - logged,
                node.MemoryMax, counts);
            rows.Add(row);
            broken.AddRange(row.Broken(options.IsTimed));
            var record = new FaultRecord
            {
                Number = session.Faults.Count,
                Kind = "attack-" + kind.Name,
                Target = FormattableString.Invariant($"node{node.Number}"),
                From = from,
                To = to,
                Recovered = recovered,
            };
            session.Faults.Add(new FaultWindow(record, placement));
            session.Recorder.Write(record);
            foreach (var block in await operators.ListBlocksAsync(cancellationToken: cancellationToken))
            {
                session.Log($"the ledger had blocked {block.Kind} {block.Subject}: {block.Reason}");
                await operators.UnblockCallerAsync(block.Kind, block.Subject, cancellationToken: cancellationToken);
            }
        }

        await bystander.DisposeAsync();
        broken.AddRange(await AttackBooks.CheckAsync(client, bystander.Moved, output, cancellationToken));
        output.WriteLine(AttackRow.Head);
        rows.ForEach(output.WriteLine);
        foreach (var error in bystander.Errors)
        {
            output.WriteLine("  bystander: " + error);
        }
    }

    // The first malicious call, what an operator or the ledger does about it, and the moment from which no node
    // listens.
    private async Task BlockAsync(
        Session session, NodeAddresses[] nodes, AttackKeys keys, CancellationToken cancellationToken)
    {
        await using var operators = Connect(nodes, keys.Operator);
        await UntilBlockedAsync(
            session, "an operator blocks a principal", nodes, keys.Attacker,
            () => operators.BlockCallerAsync(
                Client.CallerBlockKind.Principal, "attacker", TimeSpan.FromHours(1), "", "the drill",
                cancellationToken: cancellationToken),
            cancellationToken);
        await UntilBlockedAsync(
            session, "the ledger blocks a key for its denials", nodes, keys.Denied, static () =>
                Task.CompletedTask, cancellationToken);
        foreach (var block in await operators.ListBlocksAsync(cancellationToken: cancellationToken))
        {
            session.Log($"blocked: {block.Kind} {block.Subject} by {block.Principal}, {block.Reason}");
            await operators.UnblockCallerAsync(block.Kind, block.Subject, cancellationToken: cancellationToken);
        }
    }

    private async Task UntilBlockedAsync(
        Session session, string what, NodeAddresses[] nodes, string key, Func<Task> act,
        CancellationToken cancellationToken)
    {
        using var http = RawGrpc.Client();
        var message = RawGrpc.Frame(new GetAccountRequest { Address = AttackAccounts.Own }.ToByteArray());
        var calls = 0L;
        var began = Stopwatch.GetTimestamp();
        await AskAsync(nodes[0]);
        var acting = act();

        // Each node is asked without a pause, on all of them at once.
        var took = await Task.WhenAll(nodes.Select(async node =>
        {
            while (await AskAsync(node) != "CALLER_BLOCKED")
            {
                if (Stopwatch.GetElapsedTime(began) > s_blockPatience)
                {
                    break;
                }
            }

            return Stopwatch.GetElapsedTime(began);
        }));
        await acting;
        var last = took.Max();
        session.Log(string.Create(
            CultureInfo.InvariantCulture,
            $"{what}: after {calls} calls all {nodes.Length} nodes refuse, the last {last.TotalSeconds:0.00} s after "
                + $"the first call"));
        if (last >= s_blockMax)
        {
            broken.Add(string.Create(CultureInfo.InvariantCulture, $"{what}: it took {last.TotalSeconds:0.0} s"));
        }

        async Task<string> AskAsync(NodeAddresses node)
        {
            Interlocked.Increment(ref calls);
            return (await RawGrpc.CallAsync(
                http, UriOf(node.Grpc), "/ledger.v1.AccountService/GetAccount", message,
                ("authorization", "Bearer " + key))
                .WaitAsync(cancellationToken)).Reason;
        }
    }
}
