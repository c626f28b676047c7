using Ledger.Chaos.Faults;

namespace Ledger.Chaos.Tests;

/// <summary>What is to come follows from the seed and from nothing else.</summary>
public sealed class ScheduleTests
{
    [Fact]
    public void One_seed_makes_one_schedule()
    {
        Take(7, 200).ShouldBe(Take(7, 200));
        Take(7, 200).ShouldNotBe(Take(8, 200));
        Take(7UL << 40, 200).ShouldNotBe(Take(8UL << 40, 200));
    }

    [Fact]
    public void Every_kind_comes_once_before_any_comes_again()
    {
        var count = FaultCatalog.All.Count;
        foreach (var round in FaultSchedule.Of(3, FaultCatalog.All).Take(3 * count).Chunk(count))
        {
            round.Select(static fault => fault.Kind).Distinct().Count().ShouldBe(count);
        }
    }

    [Fact]
    public void Without_kinds_nothing_comes() => FaultSchedule.Of(1, []).ShouldBeEmpty();

    [Fact]
    public void Names_are_unique_and_groups_can_be_asked_for()
    {
        FaultCatalog.All.Select(static kind => kind.Name).ShouldBeUnique();
        FaultCatalog.Parse("all").ShouldBe(FaultCatalog.All);
        FaultCatalog.Parse("none").ShouldBeEmpty();
        FaultCatalog.Parse("kill").Select(static kind => kind.Name).ShouldBe(["kill", "kill-two", "kill-all"]);
        FaultCatalog.Parse("=kill, isolate,isolate").Select(static kind => kind.Name).ShouldBe(["kill", "isolate"]);
        Should.Throw<FormatException>(static () => FaultCatalog.Parse("kill,earthquake")).Message
            .ShouldContain("earthquake");
    }

    [Fact]
    public void The_list_says_what_each_does() =>
        FaultCatalog.All.ShouldAllBe(static kind => FaultCatalog.Describe().Contains(kind.Description));

    private static string Take(ulong seed, int count) => string.Join(
        Environment.NewLine,
        FaultSchedule.Of(seed, FaultCatalog.All).Take(count)
            .Select(static fault => $"{fault.Number} {fault.Kind.Name} {fault.Seed} {fault.Gap}"));
}
