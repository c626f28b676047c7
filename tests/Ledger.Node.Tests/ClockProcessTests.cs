using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Ledger.Tests.Shared;

namespace Ledger.Node.Tests;

/// <summary>
/// Goal: a node whose clock is set, or was wrong when it began, books nothing at a wrong time and ends no hold at
/// another (R21). Method: a process under libfaketime, whose clock is set while it runs; its monotonic clock is the
/// machine's.
/// </summary>
public sealed class ClockProcessTests : IDisposable
{
    private static readonly string[] Libraries =
    [
        "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1",
        "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1",
        "/usr/lib/faketime/libfaketimeMT.so.1",
    ];

    private readonly string directory = Directory.CreateTempSubdirectory("ledger-clock-").FullName;
    private readonly HttpClient http = new();

    // Not in the directory: the database's user has to read it.
    private readonly string clockFile = Path.Combine(Path.GetTempPath(), $"ledger-clock-{Guid.NewGuid():N}");

    private string ClockFile => clockFile;

    [Fact]
    public async Task A_clock_that_is_a_day_ahead_for_a_while_books_nothing_then_and_keeps_no_hold_alive()
    {
        SetClock("+0");
        using var node = new NodeProcess(directory, Environment);
        var url = await node.ListeningAsync();
        await PostAsync(url, "/v1/accounts", new
        {
            accounts =
                new[] { new { address = "payer", asset = "USD/2", code = 1 },
                    new { address = "shop", asset = "USD/2", code = 1 } },
        });
        SetClock("+1d");
        await Until.TrueAsync(async () => (await HealthAsync(url)).Contains("Clock:Accept", StringComparison.Ordinal));
        await TransferAsync(
            url,
            new { id = Guid.CreateVersion7(), debitAccount = "payer", creditAccount = "shop", amount = "1", code = 1 });

        SetClock("+0");
        await Until.TrueAsync(async () => !(await HealthAsync(url)).Contains("Clock:Accept", StringComparison.Ordinal));
        await CheckHoldAsync(url);

        // An hour behind, it is the same.
        SetClock("-1h");
        await Until.TrueAsync(async () => (await HealthAsync(url)).Contains("Clock:Accept", StringComparison.Ordinal));
        await CheckHoldAsync(url);
    }

    [Fact]
    public async Task A_node_that_begins_with_a_wrong_clock_says_so_and_ends()
    {
        SetClock("+0");
        using (var first = new NodeProcess(directory, Environment))
        {
            await PostAsync(await first.ListeningAsync(), "/v1/accounts", new
            {
                accounts =
                    new[] { new { address = "payer", asset = "USD/2", code = 1 },
                        new { address = "shop", asset = "USD/2", code = 1 } },
            });
            first.Terminate();
            await first.ExitAsync();
        }

        foreach (var wrong in new[] { "+1d", "-1d" })
        {
            SetClock(wrong);
            using var next = new NodeProcess(directory, Environment);
            (await next.ExitAsync()).ShouldBe(1, next.Output);
            next.Output.ShouldContain("The ledger can't tell what time it is");
            next.Output.ShouldContain("Clock:Accept");
        }

        using var told = new NodeProcess(directory, Environment, "--Ledger:Clock:Accept=Ledger");
        await CheckHoldAsync(await told.ListeningAsync());
    }

    [Fact]
    public async Task A_database_whose_clock_is_set_changes_no_time_of_the_ledger()
    {
        // A failover to a machine with another clock looks so to the nodes.
        SetClock("+0");
        using var server = new PostgresServer(Environment);
        var storage = $"--ConnectionStrings:Ledger={server.CreateDatabase()}";
        using (var node = new NodeProcess(directory, storage))
        {
            var url = await node.ListeningAsync();
            await PostAsync(url, "/v1/accounts", new
            {
                accounts =
                    new[] { new { address = "payer", asset = "USD/2", code = 1 },
                        new { address = "shop", asset = "USD/2", code = 1 } },
            });
            foreach (var set in new[] { "+1d", "-1h" })
            {
                SetClock(set);
                await Until.TrueAsync(
                    async () => (await HealthAsync(url)).Contains("clock of the database", StringComparison.Ordinal));
                await CheckHoldAsync(url);
                (await http.GetAsync(new Uri(url, "/health/ready"))).StatusCode.ShouldBe(HttpStatusCode.OK);
            }

            node.Terminate();
            (await node.ExitAsync()).ShouldBe(0, node.Output);
        }

        // Who begins then is not taken in either.
        SetClock("+1d");
        using (var refused = new NodeProcess(directory, storage))
        {
            (await refused.ExitAsync()).ShouldBe(1, refused.Output);
            refused.Output.ShouldContain("The ledger can't tell what time it is");
        }

        using var told = new NodeProcess(directory, storage, "--Ledger:Clock:Accept=Machine");
        await CheckHoldAsync(await told.ListeningAsync());
    }

    public void Dispose()
    {
        http.Dispose();
        Directory.Delete(directory, recursive: true);
        File.Delete(ClockFile);
    }

    private Dictionary<string, string> Environment => new(StringComparer.Ordinal)
    {
        ["LD_PRELOAD"] = Libraries.First(File.Exists),
        ["FAKETIME_TIMESTAMP_FILE"] = ClockFile,
        ["FAKETIME_NO_CACHE"] = "1",
        ["DONT_FAKE_MONOTONIC"] = "1",
        ["FAKETIME_DONT_FAKE_MONOTONIC"] = "1",
        ["FAKETIME_FORCE_MONOTONIC_FIX"] = "0",
    };

    // Never half written: a name takes the place of another.
    private void SetClock(string offset)
    {
        var next = ClockFile + ".next";
        File.WriteAllText(next, offset + "\n");
        File.Move(next, ClockFile, overwrite: true);
    }

    private async Task<string> HealthAsync(Uri url) =>
        await (await http.GetAsync(new Uri(url, "/health"))).Content.ReadAsStringAsync();

    // A hold of three seconds ends after three, and what is booked is booked now.
    private async Task CheckHoldAsync(Uri url)
    {
        var watch = Stopwatch.StartNew();
        await TransferAsync(url, new
        {
            id = Guid.CreateVersion7(), debitAccount = "payer", creditAccount = "shop", amount = "100", code = 1,
            kind = "TRANSFER_KIND_HOLD", timeout = "3s",
        });
        await Until.TrueAsync(async () =>
        {
            var account = await http.GetFromJsonAsync<JsonElement>(new Uri(url, "/v1/accounts/payer"));
            return account.GetProperty("account").GetProperty("balances").GetProperty("debitsPending")
                .GetString() == "0";
        });
        watch.Elapsed.ShouldBeInRange(TimeSpan.FromSeconds(1.9), TimeSpan.FromSeconds(10));
    }

    private async Task TransferAsync(Uri url, object transfer)
    {
        var result = (await PostAsync(url, "/v1/transfers", transfer)).GetProperty("result");
        result.GetProperty("status").GetString().ShouldBe("TRANSFER_STATUS_CREATED");
        var booked = DateTimeOffset.Parse(result.GetProperty("createTime").GetString()!, CultureInfo.InvariantCulture);
        (booked - TimeProvider.System.GetUtcNow()).Duration().ShouldBeLessThan(TimeSpan.FromMinutes(1));
    }

    private async Task<JsonElement> PostAsync(Uri url, string path, object body)
    {
        var response = await http.PostAsJsonAsync(new Uri(url, path), body);
        response.StatusCode.ShouldBe(HttpStatusCode.OK, await response.Content.ReadAsStringAsync());
        return await response.Content.ReadFromJsonAsync<JsonElement>();
    }
}
