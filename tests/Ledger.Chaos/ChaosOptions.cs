using System.Globalization;
using System.Security.Cryptography;
using Ledger.Chaos.Attacks;
using Ledger.Chaos.Faults;
using Ledger.Chaos.Workload;

namespace Ledger.Chaos;

/// <summary>What the program is asked to do.</summary>
internal enum ChaosMode
{
    Run,
    Failover,
    Split,
    Planted,
    Attack,
    Check,
    List,
    Help,
}

/// <summary>What the command line says.</summary>
internal sealed record ChaosOptions
{
    public const string Usage = """
        Ledger.Chaos: real nodes, a real PostgreSQL and real clients, under faults; then the checker has the word.

        usage: Ledger.Chaos [options]            a run with faults
               Ledger.Chaos failover [options]   kills one node after the other and tells how long their accounts were lost
               Ledger.Chaos split [options]      no faults: counts what each node does, and in how many transfers it takes part
               Ledger.Chaos --attack LIST [options]   attacks a node that is watched by a bystander, and compares
               Ledger.Chaos check HISTORY [--connection STRING]
               Ledger.Chaos planted [--only NAME]    builds nodes with deliberate faults, which the checker must find

          --seed N          everything follows from it; a random one by default, which is printed
          --nodes N         how many nodes (3)
          --seconds N       how long faults are injected (120); start, healing and the final phase come on top
          --faults LIST     kinds or groups of faults, separated by commas (all); see --list. "none" for none
          --workload NAME   mixed, hot, uniform, holds or transactions (mixed)
          --rate N          calls a second by the clients, about (100); probes come on top
          --clients N       how many clients (24)
          --accounts N      how many accounts besides the hot ones (60)
          --shards N        how many shards (24); each is probed
          --output DIR      where history, logs and report go (chaos-SEED in the current directory)
          --node FILE       another Ledger.Node.dll
          --other-node FILE a Ledger.Node.dll of another version: a node's every second start is one of it
          --node-setting S  given to every node as it is, such as --Ledger:Cluster:Profile=Fast; may be repeated
          --tls             the nodes speak TLS with each other, with certificates that the run makes
          --namespaces      each node in a network namespace of its own, and partitions by routes (takes root and iproute2)
          --needs-all       a fault whose tool is missing fails the run; else it is left out
          --keep            keeps the database's files
          --list            all faults and attacks
          --help            this

        failover also takes
          --kills N         how many nodes are killed (30)
          --target WHO      oldest, youngest or random (random)

        --attack LIST takes names of attacks, separated by commas, or all. Each lasts --seconds (10) and is compared with as
        many seconds beside a busy loop. One node on SQLite in 1 GiB is attacked, and it also takes
          --callers WHO     anonymous, key or both (both): whether the attacker shows a key and is under a policy
          --cluster         attacks a cluster on PostgreSQL under load, by a caller with a key; the checker has the word, and
                            it is measured how long it takes to lock somebody out
          --depth N         how many entries the deep account has (200000)
          --untimed         how much longer a bystander waits is told and breaks no condition, and it asks again as clients do

        The exit code is 0 only when the final phase came to its end and the checker found nothing.
        """;

    private static readonly TimeSpan AttackLength = TimeSpan.FromSeconds(10);

    public ChaosMode Mode { get; init; }

    /// <summary>The one planted fault to drive; null for all.</summary>
    public string? Only { get; init; }

    public ulong Seed { get; init; } = BitConverter.ToUInt32(RandomNumberGenerator.GetBytes(4));

    public int Nodes { get; init; } = 3;

    public TimeSpan Length { get; init; } = TimeSpan.FromSeconds(120);

    public IReadOnlyList<FaultKind> Faults { get; init; } = FaultCatalog.All;

    /// <summary>Whether a fault that can't be injected here fails the run.</summary>
    public bool NeedsAll { get; init; }

    public WorkloadKind Workload { get; init; }

    public double Rate { get; init; } = 100;

    public int Clients { get; init; } = 24;

    public int Accounts { get; init; } = 60;

    public int Shards { get; init; } = 24;

    public string Output { get; init; } = "";

    public string Node { get; init; } = "";

    /// <summary>A node of another version; empty for none.</summary>
    public string OtherNode { get; init; } = "";

    public IReadOnlyList<string> NodeArguments { get; init; } = [];

    public bool Keep { get; init; }

    /// <summary>The attacks, in their order.</summary>
    public IReadOnlyList<AttackKind> Attacks { get; init; } = [];

    /// <summary>For each round of attacks whether the attacker shows a key.</summary>
    public IReadOnlyList<bool> Callers { get; init; } = [false, true];

    /// <summary>Whether a cluster is attacked, and not one node.</summary>
    public bool IsCluster { get; init; }

    /// <summary>How many entries the deep account has.</summary>
    public int Depth { get; init; } = 200_000;

    /// <summary>Whether an attack that has a bystander wait breaks a condition.</summary>
    public bool IsTimed { get; init; } = true;

    /// <summary>The key that the clients of the workload show; null where nobody is asked.</summary>
    public string? Key { get; init; }

    public int Kills { get; init; } = 30;

    public string Target { get; init; } = "random";

    public string History { get; init; } = "";

    public string? Connection { get; init; }

    /// <summary>Whether nodes speak TLS with each other, with certificates that the run makes.</summary>
    public bool Tls { get; init; }

    /// <summary>Whether each node has a network namespace of its own.</summary>
    public bool Namespaces { get; init; }

