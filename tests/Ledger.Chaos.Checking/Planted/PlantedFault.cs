namespace Ledger.Chaos.Checking.Planted;

/// <summary>A change of one source file.</summary>
/// <param name="Path">The file, from the root of the sources.</param>
/// <param name="Find">A text that must stand there exactly once.</param>
/// <param name="Put">What is put in its place.</param>
public sealed record PlantedEdit(string Path, string Find, string Put);

/// <summary>A deliberate fault of the ledger, which the suite must find.</summary>
public sealed record PlantedFault
{
    private const string Begin = "<<<<";
    private const string Middle = "====";
    private const string End = ">>>>";

    /// <summary>Its name.</summary>
    public required string Name { get; init; }

    /// <summary>What is wrong, in a sentence.</summary>
    public required string About { get; init; }

    /// <summary>The rules of the checker of which one must speak against it.</summary>
    public required IReadOnlyList<string> Expects { get; init; }

    /// <summary>How the suite is run: options of its command line.</summary>
    public required IReadOnlyList<string> Run { get; init; }

    /// <summary>The changes.</summary>
    public required IReadOnlyList<PlantedEdit> Edits { get; init; }

    /// <summary>Reads all faults of a directory, in the order of their names.</summary>
    /// <param name="directory">The directory.</param>
    /// <exception cref="FormatException">A file can't be understood; the message says which.</exception>
    public static IReadOnlyList<PlantedFault> ReadAll(string directory) =>
        [.. Directory.GetFiles(directory, "*.txt").Order(StringComparer.Ordinal)
            .Select(static path => Parse(File.ReadAllText(path), Path.GetFileName(path)))];

    /// <summary>Reads a fault.</summary>
    /// <param name="text">The file's text.</param>
    /// <param name="file">Its name, for messages.</param>
    /// <exception cref="FormatException">It can't be understood.</exception>
    public static PlantedFault Parse(string text, string file)
    {
        ArgumentNullException.ThrowIfNull(text);
        string? name = null;
        string? path = null;
        string[] expects = [];
        string[] run = [];
        var about = new List<string>();
        var edits = new List<PlantedEdit>();
        List<string>? find = null;
        List<string>? put = null;
        foreach (var line in text.ReplaceLineEndings("\n").Split('\n'))
        {
            if (put is not null)
            {
                if (line == End)
                {
                    edits.Add(new PlantedEdit(path!, string.Join('\n', find!), string.Join('\n', put)));
                    (find, put) = (null, null);
                }
                else
                {
                    put.Add(line);
                }
            }
            else if (find is not null)
            {
                if (line == Middle)
                {
                    put = [];
                }
                else
                {
                    find.Add(line);
                }
            }
            else if (line == Begin)
            {
                find = path is not null ? [] : throw new FormatException($"{file}: an edit of no file.");
            }
            else if (line.StartsWith("# ", StringComparison.Ordinal))
            {
                name = line[2..].Trim();
            }
            else if (line.StartsWith("file ", StringComparison.Ordinal))
            {
                path = line[5..].Trim();
            }
            else if (line.StartsWith("expects:", StringComparison.Ordinal))
            {
                expects = line[8..].Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
            }
            else if (line.StartsWith("run:", StringComparison.Ordinal))
            {
                run = line[4..].Split(' ', StringSplitOptions.RemoveEmptyEntries);
            }
            else if (line.Trim().Length > 0)
            {
                about.Add(line.Trim());
            }
        }

        if (find is not null)
        {
            throw new FormatException($"{file}: an edit without an end.");
        }

        if (string.IsNullOrEmpty(name) || about.Count == 0 || expects.Length == 0 || run.Length == 0
            || edits.Count == 0)
        {
            throw new FormatException(
                $"{file}: a fault has a name, a sentence, what it expects, how it is run, and edits.");
        }

        if (expects.FirstOrDefault(static one => one != PlantedOutcome.Unfinished && !Rule.All.Contains(one))
            is { } unknown)
        {
            throw new FormatException($"{file}: there is no rule '{unknown}'.");
        }

        return new PlantedFault
        {
            Name = name, About = string.Join(' ', about), Expects = expects, Run = run, Edits = edits,
        };
    }

    /// <summary>Puts it into the sources.</summary>
    /// <param name="root">The root of the sources; files in it are changed.</param>
    /// <exception cref="FormatException">A text does not stand there exactly once.</exception>
    public void Apply(string root)
    {
        var texts = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var edit in Edits)
        {
            var path = Path.Combine(root, edit.Path);
            if (!texts.TryGetValue(path, out var text))
            {
                text = File.Exists(path)
                    ? File.ReadAllText(path).ReplaceLineEndings("\n")
                    : throw new FormatException($"{Name}: there is no file {edit.Path}.");
            }

            var at = text.IndexOf(edit.Find, StringComparison.Ordinal);
            if (at < 0 || text.IndexOf(edit.Find, at + 1, StringComparison.Ordinal) >= 0)
            {
                throw new FormatException(
                    $"{Name}: {(at < 0 ? "not" : "more than once")} in {edit.Path}:\n{edit.Find}");
            }

            texts[path] = string.Concat(text.AsSpan(0, at), edit.Put, text.AsSpan(at + edit.Find.Length));
        }

        foreach (var (path, text) in texts)
        {
            File.WriteAllText(path, text);
        }
    }
}
