using FsCheck.Xunit;
using Ledger.Simulation;

namespace Ledger.Core.Tests;

/// <summary>
/// Goal: the core as it is shipped keeps I1 to I10 under crashes, duplicates, reorderings, second incarnations, clocks
/// that jump and forgetful accounts. Method: the simulation's world, by seeds of FsCheck's choice; it prints the one
/// that fails, and <c>dotnet run -c Release --project tests/Ledger.Simulation -- --seeds 1 --from SEED --shrink</c>
/// shows it.
/// </summary>
public class ProtocolProperties
{
    [Property(MaxTest = 500)]
    public void Every_history_keeps_the_invariants(uint seed) =>
        SimulatedCluster.Run(seed).Violation.ShouldBeNull($"seed {seed}");

    [Property(MaxTest = 100)]
    public void Without_faults_every_history_keeps_them_too(uint seed) =>
        SimulatedCluster.Run(seed, FaultKinds.None).Violation.ShouldBeNull($"seed {seed}");

    [Property(MaxTest = 20)]
    public void The_same_seed_gives_the_same_history(uint seed) =>
        SimulatedCluster.Run(seed, hash: true).Hash.ShouldBe(SimulatedCluster.Run(seed, hash: true).Hash);
}
