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

    /// <summary>Whether a row's entries go into an index that lacks the one before them, without a note of
    /// it.</summary>
    public static bool NotesNoGap => Current != 0 && Current == NumberOf(nameof(NotesNoGap));

    /// <summary>Whether an account takes what was said in another history of the database.</summary>
    public static bool TakesAnyHistory => Current != 0 && Current == NumberOf(nameof(TakesAnyHistory));

    /// <summary>Whether accounts go on from memory where the database is another one than before.</summary>
    public static bool KeepsMemory => Current != 0 && Current == NumberOf(nameof(KeepsMemory));

    /// <summary>Whether evidence of a loss silences nobody.</summary>
    public static bool GoesOnDespiteLoss => Current != 0 && Current == NumberOf(nameof(GoesOnDespiteLoss));

    /// <summary>Whether evidence of a loss stays with the node that has it.</summary>
    public static bool TellsNobodyOfLoss => Current != 0 && Current == NumberOf(nameof(TellsNobodyOfLoss));

    /// <summary>Whether a node speaks as soon as it has looked at another server, before the others have.</summary>
    public static bool SpeaksBeforeOthersLook => Current != 0 && Current == NumberOf(nameof(SpeaksBeforeOthersLook));

    /// <summary>Whether a node writes as soon as it has looked at another server, before the others have.</summary>
    public static bool WritesBeforeOthersLook => Current != 0 && Current == NumberOf(nameof(WritesBeforeOthersLook));

    /// <summary>Whether nodes that were silent go on in the new epoch with what they have in memory.</summary>
    public static bool KeepsMemoryInNewEpoch => Current != 0 && Current == NumberOf(nameof(KeepsMemoryInNewEpoch));

    /// <summary>Whether a row may end without its ticket being decided.</summary>
    public static bool EndsRowsSilently => Current != 0 && Current == NumberOf(nameof(EndsRowsSilently));

    /// <summary>Whether a request leaves its node ahead of its row, and loses its ticket there.</summary>
    public static bool SendsAheadToOtherNodes => Current != 0 && Current == NumberOf(nameof(SendsAheadToOtherNodes));

    /// <summary>Whether a group is taken apart from its end.</summary>
    public static bool IsolatesOutOfOrder => Current != 0 && Current == NumberOf(nameof(IsolatesOutOfOrder));

    private static int NumberOf(string name) => Array.Find(All, one => one.Name == name)!.Number;
}
