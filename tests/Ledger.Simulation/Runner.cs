using System.Diagnostics;
using System.Globalization;

namespace Ledger.Simulation;

/// <summary>Runs histories and tells of them.</summary>
internal sealed class Runner(Options options, TextWriter output)
{
    public int Run()
    {
        Mutants.Current = 0;
        if (options.Mutant is { } name)
        {
            if (Mutants.All.FirstOrDefault(one => string.Equals(one.Name, name, StringComparison.OrdinalIgnoreCase))
                is not { } mutant)
            {
                output.WriteLine(
                    $"no mutant {name}; there are: {string.Join(", ", Mutants.All.Select(static one => one.Name))}");
                return 2;
            }

            Mutants.Current = mutant.Number;
        }

        return options.AllMutants ? RunMutants()
            : options.Exhaustive ? Exhaustive.Run(output)
            : options.Hash ? RunHashes()
            : RunHistories();
    }

    private History One(ulong seed, bool trace = false) => SimulatedCluster.Run(
        seed, options.Faults, options.Without.Count == 0 ? null : command =>
            !options.Without.Contains(command.Number % 10_000),
        trace, options.Hash);

    private int RunHashes()
    {
        for (var seed = options.From; seed < options.From + options.Seeds; seed++)
        {
            output.WriteLine($"{seed} {One(seed).Hash}");
        }

        return 0;
    }

    private int RunHistories()
    {
        var injected = new SortedDictionary<string, long>(StringComparer.Ordinal);
        var outcomes = new SortedDictionary<string, long>(StringComparer.Ordinal);
        var failures = new List<History>();
        var guard = new Lock();
        long steps = 0, microseconds = 0, commands = 0;
        var watch = Stopwatch.StartNew();
        Parallel.For(
            (long)options.From, (long)(options.From + options.Seeds),
            new ParallelOptions { MaxDegreeOfParallelism = options.Jobs }, (seed, loop) =>
        {
            // The table costs time; a quarter of the histories reach all that it can show.
            Coverage.IsOn = options.Seeds < 100 || seed % 4 == 0 || seed % 16 == 3;
            var history = One((ulong)seed, options.Trace && options.Seeds == 1);
            lock (guard)
            {
                steps += history.Steps;
                commands += history.Commands;
                microseconds += history.VirtualMicroseconds;
                Add(injected, history.Injected);
                Add(outcomes, history.Outcomes);
                foreach (var line in history.Trace)
                {
                    output.WriteLine(line);
                }

                if (history.Violation is { } violation)
                {
                    failures.Add(history);
                    output.WriteLine($"VIOLATION seed {seed}: {violation}");
                    output.WriteLine($"  again with: --seeds 1 --from {seed} --trace");
                    if (options.Shrink || failures.Count > 20)
                    {
                        loop.Stop();
                    }
                }
            }
        });
        watch.Stop();
        Print("faults injected", injected);
        Print("outcomes", outcomes);
        output.WriteLine("protocol states covered: what an account was doing about an id, by what came to it");
        output.WriteLine(Coverage.Table());
        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{options.Seeds} histories from seed {options.From}, {commands} commands, {steps} steps, "
            + $"{failures.Count} violations; {watch.Elapsed.TotalSeconds:F1} s, "
            + $"{options.Seeds / watch.Elapsed.TotalSeconds:F0} histories/s, {steps / watch.Elapsed.TotalSeconds:F0} "
            + $"steps/s, {microseconds / 1e6 / watch.Elapsed.TotalSeconds:F0} s of virtual time per second"));
        if (failures.Count > 0 && (options.Shrink || !options.Trace))
        {
            Shrinker.Shrink(failures.Min(static failure => failure.Seed), output);
        }

        return failures.Count == 0 ? 0 : 1;
    }

    private int RunMutants()
    {
        var survivors = new List<string>();
        foreach (var mutant in Mutants.All)
        {
            var watch = Stopwatch.StartNew();
            var killer = mutant.IsPlaced ? Hunt(mutant, options.From, options.Seeds) : null;
            var killed = killer is not null;
            output.WriteLine(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"{(killed ? "killed  " : !mutant.IsPlaced ? "LOST    " : "SURVIVED")} {mutant.Name,-26} "
                        + $"{mutant.About}"));
            if (killed)
            {
                output.WriteLine(
                    string.Create(
                        CultureInfo.InvariantCulture,
                        $"         by seed {killer!.Seed} in {watch.Elapsed.TotalSeconds:F1} s: "
                            + $"{Shrinker.FirstLine(killer.Violation!)}"));
            }
            else
            {
                survivors.Add(mutant.Name);
            }
        }

        output.WriteLine($"{Mutants.All.Length - survivors.Count} of {Mutants.All.Length} mutants killed"
            + (survivors.Count == 0 ? "" : "; alive: " + string.Join(", ", survivors)));
        return survivors.Count == 0 ? 0 : 1;
    }

    /// <summary>The first history of some that a mutant breaks; null when it lives.</summary>
    public static History? Hunt(Mutant mutant, ulong from, ulong seeds)
    {
        Mutants.Current = mutant.Number;
        try
        {
            for (var seed = from; seed < from + seeds; seed++)
            {
                var history = SimulatedCluster.Run(seed);
                if (history.Violation is not null)
                {
                    return history;
                }
            }

            return null;
        }
        finally
        {
            Mutants.Current = 0;
        }
    }

    private void Print(string title, SortedDictionary<string, long> counts)
    {
        output.WriteLine(title);
        foreach (var (what, count) in counts)
        {
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{count,12} {what}"));
        }
    }

    private static void Add(SortedDictionary<string, long> sums, SortedDictionary<string, long> more)
    {
        foreach (var (what, count) in more)
        {
            sums[what] = sums.GetValueOrDefault(what) + count;
        }
    }
}