    /// <summary>How many nodes a fault may add for a while.</summary>
    public int Spares => Mode == ChaosMode.Run && Faults.Any(static kind => kind.Name == FaultCatalog.Scale) ? 2 : 0;

    /// <summary>Whether a fault needs a file system of the run's own.</summary>
    public bool MaySwellDisk => Faults.Any(static kind => kind.Name == FaultCatalog.DiskFull);

    /// <summary>Reads the command line.</summary>
    /// <exception cref="FormatException">It can't be understood; the message says what of it.</exception>
    public static ChaosOptions Parse(IReadOnlyList<string> args)
    {
        var options = new ChaosOptions();
        TimeSpan? length = null;
        for (var i = 0; i < args.Count; i++)
        {
            string Value() => ++i < args.Count ? args[i] : throw new FormatException($"{args[i - 1]} needs a value.");
            int Number(int least) =>
                int.TryParse(Value(), NumberStyles.None, CultureInfo.InvariantCulture, out var number)
                && number >= least
                    ? number
                    : throw new FormatException($"{args[i - 1]} needs a number from {least} on, and not '{args[i]}'.");
            options = args[i] switch
            {
                "failover" when i == 0 => options with { Mode = ChaosMode.Failover },
                "split" when i == 0 => options with { Mode = ChaosMode.Split },
                "planted" when i == 0 => options with { Mode = ChaosMode.Planted },
                "--only" when options.Mode == ChaosMode.Planted => options with { Only = Value() },
                "check" when i == 0 => options with { Mode = ChaosMode.Check, History = Value() },
                "--connection" when options.Mode == ChaosMode.Check => options with { Connection = Value() },
                "--list" => options with { Mode = ChaosMode.List },
                "--help" or "-h" or "-?" => options with { Mode = ChaosMode.Help },
                "--seed" => options with { Seed = SeedOf(Value()) },
                "--nodes" => options with { Nodes = Number(1) },
                "--seconds" => options with { Length = (length = TimeSpan.FromSeconds(Number(1))).Value },
                "--attack" => options with { Mode = ChaosMode.Attack, Attacks = AttackCatalog.Parse(Value()) },
                "--callers" => options with { Callers = CallersOf(Value()) },
                "--cluster" => options with { IsCluster = true },
                "--depth" => options with { Depth = Number(1) },
                "--untimed" => options with { IsTimed = false },
                "--faults" => options with { Faults = FaultCatalog.Parse(Value()) },
                "--workload" => options with { Workload = WorkloadOf(Value()) },
                "--rate" => options with { Rate = Number(1) },
                "--clients" => options with { Clients = Number(1) },
                "--accounts" => options with { Accounts = Number(12) },
                "--shards" => options with { Shards = Number(1) },
                "--output" => options with { Output = Value() },
                "--node" => options with { Node = Value() },
                "--other-node" => options with { OtherNode = Path.GetFullPath(Value()) },
                "--node-setting" => options with { NodeArguments = [.. options.NodeArguments, Value()] },
                "--tls" => options with { Tls = true },
                "--namespaces" => options with { Namespaces = true },
                "--needs-all" => options with { NeedsAll = true },
                "--keep" => options with { Keep = true },
                "--kills" => options with { Kills = Number(1) },
                "--target" => options with { Target = TargetOf(Value()) },
                _ => throw new FormatException($"There is no option {args[i]}; see --help."),
            };
        }

        options = options with
        {
            Length = length ?? (options.Mode == ChaosMode.Attack ? AttackLength : options.Length),
            Output = Path.GetFullPath(options.Output.Length > 0
                ? options.Output
                : FormattableString.Invariant($"chaos-{options.Seed}")),
            Node = Path.GetFullPath(options.Node.Length > 0 ? options.Node : NodeBesideUs()),
        };
        if (options.OtherNode.Length > 0 && !File.Exists(options.OtherNode))
        {
            throw new FormatException($"There is no node at {options.OtherNode}.");
        }

        return options.Mode is ChaosMode.List or ChaosMode.Help or ChaosMode.Check or ChaosMode.Planted
            || File.Exists(options.Node)
            ? options
            : throw new FormatException($"There is no node at {options.Node}; build it, or name one with --node.");
    }

    private static IReadOnlyList<bool> CallersOf(string text) => text switch
    {
        "anonymous" => [false],
        "key" => [true],
        "both" => [false, true],
        _ => throw new FormatException($"--callers is anonymous, key or both, and not '{text}'."),
    };

    private static ulong SeedOf(string text) =>
        ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var seed)
            ? seed
            : throw new FormatException($"--seed needs a number, and not '{text}'.");

    private static WorkloadKind WorkloadOf(string text) =>
        Enum.TryParse<WorkloadKind>(text, ignoreCase: true, out var kind) && Enum.IsDefined(kind)
        && !char.IsDigit(text[0])
            ? kind
            : throw new FormatException(
                $"There is no workload '{text}'; there are: "
                    + $"{string.Join(", ", Enum.GetNames<WorkloadKind>()).ToLowerInvariant()}.");

    private static string TargetOf(string text) => text is "oldest" or "youngest" or "random"
        ? text
        : throw new FormatException($"--target is oldest, youngest or random, and not '{text}'.");

    // artifacts/bin/Ledger.Chaos/release -> artifacts/bin/Ledger.Node/release
    private static string NodeBesideUs()
    {
        var own = new DirectoryInfo(AppContext.BaseDirectory);
        return Path.Combine(own.Parent?.Parent?.FullName ?? ".", "Ledger.Node", own.Name, "Ledger.Node.dll");
    }
}
