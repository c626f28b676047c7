using System.Net;
using Ledger.Client;
using Ledger.Tests.Shared;

namespace Ledger.EndToEnd.Tests.Support;

/// <summary>Several nodes as processes on one PostgreSQL, each to be stopped and started at its own address.</summary>
internal sealed class NodeCluster : IAsyncDisposable
{
    private readonly Store store = new(Database.PostgreSql);
    private readonly string[] addresses;
    private readonly int[] ports;
    private readonly NodeProcess[] nodes;

    private NodeCluster(int count)
    {
        addresses = [.. Enumerable.Range(0, count).Select(static _ => NodeProcess.LastingAddress())];
        ports = [.. Enumerable.Range(0, count).Select(static _ => LoopbackPort.Next())];
        nodes = new NodeProcess[count];
    }

    public int Count => nodes.Length;

    public NodeProcess this[int node] => nodes[node];

    /// <summary>Starts a cluster and waits until each node serves.</summary>
    public static async Task<NodeCluster> StartAsync(int count)
    {
        var cluster = new NodeCluster(count);
        try
        {
            for (var node = 0; node < count; node++)
            {
                cluster.Begin(node);
            }

            for (var node = 0; node < count; node++)
            {
                await cluster.ServingAsync(node);
            }

            return cluster;
        }
        catch
        {
            await cluster.DisposeAsync();
            throw;
        }
    }

    /// <summary>A client with the addresses of all nodes and default options, as everybody has it.</summary>
    public LedgerClient Connect(Func<LedgerClientOptions, LedgerClientOptions>? change = null)
    {
        var options = new LedgerClientOptions { Addresses = [.. addresses.Select(static address => new Uri(address))] };
        return new LedgerClient(change?.Invoke(options) ?? options);
    }

    /// <summary>Starts a node that does not run, and does not wait.</summary>
    public void Begin(int node) => nodes[node] = NodeProcess.Begin(
        store, addresses[node],
        [
            "--Ledger:Mode", "Clustered",
            "--Ledger:Cluster:Port", $"{ports[node]}",
            "--Ledger:Cluster:Tls:Enabled", "false",
            .. ports.SelectMany(static (port, n) => new[] { $"--Ledger:Cluster:SeedNodes:{n}", $"127.0.0.1:{port}" }),
        ]);

    /// <summary>Starts a node that has ended again, and does not wait.</summary>
    public async Task BeginAgainAsync(int node)
    {
        await nodes[node].DisposeAsync();
        Begin(node);
    }

    /// <summary>Waits until a node says that it is ready.</summary>
    public async Task ServingAsync(int node)
    {
        await nodes[node].ListeningAsync();
        var last = "";
        try
        {
            await Until.TrueAsync("the node is ready", async () =>
            {
                (var ready, last) = await AskReadyAsync(node);
                return ready;
            });
        }
        catch (Exception e) when (e is TimeoutException or HttpRequestException)
        {
            throw new TimeoutException($"{e.Message} It last said {last}\n{nodes[node].Output}", e);
        }
    }

    /// <summary>Asks a node whether it is ready.</summary>
    public async Task<(bool Ready, string Answer)> AskReadyAsync(int node)
    {
        using var http = new HttpClient();
        using var response = await http.GetAsync(new Uri(nodes[node].Json, "/health/ready"));
        return (response.StatusCode == HttpStatusCode.OK, await response.Content.ReadAsStringAsync());
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var node in nodes.OfType<NodeProcess>())
        {
            await node.DisposeAsync();
        }

        store.Dispose();
    }
}
