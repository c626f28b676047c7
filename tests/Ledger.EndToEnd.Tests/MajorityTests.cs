using System.Collections.Concurrent;
using System.Diagnostics;
using Ledger.Client;
using Ledger.EndToEnd.Tests.Support;
using Ledger.Tests.Shared;
using Xunit.Abstractions;

namespace Ledger.EndToEnd.Tests;

/// <summary>Goal: where the majority is dead, what is left refuses rather than guesses, and all is well when one
/// returns. Method: three nodes as processes, two of them killed under load, whichever; the survivor must end itself,
/// and its next life must not serve alone; then one of the dead comes back. What was answered and what became of the
/// rest must be what the books hold.</summary>
[Collection(ClusterCollection.Name)]
public sealed class MajorityTests(ITestOutputHelper output)
{
    private const int Accounts = 30;
    private const int Workers = 12;
    private static readonly TimeSpan PauseBetweenCalls = TimeSpan.FromMilliseconds(30);
    private static readonly TimeSpan AloneFor = TimeSpan.FromSeconds(8);

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    public async Task The_survivor_of_three_refuses_until_another_returns(int survivor)
    {
        await using var nodes = await NodeCluster.StartAsync(3);
        using var client = nodes.Connect();
        var books = new TransferLoad("majority", Accounts);
        await books.OpenAsync(client);

        using var stop = new CancellationTokenSource();
        var started = Stopwatch.GetTimestamp();
        var committed = new ConcurrentDictionary<string, Transfer>();
        var unknown = new ConcurrentDictionary<string, Transfer>();
        var surprises = new ConcurrentQueue<string>();
        var load = Task.WhenAll(Enumerable.Range(0, Workers).Select(WorkAsync));
        await Until.TrueAsync("500 answers", () => committed.Count >= 500);

        int[] killed = [(survivor + 1) % 3, (survivor + 2) % 3];
        await Task.WhenAll(killed.Select(node => nodes[node].KillAsync()));
        Say("two of three are dead");

        // Not in order: whoever starts it again must see that something was wrong.
        (await nodes[survivor].EndedAsync()).ShouldNotBe(0);
        Say("the survivor has ended itself");

        await nodes.BeginAgainAsync(survivor);
        await Until.TrueAsync("it tells its health", async () =>
        {
            try
            {
                (await nodes.AskReadyAsync(survivor)).Ready.ShouldBeFalse();
                return true;
            }
            catch (Exception e) when (e is HttpRequestException or ArgumentNullException)
            {
                return false;
            }
        });
        var before = committed.Count;
        for (var alone = Stopwatch.StartNew(); alone.Elapsed < AloneFor;)
        {
            (await nodes.AskReadyAsync(survivor)).Ready.ShouldBeFalse();
            await Task.Delay(100);
        }

        committed.Count.ShouldBe(before, "One node of three has answered alone.");
        Say("alone, it has answered nothing");

        await nodes.BeginAgainAsync(killed[0]);
        await Task.WhenAll(nodes.ServingAsync(survivor), nodes.ServingAsync(killed[0]));
        Say("two are ready");
        await Until.TrueAsync("500 more answers", () => committed.Count >= before + 500);
        await stop.CancelAsync();
        await load;
        surprises.ShouldBeEmpty();

        // What is unknown is asked until it is known; then the books must tell the same story.
        output.WriteLine($"{committed.Count} committed, {unknown.Count} unknown");
        var again = new RequestOptions { RetryUnknownFor = Until.Patience, Timeout = Until.Patience };
        foreach (var transfer in unknown.Values)
        {
            (await client.PostTransferAsync(transfer, again)).Status
                .ShouldBeOneOf(TransferStatus.Created, TransferStatus.Exists);
            committed[transfer.Id.ToString()] = transfer;
        }

        foreach (var address in books.Addresses)
        {
            var account = (await client.GetAccountAsync(address)).ShouldNotBeNull();
            var (debits, credits) = (account.Balances.DebitsPosted, account.Balances.CreditsPosted);
            debits.ShouldBe((UInt128)committed.Values.Count(one => one.DebitAccount == address));
            credits.ShouldBe((UInt128)committed.Values.Count(one => one.CreditAccount == address));
        }

        async Task WorkAsync(int worker)
        {
            var random = new Random(worker);
            while (!stop.IsCancellationRequested)
            {
                var transfer = books.Next(random);
                try
                {
                    (await client.PostTransferAsync(transfer)).Status
                        .ShouldBeOneOf(TransferStatus.Created, TransferStatus.Exists);
                    committed[transfer.Id.ToString()] = transfer;
                }
                catch (LedgerClientException e) when (e.OutcomeUnknown)
                {
                    unknown[transfer.Id.ToString()] = transfer;
                }
                catch (LedgerClientException)
                {
                    // Nothing was done.
                }
                catch (Exception e)
                {
                    surprises.Enqueue($"{Stopwatch.GetElapsedTime(started).TotalSeconds:F1} s: {e}");
                }

                await Task.Delay(PauseBetweenCalls);
            }
        }

        void Say(string what) => output.WriteLine(
            $"{Stopwatch.GetElapsedTime(started).TotalSeconds,6:F1} s: {what}; {committed.Count} committed, "
                + $"{unknown.Count} unknown");
    }
}
