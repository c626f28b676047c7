using System.Globalization;

namespace Ledger.Simulation;

/// <summary>What the program is asked to do.</summary>
internal sealed record Options
{
    private const string Usage = """
        ledger simulation: many histories of a ledger of pure cores, each from one seed.

          --seeds N        how many histories (default 1000)
          --from S         the first seed (default 0)
          --jobs J         how many at once (default 1)
          --mutant NAME    with a deliberate fault in the protocol
          --mutants        every deliberate fault, one after the other: each must be found within --seeds histories
          --trace          print the history
          --shrink         stop at the first failing history (which is made as small as it gets, in any case)
          --faults A,B     only these kinds of faults (none, or names as they are printed)
          --without 3,7    leave these commands out
          --hash           print a SHA-256 over the trace of each history
          --exhaustive     every interleaving of the smallest scopes
        """;

    public ulong Seeds { get; init; } = 1000;

    public ulong From { get; init; }

    public int Jobs { get; init; } = 1;

    public string? Mutant { get; init; }

    public bool AllMutants { get; init; }

    public bool Trace { get; init; }

    public bool Shrink { get; init; }

    public bool Hash { get; init; }

    public bool Exhaustive { get; init; }

    public FaultKinds Faults { get; init; } = FaultKinds.All;

    public IReadOnlySet<int> Without { get; init; } = new HashSet<int>();

    public static Options? Parse(string[] args)
    {
        var options = new Options();
        for (var i = 0; i < args.Length; i++)
        {
            string Value() => ++i < args.Length ? args[i] : throw new FormatException($"{args[i - 1]} needs a value");
            try
            {
                options = args[i] switch
                {
                    "--seeds" => options with { Seeds = ulong.Parse(Value(), CultureInfo.InvariantCulture) },
                    "--from" => options with { From = ulong.Parse(Value(), CultureInfo.InvariantCulture) },
                    "--jobs" => options with { Jobs = int.Parse(Value(), CultureInfo.InvariantCulture) },
                    "--mutant" => options with { Mutant = Value() },
                    "--mutants" => options with { AllMutants = true },
                    "--trace" => options with { Trace = true },
                    "--shrink" => options with { Shrink = true },
                    "--hash" => options with { Hash = true },
                    "--exhaustive" => options with { Exhaustive = true },
                    "--faults" => options with { Faults = Enum.Parse<FaultKinds>(Value(), ignoreCase: true) },
                    "--without" => options with
                    {
                        Without = Value().Split(',').Select(static one => int.Parse(one, CultureInfo.InvariantCulture))
                            .ToHashSet(),
                    },
                    _ => throw new FormatException($"unknown option {args[i]}"),
                };
            }
            catch (Exception e) when (e is FormatException or ArgumentException or OverflowException)
            {
                Console.Error.WriteLine(e.Message);
                Console.Error.WriteLine(Usage);
                return null;
            }
        }

        return options;
    }
}
