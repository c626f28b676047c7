using System.Globalization;

namespace Ledger.Benchmarks;

/// <summary>What the command line says.</summary>
internal sealed class Settings
{
    public const string Usage = """
        usage: Ledger.Benchmarks [MODE...] [options] [-- NODE ARGUMENTS]

        modes
          first     unary PostTransfer, closed loop, over uniform and over two hot accounts (the default)
          stream    StreamTransfers, and PostTransfers with batches
          wake      reads of accounts that sleep
          memory    resident memory of an awake account
          holds     holds that expire on accounts that sleep: --count of them (1000000), spread over --seconds
          compare   the ledger and ledgers in SQL in turn, --rounds of --seconds each, one transfer a call or with --batches
          core      the account alone, in memory, on one thread

        options
          --seconds N          length of each measured run (10)
          --warmup N           seconds of warm-up before the first run of a node (8)
          --databases LIST     sqlite,postgresql (both)
          --workloads LIST     uniform, hot, or zipf: 100,000 accounts that may not spend more than they have, chosen with
                               exponent 1 (uniform,hot)
          --rounds N           of compare (5)
          --batches            of compare: a thousand transfers a call
          --pgledger FILES     pgledger's SQL files in the order in which they are to be run, for compare
          --ids VERSION        7, or 4: UUIDs in no order (7)
          --in-flight LIST     1,8,64,512
          --accounts N         accounts of the uniform workload (1000)
          --connections N      client connections; 0: as many as the client likes (0)
          --count N            accounts of wake (20000) and memory (100000)
          --node FILE          another Ledger.Node.dll, to compare with
          --json FILE          where the report goes as JSON
          --profile-pause      waits for a key once warm, and prints the node's process id
        What follows "--" is given to the node, such as -- --Ledger:CommitRecordDelay 00:00:01
        """;

    private static readonly string[] KnownModes = ["first", "stream", "wake", "memory", "holds", "core", "compare"];

    public List<string> Modes { get; } = [];

    public int Seconds { get; private set; } = 10;

    public int WarmupSeconds { get; private set; } = 8;

    public string[] Databases { get; private set; } = ["sqlite", "postgresql"];

    public string[] Workloads { get; private set; } = ["uniform", "hot"];

    public bool HasUnorderedIds { get; private set; }

    public int Rounds { get; private set; } = 5;

    public bool IsBatched { get; private set; }

    public IReadOnlyList<string> PgLedger { get; private set; } = [];

    public int[] InFlight { get; private set; } = [1, 8, 64, 512];

    public int Accounts { get; private set; } = 1000;

    public int Connections { get; private set; }

    public int? Count { get; private set; }

    public string Node { get; private set; } = "";

    public string? Json { get; private set; }

    public bool ProfilePause { get; private set; }

    public string[] NodeArguments { get; private set; } = [];

    public static Settings Parse(string[] args)
    {
        var settings = new Settings();
        for (var i = 0; i < args.Length; i++)
        {
            if (KnownModes.Contains(args[i], StringComparer.Ordinal))
            {
                settings.Modes.Add(args[i]);
                continue;
            }

            switch (args[i])
            {
                case "--":
                    settings.NodeArguments = args[(i + 1)..];
                    i = args.Length;
                    break;
                case "--profile-pause":
                    settings.ProfilePause = true;
                    break;
                case "--seconds":
                    settings.Seconds = Number(args, ref i);
                    break;
                case "--warmup":
                    settings.WarmupSeconds = Number(args, ref i);
                    break;
                case "--databases":
                    settings.Databases = Words(args, ref i, "sqlite", "postgresql");
                    break;
                case "--workloads":
                    settings.Workloads = Words(args, ref i, "uniform", "hot", "zipf");
                    break;
                case "--rounds":
                    settings.Rounds = Number(args, ref i);
                    break;
                case "--batches":
                    settings.IsBatched = true;
                    break;
                case "--pgledger":
                    settings.PgLedger = Value(args, ref i).Split(',');
                    break;
                case "--ids":
                    settings.HasUnorderedIds = Words(args, ref i, "4", "7") is ["4"];
                    break;
                case "--in-flight":
                    settings.InFlight = Array.ConvertAll(
                        Value(args, ref i).Split(','), text => int.Parse(text, CultureInfo.InvariantCulture));
                    break;
                case "--accounts":
                    settings.Accounts = Number(args, ref i);
                    break;
                case "--connections":
                    settings.Connections = Number(args, ref i);
                    break;
                case "--count":
                    settings.Count = Number(args, ref i);
                    break;
                case "--node":
                    settings.Node = Value(args, ref i);
                    break;
                case "--json":
                    settings.Json = Value(args, ref i);
                    break;
                default:
                    throw new FormatException($"What is '{args[i]}'?");
            }
        }

        if (settings.Modes.Count == 0)
        {
            settings.Modes.Add("first");
        }

        if (settings.Node.Length == 0)
        {
            // Both are built into one tree of artifacts, in the same configuration.
            var own = Path.TrimEndingDirectorySeparator(AppContext.BaseDirectory);
            settings.Node = Path.GetFullPath(
                Path.Combine(own, "..", "..", "Ledger.Node", Path.GetFileName(own), "Ledger.Node.dll"));
        }

        return settings;
    }

    private static string Value(string[] args, ref int i) => ++i < args.Length
        ? args[i]
        : throw new FormatException($"{args[i - 1]} needs a value.");

    private static int Number(string[] args, ref int i) =>
        int.TryParse(Value(args, ref i), NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? number
            : throw new FormatException($"'{args[i]}' is not a number.");

    private static string[] Words(string[] args, ref int i, params string[] known)
    {
        var words = Value(args, ref i).Split(',');
        return Array.TrueForAll(words, word => known.Contains(word, StringComparer.Ordinal))
            ? words
            : throw new FormatException($"'{args[i]}' is not a list of {string.Join(", ", known)}.");
    }
}
