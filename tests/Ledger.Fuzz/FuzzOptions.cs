using System.Globalization;
using System.Security.Cryptography;
using Ledger.Fuzz.Processes;

namespace Ledger.Fuzz;

/// <summary>What the command line says.</summary>
internal sealed record FuzzOptions
{
    public const string Usage = """
        Ledger.Fuzz: requests that nobody should send, to real nodes. Nothing may fail without a reason, nor for one that
        nobody expected; the nodes live on, others are served, and the books agree.

        usage: Ledger.Fuzz [options]                        a run
               Ledger.Fuzz --seed N --input K [options]     one input of a run once more
               Ledger.Fuzz --file FILE [options]            one that a run has saved

          --seed N       everything follows from it but times; a random one by default, which is printed
          --inputs N     how many inputs (20000)
          --seconds N    how long at most, with start and end; as long as it takes by default
          --from K       the number of the first input (0)
          --worlds LIST  of SqliteAnonymous, SqliteKeys and PostgreSqlKeys, separated by commas (all); each gets its share
          --callers N    how many inputs are under way at once (16)
          --output DIR   where logs and saved inputs go (fuzz-SEED in the current directory)
          --node FILE    another Ledger.Node.dll
          --help         this

        The exit code is 0 only when nothing was found.
        """;

    public bool IsHelp { get; init; }

    public ulong Seed { get; init; } = BitConverter.ToUInt32(RandomNumberGenerator.GetBytes(4));

    public long Inputs { get; init; } = 20_000;

    public TimeSpan? Length { get; init; }

    public long From { get; init; }

    /// <summary>The one input that is sent again; null for a run.</summary>
    public long? Input { get; init; }

    /// <summary>The file with the one input that is sent again; null for a run.</summary>
    public string? File { get; init; }

    public IReadOnlyList<WorldKind> Worlds { get; init; } = Enum.GetValues<WorldKind>();

    public int Callers { get; init; } = 16;

    public string Output { get; init; } = "";

    public string Node { get; init; } = "";

    /// <summary>Reads the command line.</summary>
    /// <exception cref="FormatException">It can't be understood; the message says what of it.</exception>
    public static FuzzOptions Parse(IReadOnlyList<string> args)
    {
        var options = new FuzzOptions();
        for (var i = 0; i < args.Count; i++)
        {
            string Value() => ++i < args.Count ? args[i] : throw new FormatException($"{args[i - 1]} needs a value.");
            long Number(long least, long most) =>
                long.TryParse(Value(), NumberStyles.None, CultureInfo.InvariantCulture, out var number)
                && number >= least && number <= most
                    ? number
                    : throw new FormatException(
                        $"{args[i - 1]} needs a number from {least} to {most}, and not '{args[i]}'.");
            options = args[i] switch
            {
                "--seed" => options with { Seed = SeedOf(Value()) },
                "--inputs" => options with { Inputs = Number(1, 1_000_000_000) },
                "--seconds" => options with { Length = TimeSpan.FromSeconds(Number(1, 1_000_000)) },
                "--from" => options with { From = Number(0, 1_000_000_000_000) },
                "--input" => options with { Input = Number(0, 1_000_000_000_000) },
                "--file" => options with { File = Path.GetFullPath(Value()) },
                "--worlds" => options with { Worlds = [.. Value().Split(',').Select(WorldOf)] },
                "--callers" => options with { Callers = (int)Number(1, 1_000) },
                "--output" => options with { Output = Value() },
                "--node" => options with { Node = Value() },
                "--help" or "-h" or "-?" => options with { IsHelp = true },
                _ => throw new FormatException($"There is no option {args[i]}; see --help."),
            };
        }

        options = options with
        {
            Output = Path.GetFullPath(
                options.Output.Length > 0 ? options.Output : FormattableString.Invariant($"fuzz-{options.Seed}")),
            Node = Path.GetFullPath(options.Node.Length > 0 ? options.Node : NodeBesideUs()),
        };
        return options.IsHelp || System.IO.File.Exists(options.Node)
            ? options
            : throw new FormatException($"There is no node at {options.Node}; build it, or name one with --node.");
    }

    private static ulong SeedOf(string text) =>
        ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var seed)
            ? seed
            : throw new FormatException($"--seed needs a number, and not '{text}'.");

    private static WorldKind WorldOf(string text) =>
        Enum.TryParse<WorldKind>(text, ignoreCase: true, out var world) && Enum.IsDefined(world)
        && !char.IsDigit(text[0])
            ? world
            : throw new FormatException(
                $"There is no world '{text}'; there are: {string.Join(", ", Enum.GetNames<WorldKind>())}.");

    // artifacts/bin/Ledger.Fuzz/release -> artifacts/bin/Ledger.Node/release
    private static string NodeBesideUs()
    {
        var own = new DirectoryInfo(AppContext.BaseDirectory);
        return Path.Combine(own.Parent?.Parent?.FullName ?? ".", "Ledger.Node", own.Name, "Ledger.Node.dll");
    }
}
