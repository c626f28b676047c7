using System.Net.Http.Json;
using System.Text.Json;
using Ledger.Tests.Shared;

namespace Ledger.Node.Tests;

/// <summary>Goal: nodes find each other, and each does what its roles say. Method: nodes as processes; plaintext
/// between them, since <see cref="ClusterTlsTests"/> has the other half.</summary>
[Collection(PostgresCollection.Name)]
public sealed class ClusterProcessTests : IDisposable
{
    private readonly DirectoryInfo directory = Directory.CreateTempSubdirectory("ledger-cluster-");
    private readonly HttpClient http = new();
    private readonly string database = PostgresServer.Shared.CreateDatabase();

    [Fact]
    public async Task Contact_points_found_a_cluster_and_a_front_alone_passes_calls_on()
    {
        int[] ports = [.. Enumerable.Range(0, 3).Select(static _ => LoopbackPort.Next())];
        string[] contacts = [
            .. ports.Select(static (port, i) => $"--Ledger:Cluster:ContactPoints:{i}=127.0.0.1:{port}")];
        using var first = Start(ports[0], contacts);
        using var second = Start(ports[1], contacts);
        using var front = Start(ports[2], [.. contacts, "--Ledger:Cluster:Roles:0=front"]);
        var url = await front.ListeningAsync();
        await UntilReadyAsync(url, "2 of 2 nodes with accounts");

        using var opened = await http.PostAsJsonAsync(
            new Uri(url, "/v1/accounts"),
            new { accounts = new[] { new { address = "a", asset = "USD/2", code = 1 } } });
        opened.IsSuccessStatusCode.ShouldBeTrue();
        var account = await http.GetFromJsonAsync<JsonElement>(new Uri(await first.ListeningAsync(), "/v1/accounts/a"));
        account.GetProperty("account").GetProperty("spec").GetProperty("asset").GetString().ShouldBe("USD/2");

        foreach (var node in new[] { front, second, first })
        {
            node.Terminate();
            (await node.ExitAsync()).ShouldBe(0, node.Output);
        }
    }

    [Fact]
    public async Task A_node_without_the_role_front_serves_health_and_no_calls()
    {
        using var node = Start(0, ["--Ledger:Cluster:Roles:0=ledger"]);
        var url = await node.ListeningAsync();
        await UntilReadyAsync(url, "1 of 1 nodes with accounts");
        node.Output.ShouldNotContain("gRPC listening");
        using var refused = await http.GetAsync(new Uri(url, "/v1/accounts/a"));
        refused.StatusCode.ShouldBe(System.Net.HttpStatusCode.NotFound);
        (await refused.Content.ReadAsStringAsync()).ShouldContain("does not have the role front");
        node.Terminate();
        (await node.ExitAsync()).ShouldBe(0, node.Output);
    }

    [Fact]
    public async Task A_node_that_can_not_join_ends_with_1_for_its_supervisor()
    {
        // Two of three must be there, and one is.
        using var node = Start(
            0,
            [
                "--Ledger:Cluster:Size=3", "--Ledger:Cluster:JoinTimeout=00:00:05",
            ]);
        (await node.ExitAsync()).ShouldBe(1, node.Output);
        node.Output.ShouldContain("has not become a member");
    }

    public void Dispose()
    {
        http.Dispose();
        directory.Delete(recursive: true);
    }

    private NodeProcess Start(int httpPort, string[] settings) => new(
        directory.FullName,
        [
            "--Ledger:Mode=Clustered", $"--ConnectionStrings:Ledger={database}", "--Ledger:Cluster:Port=0",
            "--Ledger:Cluster:Tls:Enabled=false", $"--Ledger:Http:Url=http://127.0.0.1:{httpPort}", .. settings,
        ]);

    private async Task UntilReadyAsync(Uri url, string text)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (true)
        {
            using var response = await http.GetAsync(new Uri(url, "/health/ready"), patience.Token);
            if (response.IsSuccessStatusCode
                && (await response.Content.ReadAsStringAsync()).Contains(text, StringComparison.Ordinal))
            {
                return;
            }

            await Task.Delay(50, patience.Token);
        }
    }
}
