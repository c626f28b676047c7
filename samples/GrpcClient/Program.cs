// A service that pays through a ledger node and survives everything: the node's restarts, a broken network, its own
// death. Its rules are three: the id is on the disk before anything is sent; an unknown outcome is answered by sending
// the same id again, until it is decided; a decided one is written down.
//
//   GrpcClient [address] [outbox file] [how many payments]
using GrpcClientSample;
using Grpc.Core;
using Ledger.Client;

var address = new Uri(args.ElementAtOrDefault(0) ?? Environment.GetEnvironmentVariable("LEDGER_SERVER")
    ?? LedgerClientOptions.DefaultAddress.OriginalString);
var outboxFile = args.ElementAtOrDefault(1) ?? "outbox.jsonl";
var wanted = int.Parse(args.ElementAtOrDefault(2) ?? "500");
var pause = TimeSpan.FromMilliseconds(200);
var sendings = 0;

using var stop = new CancellationTokenSource();
Console.CancelKeyPress += (_, press) =>
{
    press.Cancel = true;
    stop.Cancel();
};

await using var client = new LedgerClient(new LedgerClientOptions { Addresses = [address] });
using var outbox = new Outbox(outboxFile);
try
{
    await UntilAnsweredAsync("opening the accounts", async () =>
    {
        var outcomes = await client.OpenAccountsAsync(
        [
            new AccountSpec { Address = "bank:cash", Asset = "USD/2", Code = 1 },
            new AccountSpec { Address = "shops:7", Asset = "USD/2", Code = 3 },
        ], cancellationToken: stop.Token);
        return outcomes.All(outcome => outcome.IsOpen)
            ? outcomes
            : throw new InvalidOperationException("The accounts exist, but with other content.");
    });

    // First what an earlier run has left open, then what is still to be done.
    var left = outbox.Undecided;
    Console.WriteLine($"{outbox.Count} payments in {outboxFile}, {left.Count} of them undecided");
    var news = Enumerable.Range(0, Math.Max(0, wanted - outbox.Count)).Select(_ =>
    {
        var payment = new OutboxLine(TransferIds.New(), Amount: 12_50, Outcome: null);
        outbox.Write(payment);
        return payment;
    });
    var parallel = new ParallelOptions { MaxDegreeOfParallelism = 8, CancellationToken = stop.Token };
    await Parallel.ForEachAsync(left.Concat(news), parallel, async (payment, _) =>
    {
        var outcome = await UntilAnsweredAsync($"payment {payment.Id}", () =>
        {
            Interlocked.Increment(ref sendings);
            return client.PostTransferAsync(
                new Transfer
                {
                    Id = payment.Id,
                    DebitAccount = "bank:cash",
                    CreditAccount = "shops:7",
                    Amount = payment.Amount,
                    Code = 1,
                },
                cancellationToken: stop.Token);
        });
        outbox.Write(payment with { Outcome = outcome.Status.ToString() });
    });
}
catch (OperationCanceledException) when (stop.IsCancellationRequested)
{
    Console.WriteLine($"interrupted with {outbox.Undecided.Count} payments undecided; the next run goes on with them");
    return 130;
}

Console.WriteLine($"{outbox.Count} payments, {outbox.Committed} committed ({outbox.CountOf(TransferStatus.Exists)} of "
    + $"them by an earlier sending), {outbox.Count - outbox.Committed} rejected; sent {sendings} times in this run");
return outbox.Committed == outbox.Count ? 0 : 1;

// Asks until there is an answer. The client retries by itself too, but gives up after a while; this does not.
async Task<T> UntilAnsweredAsync<T>(string what, Func<Task<T>> ask)
{
    while (true)
    {
        try
        {
            return await ask();
        }
        catch (LedgerClientException failure) when (failure.Code != StatusCode.InvalidArgument)
        {
            var state = failure.OutcomeUnknown ? "its outcome is unknown" : "nothing was done";
            Console.Error.WriteLine($"{what}: {state} ({failure.Message}); asking again");
            await Task.Delay(failure.RetryAfter ?? pause, stop.Token);
        }
    }
}
