using System.Globalization;

namespace Ledger.Chaos.Faults;

/// <summary>What operators do to a ledger that is well.</summary>
internal static class OperatorFaults
{
    private static readonly TimeSpan Noticed = TimeSpan.FromSeconds(3);

    /// <summary>A new epoch begins under load: all accounts wake from the journal, no node ends, and none falls silent
    /// for good.</summary>
    public static async Task EpochAsync(FaultContext context)
    {
        var from = context.Recorder.Now;
        var epochs = context.Random.Next(1, 4);
        var ends = Ends(context);
        var wrong = new List<string>();
        var before = await EpochOfAsync(context);
        for (var i = 0; i < epochs; i++)
        {
            var status = await context.Cluster.Nodes[0].RunAsync(
                [
                    "epoch", "begin", "--by", "chaos", "--reason", "begun while all is well",
                    "--ConnectionStrings:Ledger="
                    + context.Postgres.ConnectionThrough(context.Network.Addresses[0].Database),
                ],
                context.Cancellation);
            if (status != 0)
            {
                wrong.Add(
                    string.Create(
                        CultureInfo.InvariantCulture, $"epoch begin ended with {status}; see the log of node 0"));
            }

            // Nodes look twice a second; now and then the next one comes before they have.
            await Task.Delay(context.Between(0.1, 2), context.Cancellation);
        }

        await Task.Delay(Noticed, context.Cancellation);
        var epoch = await EpochOfAsync(context);
        if (epoch != before + epochs)
        {
            wrong.Add(
                string.Create(
                    CultureInfo.InvariantCulture, $"{epochs} epochs were begun after {before}, and it is {epoch}"));
        }

        if (context.IsAlone && Ends(context) != ends)
        {
            wrong.Add("a node ended, and nothing had been lost");
        }

        context.Note(
            "ledger", from, string.Create(CultureInfo.InvariantCulture, $"{epochs}, the last is {epoch}"),
            string.Join("; ", wrong));
    }

    private static int Ends(FaultContext context) => context.Cluster.Nodes.Sum(static node => node.OwnExits);

    private static async Task<long> EpochOfAsync(FaultContext context) => Convert.ToInt64(
        await context.Postgres.ReadAsync("SELECT max(epoch) FROM ledger_identity", context.Cancellation),
        CultureInfo.InvariantCulture);
}
