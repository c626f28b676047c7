using System.Globalization;

namespace Ledger.Benchmarks;

/// <summary>What the command line says.</summary>
internal sealed class Settings
{
    public const string Usage = """
        usage: Ledger.Benchmarks [MODE...] [WORKLOAD...] [options] [-- NODE ARGUMENTS]

        modes
          load      calls to a node over gRPC: --in-flight callers, each of which sends the next when the last is answered, or
                    --rate calls a second, whether or not the earlier ones are answered (the default)
          compare   the ledger and ledgers in SQL in turn, --rounds of --seconds each, one transfer a call or --batch
          stream    StreamTransfers with 1,024 in flight
          share     single transfers by Ledger.Client, as calls alone and on shared streams in turn, --rounds of --seconds each,
                    for each of --in-flight
          pair      two nodes that differ in one thing, in turn, --rounds of --seconds each for each of --in-flight, and the
                    ratios with their spread: --other-node, --other-arguments or --other-walls
          wake      reads of accounts that sleep
          deep      reads of two accounts that sleep, with --count entries behind each, one at a time: the first ones of
                    --rounds processes, and later ones
          memory    resident memory of an awake account
          capacity  what a transfer, a row and a wake-up cost, and whether that predicts runs of zipf and cold: the model of
                    docs/operating/capacity.md
          holds     holds that expire on accounts that sleep: --count of them (1000000), spread over --seconds
          expiry    holds that expire on a merchant who has had --count entries (1000000) since they were made
          ids       what an old id costs on an account of 100,000 entries and of --count (10000000)
          index     pages of 100 by each field of a filter, in an index of --count transfers (1000000)
          core      the account alone, in memory, on one thread

        workloads (uniform and hot)
          uniform   plain transfers among --accounts accounts
          hot       plain transfers between two accounts, both ways
          zipf      100,000 accounts that may not spend more than they have, chosen with exponent 1 (softwaremill/tb-perf)
          tigerbeetle, tigerbeetle-hot, tigerbeetle-zipf, tigerbeetle-pending
                    10,000 accounts as in TigerBeetle's benchmark; there with --batch 8189 --in-flight 1
          world_to_bank, any_to_bank, any_bounded_to_any
                    Formance's scripts
          smallbank reads, payments and transactions of 100,000 customers
          payroll, settlement
                    one account to 10,000 and back
          cold      each transfer wakes two of --count accounts (1000000) that sleep
          compare takes the first three, stream all but Formance's and smallbank

        options
          --seconds N          length of each measured run (10)
          --warmup N           seconds of warm-up before the first run of a node (8)
          --databases LIST     sqlite,postgresql (both)
          --in-flight LIST     1,8,64,512
          --rate LIST          calls per second, instead of --in-flight
          --batch N            transfers a call (1)
          --rounds N           of compare, pair, share, capacity and deep (5)
          --other-node FILE    the second node of pair is this Ledger.Node.dll
          --other-arguments A  what the second node of pair gets besides: "--Ledger:SharedCommits=true"
          --other-walls        the second node of pair has TLS, certificates of callers, a policy, limits and an audit log
          --pgledger FILES     pgledger's SQL files in the order in which they are to be run, for compare
          --ids VERSION        7, or 4: UUIDs in no order (7)
          --accounts N         accounts of the uniform workload (1000)
          --connections N      client connections; 0: as many as the client likes (0)
          --count N            accounts of wake (20000), capacity (400000), memory (100000) and cold (1000000), entries of
                               deep (1000000), transfers of index (1000000)
          --node FILE          another Ledger.Node.dll, to compare with
          --json FILE          where the report goes as JSON
          --plot DIRECTORY     where a picture of each run of load goes, latency over time
          --profile-pause      waits for a key once warm, and prints the node's process id
        What follows "--" is given to the node, such as -- --Ledger:CommitRecordDelay 00:00:01
        """;

    private static readonly string[] KnownModes = [
        "load", "compare", "stream", "share", "pair", "wake", "deep", "memory", "capacity", "holds", "expiry", "ids",
        "index", "core"];

