using Ledger.Chaos.Checking.Planted;

namespace Ledger.Chaos.Checking.Tests;

/// <summary>The planted faults fit into the sources as these are. That the suite finds them is what its command
/// <c>planted</c> shows: each takes minutes.</summary>
public class PlantedTests
{
    private static readonly string Root = PlantedFaults.RootOf(AppContext.BaseDirectory);

    public static TheoryData<string> Names =>
        [.. PlantedFault.ReadAll(Path.Combine(Root, "tests", "Ledger.Chaos", "Planted"))
            .Select(static fault => fault.Name)];

    [Fact]
    public void There_are_enough() => Names.Count.ShouldBeGreaterThanOrEqualTo(10);

    [Theory]
    [MemberData(nameof(Names))]
    public void A_fault_fits_into_the_sources(string name)
    {
        var fault = PlantedFault.ReadAll(Path.Combine(Root, "tests", "Ledger.Chaos", "Planted"))
            .Single(one => one.Name == name);
        var copy = Directory.CreateTempSubdirectory("ledger-planted-test-");
        try
        {
            foreach (var path in fault.Edits.Select(static edit => edit.Path).Distinct())
            {
                var to = Path.Combine(copy.FullName, path);
                Directory.CreateDirectory(Path.GetDirectoryName(to)!);
                File.Copy(Path.Combine(Root, path), to);
            }

            fault.Apply(copy.FullName);
            fault.Edits.ShouldAllBe(
                edit => File.ReadAllText(Path.Combine(copy.FullName, edit.Path)).Contains(edit.Put));
        }
        finally
        {
            copy.Delete(recursive: true);
        }
    }

    [Fact]
    public void A_fault_that_does_not_fit_is_said_to()
    {
        var fault = PlantedFault.Parse(
            "# Lost\nIt has no place.\nexpects: C1\nrun: --faults kill\nfile README.md\n<<<<\nno such "
                + "text\n====\n\n>>>>\n", "lost.txt");
        Should.Throw<FormatException>(() => fault.Apply(Root)).Message.ShouldContain("Lost: not in README.md");
        Should.Throw<FormatException>(() => PlantedFault.Parse("# Lost\n", "lost.txt"));
    }
}