/// <summary>Makes a failing history smaller: fewer kinds of faults, fewer commands, the same invariant
/// broken.</summary>
internal static class Shrinker
{
    public static void Shrink(ulong seed, TextWriter output)
    {
        var kinds = FaultKinds.All;
        var without = new HashSet<int>();
        var kind = KindOf(SimulatedCluster.Run(seed).Violation!);
        var count = Workload.Make(seed, seed % 4 == 3, hasPayload: false).Commands.Count;
        var tries = 0;
        bool Fails(FaultKinds some, HashSet<int> dropped)
        {
            tries++;
            return SimulatedCluster.Run(seed, some, command => !dropped.Contains(command.Number))
                .Violation is { } violation && KindOf(violation) == kind;
        }

        for (var changed = true; changed && tries < 1500;)
        {
            changed = false;
            for (var bit = 0; 1 << bit <= (int)FaultKinds.All; bit++)
            {
                var less = kinds & ~(FaultKinds)(1 << bit);
                if (less != kinds && Fails(less, without))
                {
                    kinds = less;
                    changed = true;
                }
            }

            for (var size = Math.Max(1, count / 2); size >= 1; size /= 2)
            {
                for (var from = 0; from < count; from += size)
                {
                    var more = new HashSet<int>(without);
                    more.UnionWith(Enumerable.Range(from, Math.Min(size, count - from)));
                    if (more.Count > without.Count && Fails(kinds, more))
                    {
                        without = more;
                        changed = true;
                    }
                }
            }
        }

        var history = SimulatedCluster.Run(seed, kinds, command => !without.Contains(command.Number), trace: true);
        output.WriteLine($"the smallest history of seed {seed} that breaks {kind}, after {tries} tries:");
        foreach (var line in history.Trace)
        {
            output.WriteLine(line);
        }

        output.WriteLine($"again with: --seeds 1 --from {seed} --trace --faults \"{kinds}\""
            + (without.Count == 0 ? "" : $" --without {string.Join(',', without.Order())}"));
    }

    public static string FirstLine(string violation)
    {
        var line = violation.Split('\n')[0];
        return line.Length > 160 ? line[..160] + "…" : line;
    }

    private static string KindOf(string violation)
    {
        var colon = violation.IndexOf(':', StringComparison.Ordinal);
        var kind = colon < 0 ? violation : violation[..colon];

        // An account that asserts names itself first.
        return kind.Length < 5 && violation.Contains(": I", StringComparison.Ordinal)
            ? violation[(violation.IndexOf(": I", StringComparison.Ordinal) + 2)..][..2]
            : kind;
    }
}