    private static readonly string[] KnownWorkloads =
    [
        "uniform", "hot", "zipf", "tigerbeetle", "tigerbeetle-hot", "tigerbeetle-zipf", "tigerbeetle-pending",
        "world_to_bank",
        "any_to_bank", "any_bounded_to_any", "smallbank", "payroll", "settlement", "cold",
    ];

    public List<string> Modes { get; } = [];

    public int Seconds { get; private set; } = 10;

    public int WarmupSeconds { get; private set; } = 8;

    public string[] Databases { get; private set; } = ["sqlite", "postgresql"];

    public List<string> Workloads { get; } = [];

    public bool HasNonTimeOrderedIds { get; private set; }

    public int Rounds { get; private set; } = 5;

    /// <summary>How many transfers a call holds.</summary>
    public int Batch { get; private set; } = 1;

    public IReadOnlyList<string> PgLedger { get; private set; } = [];

    public int[] InFlight { get; private set; } = [1, 8, 64, 512];

    /// <summary>Calls per second; empty for callers that wait for their answers.</summary>
    public int[] Rates { get; private set; } = [];

    public int Accounts { get; private set; } = 1000;

    public int Connections { get; private set; }

    public int? Count { get; private set; }

    public string Node { get; private set; } = "";

    public string? Json { get; private set; }

    public string? Plots { get; private set; }

    public bool ProfilePause { get; private set; }

    /// <summary>The second node's program, of pair.</summary>
    public string? OtherNode { get; private set; }

    /// <summary>What the second node of pair gets besides.</summary>
    public string[]? OtherArguments { get; private set; }

    /// <summary>Whether the second node of pair has TLS, certificates of callers, a policy, limits and an audit
    /// log.</summary>
    public bool HasWalls { get; private set; }

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

            if (KnownWorkloads.Contains(args[i], StringComparer.Ordinal))
            {
                settings.Workloads.Add(args[i]);
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
                    settings.WarmupSeconds = NumberOrZero(args, ref i);
                    break;
                case "--databases":
                    settings.Databases = Words(args, ref i, "sqlite", "postgresql");
                    break;
                case "--rounds":
                    settings.Rounds = Number(args, ref i);
                    break;
                case "--batch":
                    settings.Batch = Number(args, ref i);
                    break;
                case "--pgledger":
                    settings.PgLedger = Value(args, ref i).Split(',');
                    break;
                case "--ids":
                    settings.HasNonTimeOrderedIds = Words(args, ref i, "4", "7") is ["4"];
                    break;
                case "--in-flight":
                    settings.InFlight = Numbers(args, ref i);
                    break;
                case "--rate":
                    settings.Rates = Numbers(args, ref i);
                    break;
                case "--plot":
                    settings.Plots = Value(args, ref i);
                    break;
                case "--accounts":
                    settings.Accounts = Number(args, ref i);
                    break;
                case "--connections":
                    settings.Connections = NumberOrZero(args, ref i);
                    break;
                case "--count":
                    settings.Count = Number(args, ref i);
                    break;
                case "--node":
                    settings.Node = Value(args, ref i);
                    break;
                case "--other-node":
                    settings.OtherNode = Value(args, ref i);
                    break;
                case "--other-arguments":
                    settings.OtherArguments = Value(args, ref i).Split(' ', StringSplitOptions.RemoveEmptyEntries);
                    break;
                case "--other-walls":
                    settings.HasWalls = true;
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
            settings.Modes.Add("load");
        }

        if (settings.Workloads.Count == 0)
        {
            settings.Workloads.AddRange("uniform", "hot");
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

    private static int Number(string[] args, ref int i) => Number(Value(args, ref i));

    private static int[] Numbers(string[] args, ref int i) => Array.ConvertAll(Value(args, ref i).Split(','), Number);

    private static int Number(string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number > 0
            ? number
            : throw new FormatException($"'{text}' is not a number from 1 on.");

    private static int NumberOrZero(string[] args, ref int i) => Value(args, ref i) is "0" ? 0 : Number(args[i]);

    private static string[] Words(string[] args, ref int i, params string[] known)
    {
        var words = Value(args, ref i).Split(',');
        return Array.TrueForAll(words, word => known.Contains(word, StringComparer.Ordinal))
            ? words
            : throw new FormatException($"'{args[i]}' is not a list of {string.Join(", ", known)}.");
    }
}
