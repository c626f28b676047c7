using System.Text;
using System.Text.RegularExpressions;

namespace Ledger.Recipes.Tests.Support;

/// <summary>Command lines as a page shows them.</summary>
internal static partial class Session
{
    /// <summary>The commands of a block, each with the lines that it takes and those that it is said to
    /// print.</summary>
    public static IEnumerable<(string[] Shown, string Command, string[] Printed)> Commands(Block block)
    {
        const string prompt = "$ ";
        var isSession = block.Language == "console";
        var lines = block.Body;
        for (var i = 0; i < lines.Count;)
        {
            if (!isSession && lines[i].Length == 0)
            {
                i++;
                continue;
            }

            if (isSession && !lines[i].StartsWith(prompt, StringComparison.Ordinal))
            {
                throw new InvalidOperationException($"Output without a command: {lines[i]}");
            }

            var from = i;
            var command = new StringBuilder(isSession ? lines[i][prompt.Length..] : lines[i]);
            while (lines[i++].EndsWith('\\'))
            {
                command.Length--;
                command.Append(lines[i].Trim());
            }

            var shown = lines.Skip(from).Take(i - from).ToArray();
            var printed = i;
            while (isSession && i < lines.Count && !lines[i].StartsWith(prompt, StringComparison.Ordinal))
            {
                i++;
            }

            yield return (shown, command.ToString(), [.. lines.Skip(printed).Take(i - printed)]);
        }
    }

    /// <summary>Splits a command as a shell does, quotes included.</summary>
    public static string[] Split(string command) =>
        [.. Word().Matches(command).Select(static match => match.Value.Trim('\'', '"'))];

    /// <summary>What two runs of the same session have in common: ids are numbered in the order in which they appear,
    /// times and the widths of columns do not count.</summary>
    public static string Normalize(string text)
    {
        var ids = new Dictionary<string, string>(StringComparer.Ordinal);
        text = Id().Replace(text.ReplaceLineEndings("\n"), match =>
        {
            if (!ids.TryGetValue(match.Value, out var name))
            {
                ids.Add(match.Value, name = $"<id {ids.Count + 1}>");
            }

            return name;
        });
        text = Time().Replace(text, "<time>");
        text = Rule().Replace(text, "--");
        text = Spaces().Replace(text, " ");
        return string.Join(
            '\n', text.Split('\n').Select(static line => line.Trim()).Where(static line => line.Length > 0));
    }

    [GeneratedRegex("""(?:'[^']*'|"[^"]*"|\S)+""")]
    private static partial Regex Word();

    [GeneratedRegex("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")]
    private static partial Regex Id();

    [GeneratedRegex(@"\d{4}-\d\d-\d\dT[0-9:.]+Z")]
    private static partial Regex Time();

    [GeneratedRegex("-{2,}")]
    private static partial Regex Rule();

    [GeneratedRegex(" {2,}")]
    private static partial Regex Spaces();
}
