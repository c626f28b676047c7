using Ledger.Client;
using Ledger.EndToEnd.Tests.Support;
using Ledger.Tests.Shared;
using Xunit.Abstractions;

namespace Ledger.EndToEnd.Tests;

/// <summary>Goal: what a stranger tries first works. Method: the samples as processes, as their README says.</summary>
public sealed class SamplesTests(ITestOutputHelper output)
{
    [Fact]
    public async Task QuickStart_run_twice_on_one_file_shows_every_outcome_and_ends_with_0()
    {
        using var store = new Store(Database.Sqlite);

        var first = await Programs.RunAsync(Programs.QuickStart, store.Root, "quick.db");
        var second = await Programs.RunAsync(Programs.QuickStart, store.Root, "quick.db");

        output.WriteLine(first.Out);
        first.ExitCode.ShouldBe(0, first.All);
        first.Error.ShouldBeEmpty();
        first.Out.ReplaceLineEndings("\n").TrimEnd().ShouldBe("""
            account bank:cash: Created
            account users:alice:wallet: Created
            account shops:7: Created
            alice puts in 100.00: Created
            alice pays 30.00: Created
            the same, sent again: Exists
            alice pays 1,000,000.00: ExceedsCredits
            bank:cash: 100.00 USD
            users:alice:wallet: -70.00 USD
            shops:7: -30.00 USD
            the latest of the statement of users:alice:wallet:
                2 debit     30.00 ->   -70.00 order 4711
                1 credit   100.00 ->  -100.00
            """.ReplaceLineEndings("\n"));
        second.ExitCode.ShouldBe(0, second.All);
        second.Error.ShouldBeEmpty();
        second.Out.ShouldContain("account bank:cash: Exists");
        second.Out.ShouldContain("users:alice:wallet: -140.00 USD");
    }

    [Fact]
    public async Task GrpcClient_pays_each_payment_once_while_the_node_is_killed_and_started()
    {
        // So many that a fast machine is not done with them between two looks at the outbox.
        const int payments = 4_000;
        const ulong price = 12_50;
        using var store = new Store(Database.Sqlite);
        var url = NodeProcess.LastingAddress();
        string[] arguments = [url, "outbox.jsonl", $"{payments}"];
        using var killSample = new CancellationTokenSource();
        var node = await NodeProcess.StartAtAsync(url, store);
        try
        {
            // The node dies in the middle, and then, on the next node, so does the sample.
            var first = Programs.RunAsync(Programs.GrpcClient, store.Root, killSample.Token, arguments);
            await DecidedAsync(60);
            await node.KillAsync();
            await node.DisposeAsync();
            node = await NodeProcess.StartAtAsync(url, store);
            await DecidedAsync(160);
            first.IsCompleted.ShouldBeFalse("the sample was over before it was killed");
            await killSample.CancelAsync();
            await Should.ThrowAsync<OperationCanceledException>(first);

            // And the node again, while the second run goes on with what the first had left.
            var second = Programs.RunAsync(Programs.GrpcClient, store.Root, arguments);
            await DecidedAsync(260);
            await node.KillAsync();
            await node.DisposeAsync();
            node = await NodeProcess.StartAtAsync(url, store);

            var ended = await second;
            output.WriteLine(ended.All);
            ended.ExitCode.ShouldBe(0, ended.All);
            ended.Out.ShouldContain($"{payments} payments, {payments} committed (");

            using var client = node.Connect();
            var shop = (await client.GetAccountAsync("shops:7"))!;
            shop.EntryCount.ShouldBe((ulong)payments);
            shop.Balances.CreditsPosted.ShouldBe((UInt128)(payments * price));
        }
        finally
        {
            await node.DisposeAsync();
        }

        Task DecidedAsync(int count) => Until.TrueAsync($"{count} decided payments", async () =>
        {
            var path = Path.Combine(store.Root, "outbox.jsonl");
            return File.Exists(path) && (await ReadAsync(path)).Split('\n').Count(line => line.Contains("\"Created\"")
                || line.Contains("\"Exists\"")) >= count;
        });

        static async Task<string> ReadAsync(string path)
        {
            await using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
            using var reader = new StreamReader(file);
            return await reader.ReadToEndAsync();
        }
    }
}
