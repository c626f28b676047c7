using System.Globalization;

namespace Ledger.Chaos.Attacks;

/// <summary>The attacker's process: an attack that begins once it says so, and ends by itself.</summary>
internal static class AttackerProgram
{
    /// <summary>What it is called by on the command line.</summary>
    public const string Command = "attacker";

    /// <summary>What it says when it begins.</summary>
    public const string Begun = "begun";

    /// <summary>The variable of the environment that holds the key to be shown.</summary>
    public const string KeyVariable = "LEDGER_ATTACK_KEY";

    /// <summary>Runs it.</summary>
    /// <param name="args">The attack's name, where gRPC and JSON are, how many seconds, and how many cores it may take
    /// by its own account (0 where a quota sees to that).</param>
    public static async Task<int> RunAsync(IReadOnlyList<string> args)
    {
        if (args.Count != 5)
        {
            throw new FormatException("attacker NAME GRPC JSON SECONDS CORES is run by the drill; see --attack.");
        }

        var key = Environment.GetEnvironmentVariable(KeyVariable);
        var kind = AttackCatalog.Find(args[0]);
        using var attacker = new Attacker(
            new Uri(args[1]), new Uri(args[2]),
            TimeSpan.FromSeconds(double.Parse(args[3], CultureInfo.InvariantCulture)),
            string.IsNullOrEmpty(key) ? null : key, double.Parse(args[4], CultureInfo.InvariantCulture));
        await Console.Out.WriteLineAsync(Begun);
        try
        {
            await kind.Run(attacker).WaitAsync(attacker.Over);
        }
        catch (OperationCanceledException) when (attacker.IsOver)
        {
            // Its time is over.
        }
        catch (Exception e) when (e is HttpRequestException or IOException)
        {
            attacker.Count("given up: " + e.Message);
        }

        await Console.Out.WriteLineAsync(attacker.Counts);
        await Console.Out.FlushAsync();

        // Whatever is still under way ends with the process.
        return 0;
    }
}
