using Ledger.Documentation.Tests.Support;

namespace Ledger.Documentation.Tests.Recipes;

/// <summary>docs/recipes/rate-limit.md.</summary>
public sealed class RateLimit : Recipe
{
    [Fact]
    public async Task Requests_use_up_an_allowance_that_comes_back_when_their_holds_expire()
    {
        // snippet: accounts
        // Three requests at most, in any stretch of four seconds.
        var requests = Asset.Parse("REQ/0");
        await ledger.OpenAccountsAsync([Open("limiter", requests), Limited("limits:alice", requests)]);
        await ledger.PostTransferAsync(Move("limiter", "limits:alice", 3, requests));
        // end

        // snippet: ask
        async Task<bool> MayAsync(string user) =>
            (await ledger.PostTransferAsync(Move($"limits:{user}", "limiter", 1, requests) with
        {
            Kind = TransferKind.Hold,
            Timeout = TimeSpan.FromSeconds(4),
        })).IsCommitted;
        // end

        var answers =
            new[] { await MayAsync("alice"), await MayAsync("alice"), await MayAsync("alice"),
                await MayAsync("alice") };
        await Task.Delay(TimeSpan.FromSeconds(5));
        var later = await MayAsync("alice");

        answers.ShouldBe([true, true, true, false]);
        later.ShouldBeTrue();
    }
}
