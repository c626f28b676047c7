using System.Text.Json;

namespace Ledger.House.Tests;

/// <summary>What is fetched is fetched by its hash, and nothing of ours is fetched at all: who registered one of our
/// names with a public source gains nothing by it.</summary>
public sealed class LockFileTests
{
    private static string[] Projects { get; } =
    [
        .. new[] { "src", "tests", "samples" }.SelectMany(static folder => Directory.EnumerateFiles(
            Path.Combine(Repository.Root, folder), "*.csproj", SearchOption.AllDirectories)),
    ];

    [Fact]
    public void Every_project_has_a_lock_file() =>
        Projects.Where(static project => !File.Exists(LockFileOf(project))).ShouldBeEmpty();

    [Fact]
    public void Every_package_has_its_hash_and_none_is_one_of_ours()
    {
        var own = Projects.Select(Path.GetFileNameWithoutExtension).ToHashSet(StringComparer.OrdinalIgnoreCase);
        var wrong = new List<string>();
        var count = 0;
        foreach (var path in Projects.Select(LockFileOf))
        {
            using var document = JsonDocument.Parse(File.ReadAllText(path));
            foreach (var framework in document.RootElement.GetProperty("dependencies").EnumerateObject())
            {
                foreach (var one in framework.Value.EnumerateObject()
                    .Where(static one => one.Value.GetProperty("type").GetString() != "Project"))
                {
                    count++;
                    if (!one.Value.TryGetProperty("contentHash", out var hash) || hash.GetString() is not { Length: 88 }
                        || own.Contains(one.Name) || one.Name.StartsWith("Ledger.", StringComparison.OrdinalIgnoreCase))
                    {
                        wrong.Add($"{path}: {one.Name}");
                    }
                }
            }
        }

        wrong.ShouldBeEmpty();
        count.ShouldBeGreaterThan(100);
    }

    private static string LockFileOf(string project) =>
        Path.Combine(Path.GetDirectoryName(project)!, "packages.lock.json");
}
