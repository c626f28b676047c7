using System.Xml.Linq;

namespace Ledger.House.Tests;

/// <summary>The arrows between projects, and what each may know: read from the project files, so that a reference is
/// found the moment that it is added.</summary>
public class ArrowTests
{
    private static readonly Dictionary<string, string[]> Allowed = new(StringComparer.Ordinal)
    {
        ["Ledger.Core"] = [],
        ["Ledger.Actors"] = ["Ledger.Core"],
        ["Ledger.Sqlite"] = ["Ledger.Actors"],
        ["Ledger.PostgreSql"] = ["Ledger.Actors"],
        ["Ledger.Testing"] = ["Ledger.Sqlite"],
        ["Ledger.Access"] = ["Ledger.Actors", "Ledger.Core"],
        ["Ledger.Audit"] = [],
        ["Ledger.Grpc"] = ["Ledger.Access", "Ledger.Audit", "Ledger.Actors", "Ledger.Core"],
        ["Ledger.Client"] = [],
        ["Ledger.Cli"] = ["Ledger.Audit", "Ledger.Client"],
        ["Ledger.Node"] = ["Ledger.Access", "Ledger.Audit", "Ledger.Grpc", "Ledger.Actors", "Ledger.Sqlite", "Ledger.PostgreSql"],
    };

    public static TheoryData<string> Projects => [.. Allowed.Keys];

    private static string Root => Repository.Root;

    [Fact]
    public void Every_project_under_src_has_its_arrows_written_down() =>
        Directory.GetDirectories(Path.Combine(Root, "src")).Select(Path.GetFileName).Order()
            .ShouldBe(Allowed.Keys.Order());

    [Theory]
    [MemberData(nameof(Projects))]
    public void A_project_refers_only_to_what_it_may(string project)
    {
        var references = Items(project, "ProjectReference").Select(Path.GetFileNameWithoutExtension).ToArray();
        references.Except(Allowed[project]).ShouldBeEmpty();
    }

    [Fact]
    public void The_core_references_nothing_at_all()
    {
        Items("Ledger.Core", "PackageReference").ShouldBeEmpty();
        Items("Ledger.Core", "FrameworkReference").ShouldBeEmpty();
        Sources("Ledger.Core").Where(static text => text.Contains("using Akka", StringComparison.Ordinal)
            || text.Contains("Google.Protobuf", StringComparison.Ordinal)
            || text.Contains("Microsoft.Extensions", StringComparison.Ordinal)).ShouldBeEmpty();
    }

    [Theory]
    [InlineData("Npgsql", "Ledger.PostgreSql")]
    [InlineData("Microsoft.Data.Sqlite", "Ledger.Sqlite")]
    public void Only_its_storage_package_refers_to_a_database(string package, string project) =>
        Allowed.Keys.Where(name => Items(name, "PackageReference").Contains(package)).ShouldBe([project]);

    [Fact]
    public void The_public_contract_does_not_import_the_stored_one()
    {
        foreach (var file in Directory.GetFiles(Path.Combine(Root, "proto", "ledger", "v1"), "*.proto"))
        {
            File.ReadAllText(file).ShouldNotContain("ledger/journal", Case.Sensitive, file);
        }
    }

    [Theory]
    [InlineData("Ledger.Grpc", "ledger/journal")]
    [InlineData("Ledger.Client", "ledger/journal")]
    [InlineData("Ledger.Actors", "ledger/v1")]
    public void A_project_does_not_generate_the_other_contract(string project, string contract) =>
        File.ReadAllText(ProjectFile(project)).ShouldNotContain(contract);

    private static string ProjectFile(string project) => Path.Combine(Root, "src", project, project + ".csproj");

    private static string[] Items(string project, string kind) =>
        [.. XDocument.Load(ProjectFile(project)).Descendants(kind).Select(static item => item.Attribute("Include")!.Value)];

    private static IEnumerable<string> Sources(string project) =>
        Directory.GetFiles(Path.Combine(Root, "src", project), "*.cs", SearchOption.AllDirectories).Select(File.ReadAllText);
}
