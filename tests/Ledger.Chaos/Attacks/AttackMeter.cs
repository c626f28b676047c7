using System.Diagnostics;
using Ledger.Chaos.Processes;

namespace Ledger.Chaos.Attacks;

/// <summary>Compares how a bystander fares beside a loop that does nothing and under an attack, both within the same
/// quota.</summary>
internal sealed class AttackMeter(
    Bystander bystander, ProcessorQuota quota, Reaper reaper, TimeSpan length, string? key)
{
    private const double CalmMilliseconds = 100;
    private static readonly TimeSpan s_calm = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_calmPatience = TimeSpan.FromSeconds(30);

    /// <summary>Does it.</summary>
    public async Task<(BystanderFigures Before, BystanderFigures During, string Counts)> MeasureAsync(
        AttackKind kind, Uri grpc, Uri json, CancellationToken cancellationToken)
    {
        await CalmAsync(cancellationToken);
        var (before, _) = await MeasureOneAsync(AttackCatalog.Busy, grpc, json, cancellationToken);
        var (during, counts) = await MeasureOneAsync(kind, grpc, json, cancellationToken);
        return (before, during, counts);
    }

    private async Task<(BystanderFigures Figures, string Counts)> MeasureOneAsync(
        AttackKind kind, Uri grpc, Uri json, CancellationToken cancellationToken)
    {
        await using var process = await AttackerProcess.StartAsync(
            kind, grpc, json, length, key, quota, reaper, cancellationToken);
        var from = bystander.Now;
        var ending = process.EndAsync(cancellationToken);

        // What the attacker needs beyond its time to end is no part of it.
        await Task.WhenAny(ending, Task.Delay(length, cancellationToken));
        var to = bystander.Now;
        return (await bystander.FiguresAsync(from, to, cancellationToken), await ending);
    }

    // What the attack before it has left to be done is done first.
    private async Task CalmAsync(CancellationToken cancellationToken)
    {
        var waiting = Stopwatch.StartNew();
        while (waiting.Elapsed < s_calmPatience)
        {
            var from = bystander.Now;
            await Task.Delay(s_calm, cancellationToken);
            var figures = await bystander.FiguresAsync(from, bystander.Now, cancellationToken);
            if (figures.Errors == 0 && figures.P99 < CalmMilliseconds)
            {
                return;
            }
        }
    }
}
