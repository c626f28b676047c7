using System.Text.RegularExpressions;
using Ledger.Chaos.Checking;
using Ledger.Chaos.Workload;

namespace Ledger.Chaos.Reports;

/// <summary>A fault, and which node had which shard when it began.</summary>
/// <param name="Record">The fault.</param>
/// <param name="Placement">By shard: its node; -1 when that was not known.</param>
internal sealed record FaultWindow(FaultRecord Record, int[] Placement);

/// <summary>A time in which a shard could not be written.</summary>
internal readonly record struct Outage(int Shard, long From, long To);

/// <summary>What one fault did to those who call.</summary>
internal sealed record FaultEffect
{
    public required FaultRecord Fault { get; init; }

    /// <summary>Until when its effects are looked for: the next fault, or the end.</summary>
    public required long WindowEnd { get; init; }

    /// <summary>After how many seconds a shard could not be written for the first time; null when all could, all the
    /// time.</summary>
    public double? FirstFailure { get; init; }

    /// <summary>After how many seconds all shards could be written again; null when all could, all the time.</summary>
    public double? Restored { get; init; }

    /// <summary>Fraction of the accounts times seconds in which they could not be written.</summary>
    public double Lost { get; init; }

    public int Unknowns { get; init; }

    public int Failures { get; init; }

    /// <summary>Milliseconds at the 99th percentile of calls that touch no account of a struck node; null without such
    /// calls, or when no node was struck.</summary>
    public double? ElsewhereP99 { get; init; }

    /// <summary>How many of those calls failed.</summary>
    public int? ElsewhereFailures { get; init; }
}

/// <summary>Who could write what, when.</summary>
internal sealed partial class Availability
{
    /// <summary>From which time a write is late enough for its account to count as not writable.</summary>
    public static readonly TimeSpan Late = TimeSpan.FromSeconds(1);

    private Availability(int shards, CallPoint[] points, List<Outage> outages, List<FaultEffect> effects)
    {
        (Shards, Points, Outages, Effects) = (shards, points, outages, effects);
        UnavailableSeconds = outages.Sum(static outage => (outage.To - outage.From) / 1e9) / shards;
    }

    public int Shards { get; }

    public CallPoint[] Points { get; }

    public List<Outage> Outages { get; }

    public List<FaultEffect> Effects { get; }

    /// <summary>Fraction of the accounts times seconds, of the whole run.</summary>
    public double UnavailableSeconds { get; }

    public static Availability Of(CallPoint[] points, IReadOnlyList<FaultWindow> faults, int shards)
    {
        var outages = OutagesOf(points, shards);
        var end = points.Length == 0 ? 0 : points.Max(static point => point.Complete);
        var effects = new List<FaultEffect>();
        for (var i = 0; i < faults.Count; i++)
        {
            var record = faults[i].Record;
            var next = faults.Skip(i + 1).Select(static fault => fault.Record.From)
                .FirstOrDefault(from => from > (record.Recovered ?? record.To), end);
            effects.Add(EffectOf(faults[i], next, points, outages, shards));
        }

        return new Availability(shards, points, outages, effects);
    }

    /// <summary>The times in which shards could not be written, by the probes: from the beginning of one that failed or
    /// was late to the end of the next that succeeded.</summary>
    internal static List<Outage> OutagesOf(CallPoint[] points, int shards)
    {
        var outages = new List<Outage>();
        var since = new long?[shards];
        foreach (var point in points.Where(static point => point.IsProbe).OrderBy(static point => point.Invoke))
        {
            var ok = point.Outcome == CallOutcome.Ok;
            if (!ok || point.Complete - point.Invoke > (long)Late.TotalNanoseconds)
            {
                since[point.Shards[0]] ??= point.Invoke;
            }

            if (ok && since[point.Shards[0]] is { } from)
            {
                outages.Add(new Outage(point.Shards[0], from, point.Complete));
                since[point.Shards[0]] = null;
            }
        }

        var end = points.Length == 0 ? 0 : points.Max(static point => point.Complete);
        for (var shard = 0; shard < shards; shard++)
        {
            if (since[shard] is { } from)
            {
                outages.Add(new Outage(shard, from, end));
            }
        }

        return outages;
    }

    internal static double Percentile(List<long> sorted, double part) =>
        sorted[(int)Math.Clamp(Math.Ceiling(part * sorted.Count) - 1, 0, sorted.Count - 1)];

    private static FaultEffect EffectOf(
        FaultWindow fault, long windowEnd, CallPoint[] points, List<Outage> outages, int shards)
    {
        var from = fault.Record.From;

        // A probe under way when the fault struck began a little before it.
        var own = outages.Where(outage => outage.To > from && outage.From < windowEnd).ToList();
        var window = points.Where(point => point.Complete >= from && point.Invoke < windowEnd).ToList();
        var struck = NodeNumber().Matches(fault.Record.Target).Select(static match =>
            int.Parse(match.Groups["number"].ValueSpan, System.Globalization.CultureInfo.InvariantCulture)).ToHashSet();
        List<long>? elsewhere = null;
        int? failures = null;
        if (struck.Count > 0)
        {
            bool IsElsewhere(int shard) => fault.Placement[shard] >= 0 && !struck.Contains(fault.Placement[shard]);

            // Clients that keep to a struck node have nothing to do with where accounts are.
            var others = window.Where(point => !struck.Contains(point.Node)
                && point.Shards.Length > 0 && Array.TrueForAll(point.Shards, IsElsewhere)).ToList();
            elsewhere = [.. others.Select(static point => point.Complete - point.Invoke).Order()];
            failures = others.Count(static point => point.Failed);
        }

        return new FaultEffect
        {
            Fault = fault.Record,
            WindowEnd = windowEnd,
            FirstFailure = own.Count == 0 ? null : Math.Max(0, (own.Min(static outage => outage.From) - from) / 1e9),
            Restored = own.Count == 0 ? null : (own.Max(outage => Math.Min(outage.To, windowEnd)) - from) / 1e9,
            Lost = own.Sum(outage => (Math.Min(outage.To, windowEnd) - Math.Max(outage.From, from)) / 1e9) / shards,
            Unknowns = window.Count(static point => point.Outcome == CallOutcome.Unknown),
            Failures = window.Count(static point => point.Failed),
            ElsewhereP99 = elsewhere is { Count: > 0 } ? Percentile(elsewhere, 0.99) / 1e6 : null,
            ElsewhereFailures = failures,
        };
    }

    [GeneratedRegex("node(?<number>[0-9]+)", RegexOptions.ExplicitCapture | RegexOptions.CultureInvariant, 1000)]
    private static partial Regex NodeNumber();
}
