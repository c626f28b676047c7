using System.Text.RegularExpressions;

namespace Ledger.House.Tests;

/// <summary>What the documents say is what the contract says: the status reference is compared, line by line, with the
/// comments of the protos; links between documents lead somewhere.</summary>
public partial class DocsTests
{
    [Theory]
    [InlineData("transfer.proto", "TransferStatus", "TRANSFER_STATUS_")]
    [InlineData("account.proto", "AccountStatus", "ACCOUNT_STATUS_")]
    public void The_status_reference_is_the_comments_of_the_contract(string file, string name, string prefix)
    {
        var proto = File.ReadAllText(Path.Combine(Root, "proto", "ledger", "v1", file));
        var body = Regex.Match(proto, $@"enum {name} \{{(.*?)\n\}}", RegexOptions.Singleline).Groups[1].Value;
        var reference = File.ReadAllLines(Path.Combine(Root, "docs", "reference", "status.md"));
        var count = 0;
        foreach (Match value in EnumValue().Matches(body))
        {
            if (value.Groups[3].Value == "0")
            {
                continue;
            }

            var comment = string.Join(' ', value.Groups[1].Value.Trim().Split('\n')
                .Select(static line => line.Trim().TrimStart('/').Trim()));
            reference.ShouldContain(
                $"| `{value.Groups[2].Value[prefix.Length..]}` | {value.Groups[3].Value} | {comment} |");
            count++;
        }

        count.ShouldBeGreaterThan(10);
    }

    [Fact]
    public void The_core_and_the_contract_name_and_number_every_status_alike()
    {
        foreach (var (file, prefix, core) in new[]
        {
            ("transfer.proto", "TRANSFER_STATUS_", "TransferStatus"),
            ("account.proto", "ACCOUNT_STATUS_", "AccountStatus"),
        })
        {
            var proto = File.ReadAllText(Path.Combine(Root, "proto", "ledger", "v1", file));
            var source = File.ReadAllText(Path.Combine(Root, "src", "Ledger.Core", "Statuses", core + ".cs"));
            var body = Regex.Match(source, $@"enum {core}\s*\{{(.*?)\n\}}", RegexOptions.Singleline).Groups[1].Value;
            var inCore = CoreValue().Matches(body).Where(static m => m.Groups[2].Value != "0")
                .Select(m => (Name: prefix + ToUpperSnake(m.Groups[1].Value), Number: m.Groups[2].Value));
            var inProto = ProtoValue().Matches(proto)
                .Where(m => m.Groups[1].Value.StartsWith(prefix, StringComparison.Ordinal) && m.Groups[2].Value != "0")
                .Select(static m => (Name: m.Groups[1].Value, Number: m.Groups[2].Value));
            inCore.Order().ShouldBe(inProto.Order());
        }
    }

    [Fact]
    public void Every_reason_of_a_failure_stands_on_a_page()
    {
        var source = File.ReadAllText(Path.Combine(Root, "src", "Ledger.Grpc", "Errors", "ErrorReasons.cs"));
        var reasons = ReasonName().Matches(source).Select(static match => match.Groups[1].Value).ToList();
        reasons.Count.ShouldBeGreaterThan(50);
        var pages = string.Join(
            '\n', Directory.EnumerateFiles(Path.Combine(Root, "docs"), "*.md", SearchOption.AllDirectories)
            .Select(File.ReadAllText));
        reasons.Where(reason => !pages.Contains(reason, StringComparison.Ordinal)).ShouldBeEmpty();
    }

    [Fact]
    public void The_program_of_the_README_is_the_sample_that_is_compiled()
    {
        var readme = File.ReadAllText(Path.Combine(Root, "README.md"));
        var from = readme.IndexOf("```csharp\n", StringComparison.Ordinal) + "```csharp\n".Length;
        readme[from..readme.IndexOf("```", from, StringComparison.Ordinal)]
            .ShouldBe(File.ReadAllText(Path.Combine(Root, "samples", "Embed", "Program.cs")));
        File.ReadAllText(Path.Combine(Root, "Ledger.sln")).ShouldContain(@"samples\Embed\Embed.csproj");
    }

    [Fact]
    public void Links_between_documents_lead_somewhere()
    {
        var documents = Directory.GetFiles(Path.Combine(Root, "docs"), "*.md", SearchOption.AllDirectories)
            .Concat(Directory.GetFiles(Root, "*.md"))
            .Append(Path.Combine(Root, "samples", "README.md"));
        foreach (var document in documents)
        {
            foreach (Match link in Link().Matches(File.ReadAllText(document)))
            {
                var parts = link.Groups[1].Value.Split('#');
                if (parts[0].Contains("://", StringComparison.Ordinal))
                {
                    continue;
                }

                var path = parts[0].Length == 0 ? document : Path.Combine(Path.GetDirectoryName(document)!, parts[0]);
                (File.Exists(path) || Directory.Exists(path)).ShouldBeTrue($"{document} links to {parts[0]}");
                if (parts.Length > 1)
                {
                    File.ReadLines(path).Where(static line => line.StartsWith('#')).Select(AnchorOf)
                        .ShouldContain(parts[1], $"{document} links to {link.Groups[1].Value}");
                }
            }
        }
    }

    private static string Root => Repository.Root;

    // As GitHub names them.
    private static string AnchorOf(string heading) =>
        NotInAnchor().Replace(heading.TrimStart('#', ' ').ToLowerInvariant(), "")
        .Replace(' ', '-');

    private static string ToUpperSnake(string name) => Hump().Replace(name, "_$1").ToUpperInvariant();

    [GeneratedRegex(@"((?:\s*//[^\n]*\n)+)\s+([A-Z_]+) = (\d+);")]
    private static partial Regex EnumValue();

    [GeneratedRegex(@"^\s+([A-Z_]+) = (\d+);", RegexOptions.Multiline)]
    private static partial Regex ProtoValue();

    [GeneratedRegex(@"^\s+([A-Za-z]+) = (\d+),", RegexOptions.Multiline)]
    private static partial Regex CoreValue();

    [GeneratedRegex("(?<!^)([A-Z])")]
    private static partial Regex Hump();

    [GeneratedRegex("[^a-z0-9 _-]")]
    private static partial Regex NotInAnchor();

    [GeneratedRegex("\"([A-Z][A-Z_]{3,})\"")]
    private static partial Regex ReasonName();

    [GeneratedRegex(@"\]\(([^)\s]+)\)")]
    private static partial Regex Link();
}
