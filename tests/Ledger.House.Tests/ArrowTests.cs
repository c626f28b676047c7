using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace Ledger.House.Tests;

/// <summary>The arrows between projects, and what each may know: read from the project files, so that a reference is
/// found the moment that it is added.</summary>
public partial class ArrowTests
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
        ["Ledger.Node"] = [
            "Ledger.Access", "Ledger.Audit", "Ledger.Grpc", "Ledger.Actors", "Ledger.Sqlite", "Ledger.PostgreSql"],
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
    public void Requests_are_planned_without_asking_anybody()
    {
        var plans = Directory.GetFiles(Path.Combine(Root, "src", "Ledger.Core", "Requests"), "*.cs");
        plans.ShouldNotBeEmpty();
        plans.Where(static file => Waits().IsMatch(File.ReadAllText(file))).Select(Path.GetFileName).ShouldBeEmpty();
    }

    [Fact]
    public void Calls_use_only_what_they_may()
    {
        var calls = Directory.GetFiles(Path.Combine(Root, "src", "Ledger.Actors", "Calls"), "*.cs");
        calls.ShouldNotBeEmpty();

        // Who needs something is given it, and looks nothing up.
        calls.Where(static file => File.ReadAllText(file).Contains("LedgerExtension", StringComparison.Ordinal))
            .Select(Path.GetFileName).ShouldBeEmpty();
        calls.SelectMany(
            static file => Used().Matches(File.ReadAllText(file)).Select(static use => use.Groups[1].Value))
            .Distinct().Except(["Accounts", "Calls", "HoldExpiry", "Index", "Storage", "Telemetry"]).ShouldBeEmpty();
    }

    [Fact]
    public void Nothing_that_calls_use_knows_of_the_calls()
    {
        var root = Path.Combine(Root, "src", "Ledger.Actors");
        var below = Directory.GetDirectories(root)
            .Where(static directory => Path.GetFileName(directory) is not ("Calls" or "bin" or "obj"))
            .SelectMany(static directory => Directory.GetFiles(directory, "*.cs", SearchOption.AllDirectories))
            .ToArray();
        below.ShouldNotBeEmpty();
        below.Where(static file => OfCalls().IsMatch(File.ReadAllText(file)))
            .Select(file => Path.GetRelativePath(root, file)).ShouldBeEmpty();
    }

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
        [.. XDocument.Load(ProjectFile(project)).Descendants(kind)
            .Select(static item => item.Attribute("Include")!.Value)];

    private static IEnumerable<string> Sources(string project) =>
        Directory.GetFiles(Path.Combine(Root, "src", project), "*.cs", SearchOption.AllDirectories)
            .Select(File.ReadAllText);

    [GeneratedRegex(@"\b(async|await|Task)\b")]
    private static partial Regex Waits();

    // By its name in full, or from within Ledger.Actors.
    [GeneratedRegex(
        @"(?:Ledger\.Actors\.|(?<![\w.]))(Accounts|Blocking|Calls|HoldExpiry|Index|Journal|"
        + @"Leasing|Remoting|Storage|Telemetry|Timing)"
        + @"(?=;|\.[A-Z])")]
    private static partial Regex Used();

    [GeneratedRegex(@"Ledger\.Actors\.Calls\b|(?<![\w.])Calls\.[A-Z]")]
    private static partial Regex OfCalls();
}
