namespace Ledger.Chaos.Faults;

/// <summary>What clients do to the ledger.</summary>
internal static class ClientFaults
{
    public static Task DisconnectAsync(FaultContext context) => context.InjectAsync(
        "clients",
        () => context.Load.DisconnectChance = 0.5,
        context.Between(5, 15),
        () => context.Load.DisconnectChance = 0);

    public static Task PoisonAsync(FaultContext context)
    {
        var usual = context.Load.PoisonChance;
        return context.InjectAsync(
            "clients",
            () => context.Load.PoisonChance = 0.3,
            context.Between(5, 15),
            () => context.Load.PoisonChance = usual);
    }

    public static Task OversizedAsync(FaultContext context)
    {
        var usual = context.Load.LargeChance;
        return context.InjectAsync(
            "clients",
            () => context.Load.LargeChance = 0.04,
            context.Between(5, 15),
            () => context.Load.LargeChance = usual);
    }

    public static async Task RetryStormAsync(FaultContext context)
    {
        var from = context.Recorder.Now;
        var parallel = context.Random.Next(8, 48);
        await context.Load.StormAsync(parallel, context.Between(3, 10), context.Seed, context.Cancellation);
        context.Note("clients", from, FormattableString.Invariant($"{parallel} at once"));
    }
}
