using System.Text.RegularExpressions;

namespace Ledger.House.Tests;

/// <summary>A type is in a file of its name, so that whoever knows the one finds the other. The cases of a closed union
/// stand with what they are cases of.</summary>
public sealed partial class TypeFileTests
{
    [Fact]
    public void A_type_is_in_a_file_of_its_name()
    {
        var elsewhere = new List<string>();
        foreach (var file in Directory.EnumerateFiles(
            Path.Combine(Repository.Root, "src"), "*.cs", SearchOption.AllDirectories))
        {
            var source = File.ReadAllText(file);
            var name = Path.GetFileName(file).Split('.')[0];
            var types = Declaration().Matches(source)
                .Select(static match => (Name: match.Groups["name"].Value, Bases: match.Groups["bases"].Value))
                .ToArray();
            foreach (var type in types)
            {
                if (!IsOf(name, type.Name) && !IsCase(type, types, name))
                {
                    elsewhere.Add($"{Path.GetRelativePath(Repository.Root, file)}: {type.Name}");
                }
            }
        }

        elsewhere.ShouldBeEmpty();
    }

    private static bool IsOf(string file, string type) => file == type || file == type + "s";

    private static bool IsCase(
        (string Name, string Bases) type, IReadOnlyCollection<(string Name, string Bases)> types, string file)
    {
        var of = types.FirstOrDefault(other => other.Name != type.Name
            && Regex.IsMatch(type.Bases, $@"\b{Regex.Escape(other.Name)}\b", RegexOptions.NonBacktracking));
        return of.Name is not null && (IsOf(file, of.Name) || IsCase(of, [.. types.Where(t => t != type)], file));
    }

    // At the beginning of a line: what is nested is indented. The bases come behind the parameters, up to the body.
    [GeneratedRegex(
        @"^(?:(?:public|internal|sealed|abstract|static|readonly|partial|ref|unsafe) )+"
        + @"(?:record struct|record class|record|class|struct|interface|enum|delegate [\w<>?\[\], ]+) (?<name>\w+)"
        + @"(?<bases>[^{;]*)",
        RegexOptions.Multiline)]
    private static partial Regex Declaration();
}
