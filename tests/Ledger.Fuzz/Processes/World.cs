using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Ledger.Chaos.Processes;
using Ledger.Client;
using Ledger.Fuzz.Inputs;
using Ledger.Fuzz.Sending;
using Ledger.Tests.Shared;

namespace Ledger.Fuzz.Processes;

/// <summary>What inputs are sent to: nodes and their store, made for one run and gone with it.</summary>
internal sealed class World : IAsyncDisposable
{
    private static readonly TimeSpan s_startPatience = TimeSpan.FromMinutes(2);
    private static readonly IPAddress s_bystander = IPAddress.Parse("127.0.0.2");

    private readonly PostgresServer? postgres;
    private readonly string directory;

    private World(WorldKind kind, string directory, Keys? keys, PostgresServer? postgres)
    {
        (Kind, this.directory, Keys, this.postgres) = (kind, directory, keys, postgres);
        Sender = new Sender(keys);
    }

    public WorldKind Kind { get; }

    public Keys? Keys { get; }

    public Sender Sender { get; }

    public IReadOnlyList<FuzzNode> Nodes { get; private set; } = [];

    /// <summary>Counts kills: an answer that was lost since the count was another may have been lost with a
    /// node.</summary>
    public int Kills { get; private set; }

    /// <summary>When a node was last gone, in ticks of the stopwatch; before that answers may be lost.</summary>
    public long LastGone { get; private set; } = long.MinValue;

    /// <summary>Starts one, and waits until all its nodes serve.</summary>
    public static async Task<World> StartAsync(
        WorldKind kind, FuzzOptions options, Reaper reaper, string output, CancellationToken cancellationToken)
    {
        var directory = Directory.CreateTempSubdirectory("ledger-fuzz-").FullName;
        reaper.WatchDirectory(directory);
        var isCluster = kind == WorldKind.PostgreSqlKeys;
        var world = new World(
            kind, directory, kind == WorldKind.SqliteAnonymous ? null : new Keys(),
            isCluster ? new PostgresServer() : null);
        try
        {
            world.Nodes = world.Describe(options, reaper, output);
            foreach (var node in world.Nodes)
            {
                node.Start();
            }

            foreach (var node in world.Nodes)
            {
                await node.ReadyAsync(s_startPatience, cancellationToken);
            }

            await world.PrepareAsync(cancellationToken);
            return world;
        }
        catch
        {
            await world.DisposeAsync();
            throw;
        }
    }

    /// <summary>A node to send the input of a number to; null where none runs.</summary>
    public FuzzNode? NodeFor(long number)
    {
        for (var step = 0; step < Nodes.Count; step++)
        {
            if (Nodes[(int)((number + step) % Nodes.Count)] is { Serves: true } node)
            {
                return node;
            }
        }

        return null;
    }

    /// <summary>Sends an input to a node that runs.</summary>
    public async Task<Answer> SendAsync(FuzzInput input, CancellationToken cancellationToken) =>
        NodeFor(input.Number) is { } node
            ? await Sender.SendAsync(input, input.Form == InputForm.Grpc ? node.Grpc : node.Json, cancellationToken)
            : new Answer { Failure = "no node runs", IsUnsent = true };

    /// <summary>A client that comes from an address of its own, with a key of its own.</summary>
    public LedgerClient Connect() => new(new LedgerClientOptions
    {
        Addresses = [.. Nodes.Select(static node => node.Grpc)],
        Token = Keys is { } keys ? _ => ValueTask.FromResult(keys.OfBystander) : null,
        WriteTimeout = TimeSpan.FromSeconds(60),
        ReadTimeout = TimeSpan.FromSeconds(60),
        HttpHandler = new SocketsHttpHandler
        {
            ConnectCallback = static async (context, cancellationToken) =>
            {
                var socket =
                    new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
                try
                {
                    socket.Bind(new IPEndPoint(s_bystander, 0));
                    await socket.ConnectAsync(context.DnsEndPoint, cancellationToken);
                    return new NetworkStream(socket, ownsSocket: true);
                }
                catch
                {
                    socket.Dispose();
                    throw;
                }
            },
        },
    });

    /// <summary>Kills a node, and starts it again.</summary>
    public async Task KillAsync(int number, CancellationToken cancellationToken)
    {
        Kills++;
        LastGone = long.MaxValue;
        var node = Nodes[number];
        await node.KillAsync();
        node.Start();
        await node.ReadyAsync(s_startPatience, cancellationToken);
        LastGone = Stopwatch.GetTimestamp();
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var node in Nodes)
        {
            node.Dispose();
        }

        Sender.Dispose();
        postgres?.Dispose();
        await Task.Yield();
        Directory.Delete(directory, recursive: true);
    }

    private FuzzNode[] Describe(FuzzOptions options, Reaper reaper, string output)
    {
        var common = new List<string> { "--Ledger:Shutdown:DrainDelay=00:00:00", "--Ledger:Index:Enabled=true" };
        if (Keys is { } keys)
        {
            var policy = Path.Combine(directory, "policy.json");
            File.WriteAllText(policy, keys.Policy);
            common.AddRange(["--Ledger:Security:Mode=Required", $"--Ledger:Security:PolicyPath={policy}"]);
        }

        if (postgres is null)
        {
            common.Add($"--Ledger:Sqlite:Path={Path.Combine(directory, "ledger.db")}");
            return [NodeOf(0, [])];
        }

        common.AddRange(
        [
            $"--ConnectionStrings:Ledger={postgres.CreateDatabase()}", "--Ledger:Mode=Clustered",
            "--Ledger:Cluster:Tls:Enabled=false",
        ]);
        var ports = Enumerable.Range(0, 3).Select(static _ => LoopbackPort.Next()).ToArray();
        common.AddRange(ports.Select(static (port, place) => $"--Ledger:Cluster:SeedNodes:{place}=127.0.0.1:{port}"));
        return [.. ports.Select((port, place) => NodeOf(place, [$"--Ledger:Cluster:Port={port}"]))];

        string Audit(int place) =>
            Path.Combine(directory, string.Create(CultureInfo.InvariantCulture, $"audit-{place}"));

        FuzzNode NodeOf(int place, IEnumerable<string> own) => new(
            options.Node, Path.Combine(output, string.Create(CultureInfo.InvariantCulture, $"{Kind}-{place}.log")),
            new Uri($"http://127.0.0.1:{LoopbackPort.Next()}"), new Uri($"http://127.0.0.1:{LoopbackPort.Next()}"),
            [.. common, $"--Ledger:Audit:Path={Audit(place)}", .. own],
            reaper);
    }

    // What most inputs are about: accounts with money, of which one may not have less than nothing.
    private async Task PrepareAsync(CancellationToken cancellationToken)
    {
        await using var client = Connect();
        var specs = Enumerable.Range(0, Values.AccountsCount).Select(static number => new Client.AccountSpec
        {
            Address = Values.Account(number), Asset = Values.Asset(number), Code = 1,
            DebitsMustNotExceedCredits = number is 3 or 4 ? new AccountLimit(1_000) : null,
        });
        await client.OpenAccountsAsync([.. specs], cancellationToken: cancellationToken);
        await client.OpenAccountsAsync([.. Bystander.Accounts], cancellationToken: cancellationToken);
    }
}
