using Ledger.Cli.Import;

namespace Ledger.Cli.Tests;

/// <summary>On each account in the order of the file, and across accounts many at once.</summary>
public sealed class AccountOrderTests
{
    [Fact]
    public async Task What_shares_an_account_waits_and_what_shares_none_does_not()
    {
        var order = new AccountOrder(inFlightMax: 8);
        var (first, begun) = (new TaskCompletionSource(), new List<string>());
        var other = new TaskCompletionSource();
        order.Add(["a", "b"], () => Begin("1", first.Task), CancellationToken.None);
        order.Add(["b", "c"], () => Begin("2", Task.CompletedTask), CancellationToken.None);
        order.Add(["c", "d"], () => Begin("3", Task.CompletedTask), CancellationToken.None);
        order.Add(["x", "y"], () => Begin("4", Task.CompletedTask, other), CancellationToken.None);

        await other.Task;
        lock (begun)
        {
            begun.ShouldNotContain("2");
            begun.ShouldNotContain("3");
        }

        first.SetResult();
        await order.WhenAllAsync();
        begun.Where(one => one != "4").ShouldBe(["1", "2", "3"]);

        Task Begin(string name, Task end, TaskCompletionSource? told = null)
        {
            lock (begun)
            {
                begun.Add(name);
            }

            told?.SetResult();
            return end;
        }
    }

    [Fact]
    public async Task After_a_stop_nothing_more_begins_however_long_the_row_is()
    {
        using var stop = new CancellationTokenSource();
        var order = new AccountOrder(inFlightMax: 2);
        var begun = 0;
        for (var i = 0; i < 100_000; i++)
        {
            order.Add(["a"], () =>
            {
                begun++;
                stop.Cancel();
                return Task.CompletedTask;
            }, stop.Token);
        }

        await order.WhenAllAsync();
        begun.ShouldBe(1);
    }
}
