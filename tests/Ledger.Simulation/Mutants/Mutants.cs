namespace Ledger.Simulation;

/// <summary>A deliberate fault in the protocol, which the simulator must find.</summary>
/// <param name="Number">Its number.</param>
/// <param name="Name">Its name.</param>
/// <param name="About">What is wrong, and which rule that breaks.</param>
/// <param name="IsPlaced">Whether its place in the core was found.</param>
internal sealed record Mutant(int Number, string Name, string About, bool IsPlaced);

/// <summary>Which mutant is alive: at most one, for the whole process.</summary>
internal static partial class Mutants
{
    public static int Current;

    public static bool Is(int number) => Current == number;

    /// <summary>Whether the world lets an incarnation speak that another has replaced.</summary>
    public static bool SpeaksWithoutLease => Current != 0 && Current == NumberOf(nameof(SpeaksWithoutLease));

    /// <summary>Whether a row's entries go into an index that lacks the one before them, without a note of it.</summary>
    public static bool NotesNoGap => Current != 0 && Current == NumberOf(nameof(NotesNoGap));

    private static int NumberOf(string name) => Array.Find(All, one => one.Name == name)!.Number;
}
