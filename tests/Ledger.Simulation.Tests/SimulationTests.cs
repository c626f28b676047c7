using System.Collections.Concurrent;
using System.Diagnostics;

namespace Ledger.Simulation.Tests;

/// <summary>
/// Goal: no history of the protocol breaks an invariant, and each deliberate fault in it is found. Method: the
/// simulation's own runs, by fixed seeds. A failure prints its seed: <c>dotnet run -c Release --project
/// tests/Ledger.Simulation -- --seeds 1
/// --from SEED --trace</c> shows the history, <c>--shrink</c> the smallest part of it that still fails.
/// </summary>
/// <remarks>One class, so one at a time: which mutant is alive is said for the whole process.</remarks>
public sealed class SimulationTests
{
    private const int SeedsMax = 8000;

    // Of those that few histories break, the first one that does. Where it does no more, after a change of the
    // protocol, all are looked through, and only time is lost; "Ledger.Simulation --mutants --seeds 8000" says the new.
    private static readonly Dictionary<string, ulong> s_rarelyFound = new(StringComparer.Ordinal)
    {
        ["DisownedFromMemory"] = 5074,
        ["ForgottenByItsFirst"] = 2696,
        ["ReserveOverflows"] = 4937,
        ["VotesTimesNotInClose"] = 3300,
        ["WildVoteTaken"] = 2001,
        ["WritesBeforeOthersLook"] = 2238,
    };

    public static TheoryData<string> MutantNames => [.. Mutants.All.Select(static one => one.Name)];

    [Fact]
    public void Ten_thousand_histories_break_no_invariant()
    {
        Mutants.Current = 0;
        var violations = new ConcurrentBag<string>();
        Parallel.For(0, 10_000, seed =>
        {
            Coverage.IsOn = true;
            if (SimulatedCluster.Run((ulong)seed).Violation is { } violation)
            {
                violations.Add($"seed {seed}: {violation}");
            }
        });

        violations.Order(StringComparer.Ordinal).ShouldBeEmpty();
        Coverage.IsOn = false;
        Coverage.Impossible().ShouldBeEmpty();
        Coverage.Empty().ShouldBeEmpty(Coverage.Table());
    }

    [Theory]
    [MemberData(nameof(MutantNames))]
    public void A_fault_in_the_protocol_is_found(string name)
    {
        var mutant = Mutants.All.Single(one => one.Name == name);

        // The place in the core that it changes must be there: see Mutants.txt.
        mutant.IsPlaced.ShouldBeTrue(mutant.About);
        var found = s_rarelyFound.TryGetValue(name, out var seed) ? Runner.Hunt(mutant, seed, 1) : null;
        (found ?? Runner.Hunt(mutant, 0, SeedsMax))
            .ShouldNotBeNull($"{name} lives after {SeedsMax} histories: {mutant.About}");
    }

    [Fact]
    public void Two_processes_give_the_same_histories()
    {
        var one = Hashes();
        one.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length.ShouldBe(50);
        Hashes().ShouldBe(one);
    }

    [Fact]
    public void Every_interleaving_of_the_smallest_scopes_breaks_no_invariant()
    {
        Mutants.Current = 0;
        var output = new StringWriter();
        Exhaustive.Run(output).ShouldBe(0, output.ToString());
    }

    private static string Hashes()
    {
        var start = new ProcessStartInfo("dotnet")
        {
            RedirectStandardOutput = true,
            UseShellExecute = false,
            ArgumentList = { typeof(SimulatedCluster).Assembly.Location, "--hash", "--seeds", "50" },
        };
        using var process = Process.Start(start)!;
        var text = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        process.ExitCode.ShouldBe(0);
        return text;
    }
}
