using System.Diagnostics;
using Ledger.Client;
using Ledger.Fuzz.Judging;
using Ledger.Fuzz.Processes;

namespace Ledger.Fuzz;

/// <summary>Whoever does no harm meanwhile: moves money and reads it, by a client and accounts of its own, and lifts
/// the blocks that inputs have set.</summary>
internal sealed class Bystander(World world)
{
    private const string From = "bystander:a";
    private const string To = "bystander:b";

    // Two in a second look for blocks, and eight move money.
    private const int CallsBetween = 4;
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(100);

    private readonly List<double> milliseconds = [];
    private readonly HashSet<string> failures = new(StringComparer.Ordinal);

    /// <summary>What it needs.</summary>
    public static IEnumerable<Client.AccountSpec> Accounts => [.. new[] { From, To }.Select(
        static address => new Client.AccountSpec { Address = address, Asset = "USD/2", Code = 1 })];

    /// <summary>How many of its transfers were made.</summary>
    public int Moved { get; private set; }

    /// <summary>How many of its calls were refused since an input had blocked everybody at its address.</summary>
    public int Blocked { get; private set; }

    /// <summary>What went wrong.</summary>
    public IEnumerable<Finding> Findings =>
        failures.Select(static failure => new Finding($"bystander: {failure}", failure, null));

    /// <summary>How long all but one in a hundred of its calls took at most.</summary>
    public double P99 => milliseconds.Count == 0 ? 0 : milliseconds.Order().ElementAt(milliseconds.Count * 99 / 100);

    /// <summary>Goes on until it is told to stop.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        await using var client = world.Connect();
        for (var call = 0; !cancellationToken.IsCancellationRequested; call++)
        {
            var started = Stopwatch.GetTimestamp();
            try
            {
                if (call % (CallsBetween + 1) == 0)
                {
                    await LiftBlocksAsync(client);
                    continue;
                }

                var moved = await client.PostTransferAsync(new Client.Transfer
                {
                    Id = Guid.CreateVersion7(),
                    DebitAccount = From, CreditAccount = To, Amount = 1, Asset = "USD/2",
                    Code = 1,
                });
                if (moved.Status is not (Client.TransferStatus.Created or Client.TransferStatus.Exists))
                {
                    failures.Add($"a transfer was answered {moved.Status}");
                }

                Moved++;
                milliseconds.Add(Stopwatch.GetElapsedTime(started).TotalMilliseconds);
                await Task.Delay(s_pause, cancellationToken);
            }
            catch (LedgerClientException e) when (e.Reason == "CALLER_BLOCKED")
            {
                Blocked++;
                await LiftBlocksAsync(client);
            }
            catch (LedgerClientException e)
            {
                failures.Add($"{e.Code} {e.Reason}: {e.Message}");
            }
            catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
            {
                return;
            }
        }
    }

    private static async Task LiftBlocksAsync(LedgerClient client)
    {
        foreach (var block in await client.ListBlocksAsync())
        {
            await client.UnblockCallerAsync(block.Kind, block.Subject);
        }
    }
}
