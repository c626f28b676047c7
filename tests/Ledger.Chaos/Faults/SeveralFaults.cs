namespace Ledger.Chaos.Faults;

/// <summary>Faults that are made of others.</summary>
internal static class SeveralFaults
{
    private const int StormCount = 5;

    public static async Task PairAsync(FaultContext context)
    {
        var first = Pick(context, null);
        var second = Pick(context, first);
        await Task.WhenAll(RunAsync(context, first), RunAsync(context, second));
    }

    public static async Task StormAsync(FaultContext context)
    {
        // Each begins while the last ones are under way. Those of the database wait for each other.
        var running = new List<Task>();
        FaultKind? last = null;
        for (var i = 0; i < StormCount; i++)
        {
            var kind = Pick(context, last);
            if (kind.Struck is Struck.Database or Struck.Commit)
            {
                last = kind;
                await Task.WhenAll(running);
            }

            running.Add(RunAsync(context, kind));
            await Task.Delay(context.Between(0.2, 3), context.Cancellation);
        }

        await Task.WhenAll(running);
    }

    public static async Task DuringRecoveryAsync(FaultContext context)
    {
        var first = Pick(context, null);
        await RunAsync(context, first);

        // What was struck is about to come back.
        await Task.Delay(context.Between(0, 4), context.Cancellation);
        await RunAsync(context, Pick(context, null));
    }

    private static Task RunAsync(FaultContext context, FaultKind kind) =>
        kind.Run(context.For(kind, context.Random.Next()));

    private static FaultKind Pick(FaultContext context, FaultKind? other)
    {
        var kinds = context.Others.Where(kind => kind.Struck != Struck.Several
            && (other is null || kind.Struck != other.Struck || kind.Struck is Struck.Nodes or Struck.Network)
            && kind != other).ToArray();

        // With too few kinds chosen to make two, any will do.
        kinds = kinds.Length > 0
            ? kinds
            : [.. FaultCatalog.All.Where(static kind => kind.Struck is Struck.Nodes && kind.Name is "kill" or "pause")];
        return kinds[context.Random.Next(kinds.Length)];
    }
}
