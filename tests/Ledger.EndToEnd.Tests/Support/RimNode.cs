using System.Globalization;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Grpc.Net.Client;
using Ledger.Client;
using Ledger.Tests.Shared;

namespace Ledger.EndToEnd.Tests.Support;

/// <summary>One node for all tests of a class, which they may start again. Its limits are small, so that they are met
/// soon.</summary>
public abstract partial class RimNode : IAsyncLifetime
{
    /// <summary>How many ids an account remembers.</summary>
    public const int IdempotencyWindow = 500;

    /// <summary>How many live holds two accounts may have between them.</summary>
    public const int HoldsWithCounterparty = 3;

    /// <summary>How many live holds an account may have.</summary>
    public const int HoldsOfAccount = 5;

    private static readonly string[] s_settings =
    [
        "--Ledger:IdempotencyWindowMax", IdempotencyWindow.ToString(CultureInfo.InvariantCulture),
        "--Ledger:CounterpartyHoldsMax", HoldsWithCounterparty.ToString(CultureInfo.InvariantCulture),
        "--Ledger:AccountHoldsMax", HoldsOfAccount.ToString(CultureInfo.InvariantCulture),
        "--Ledger:SnapshotEvery", "20",
    ];

    private readonly Store store;
    private NodeProcess node = null!;
    private GrpcChannel channel = null!;

    private protected RimNode(Database database) => store = new Store(database);

    /// <summary>The node's data.</summary>
    internal Store Store => store;

    /// <summary>A client that tries everything once.</summary>
    internal LedgerClient Client { get; private set; } = null!;

    /// <summary>Where gRPC is served.</summary>
    internal Uri Grpc => node.Grpc;

    /// <summary>The JSON side.</summary>
    internal HttpClient Http { get; private set; } = null!;

    /// <summary>The raw contract.</summary>
    internal V1.AccountService.AccountServiceClient Accounts { get; private set; } = null!;

    /// <summary>The raw contract.</summary>
    internal V1.TransferService.TransferServiceClient Transfers { get; private set; } = null!;

    public Task InitializeAsync() => StartAsync();

    /// <inheritdoc/>
    public virtual async Task DisposeAsync()
    {
        await CloseAsync();
        await node.DisposeAsync();
        store.Dispose();
    }

    /// <summary>Stops the node in order, and starts it again.</summary>
    /// <param name="meanwhile">What happens in between, to its data.</param>
    internal async Task RestartAsync(Func<Task>? meanwhile = null)
    {
        await CloseAsync();
        await node.StopAsync();
        await node.DisposeAsync();
        await (meanwhile?.Invoke() ?? Task.CompletedTask);
        await StartAsync();
    }

    /// <summary>What the node says of its journal, as soon as all is well with it: on a busy machine a look may come
    /// too soon after a start.</summary>
    internal async Task<string> JournalHealthAsync()
    {
        var said = "";
        await Until.TrueAsync("a node that is well", async () =>
        {
            using var response = await Http.GetAsync(new Uri("/health", UriKind.Relative));
            said = await response.Content.ReadAsStringAsync();
            return response.IsSuccessStatusCode;
        });
        return said;
    }

    /// <summary>How often the node has looked into the journal for ids since it began.</summary>
    internal async Task<long> LookupsAsync()
    {
        // What the node has found of its health is good for half a second: a younger answer is wanted.
        await Task.Delay(TimeSpan.FromSeconds(0.6));
        return long.Parse(Asked().Match(await JournalHealthAsync()).Groups[1].Value, CultureInfo.InvariantCulture);
    }

    /// <summary>Sends JSON.</summary>
    /// <returns>The status, and the answer.</returns>
    internal async Task<(int Status, JsonNode Answer)> PostAsync(string path, JsonNode body)
    {
        using var response = await Http.PostAsJsonAsync(path, body);
        return ((int)response.StatusCode, JsonNode.Parse(await response.Content.ReadAsStringAsync())!);
    }

    /// <summary>Reads JSON.</summary>
    /// <returns>The status, and the answer.</returns>
    internal async Task<(int Status, JsonNode Answer)> GetAsync(string path)
    {
        using var response = await Http.GetAsync(path);
        return ((int)response.StatusCode, JsonNode.Parse(await response.Content.ReadAsStringAsync())!);
    }

    /// <summary>The reason of a failure in JSON.</summary>
    internal static string ReasonOf(JsonNode failure) => (string)failure["details"]!.AsArray()
        .Single(static detail => (string)detail!["@type"]! == "type.googleapis.com/google.rpc.ErrorInfo")!["reason"]!;

    private async Task StartAsync()
    {
        node = await NodeProcess.StartAsync(store, s_settings);
        channel = GrpcChannel.ForAddress(node.Grpc);
        Accounts = new V1.AccountService.AccountServiceClient(channel);
        Transfers = new V1.TransferService.TransferServiceClient(channel);
        Client = node.Connect();
        Http = new HttpClient { BaseAddress = node.Json };
    }

    private async Task CloseAsync()
    {
        Http.Dispose();
        channel.Dispose();
        await Client.DisposeAsync();
    }

    [GeneratedRegex(@"it was asked (\d+) times")]
    private static partial Regex Asked();
}
