using System.Diagnostics;
using System.Net.Http.Json;

namespace Ledger.Node.Tests;

/// <summary>Somebody who has nothing to do with it and makes transfers, one after the other.</summary>
internal sealed class Bystander : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly HttpClient http = new() { Timeout = TimeSpan.FromSeconds(20) };
    private readonly CancellationTokenSource stop = new();
    private readonly Uri url;
    private readonly Task running;
    private int failures;

    private Bystander(Uri url)
    {
        this.url = url;
        running = Task.Run(RunAsync);
    }

    public int Count { get; private set; }

    public TimeSpan Slowest { get; private set; }

    public static async Task<Bystander> StartAsync(Uri url)
    {
        using var http = new HttpClient();
        var opened = await http.PostAsJsonAsync(new Uri(url, "/v1/accounts"), new
        {
            accounts =
                new[] { new { address = "a", asset = "USD/2", code = 1 },
                    new { address = "b", asset = "USD/2", code = 1 } },
        });
        opened.EnsureSuccessStatusCode();
        return new Bystander(url);
    }

    /// <summary>Has it end.</summary>
    /// <returns>How many of its transfers failed.</returns>
    public async Task<int> StopAsync()
    {
        await stop.CancelAsync();
        await running.WaitAsync(Patience);
        Count.ShouldBeGreaterThan(0);
        return failures;
    }

    public async ValueTask DisposeAsync()
    {
        await stop.CancelAsync();
        await running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        http.Dispose();
        stop.Dispose();
    }

    private async Task RunAsync()
    {
        while (!stop.IsCancellationRequested)
        {
            var started = Stopwatch.GetTimestamp();
            try
            {
                using var response = await http.PostAsJsonAsync(new Uri(url, "/v1/transfers"), new
                {
                    id = Guid.CreateVersion7(), debitAccount = "a", creditAccount = "b", amount = "1", code = 1,
                });
                failures += response.IsSuccessStatusCode ? 0 : 1;
            }
            catch (Exception e) when (e is HttpRequestException or TaskCanceledException)
            {
                failures++;
            }

            Count++;
            var took = Stopwatch.GetElapsedTime(started);
            Slowest = took > Slowest ? took : Slowest;
            await Task.Delay(10);
        }
    }
}
