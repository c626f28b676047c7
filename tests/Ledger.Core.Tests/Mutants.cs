namespace Ledger.Simulation;

/// <summary>The faults of the simulated world, none of which is alive here: these tests run the core as it
/// is.</summary>
internal static class Mutants
{
    public static bool SpeaksWithoutLease => false;

    public static bool NotesNoGap => false;

    public static bool TakesAnyHistory => false;

    public static bool KeepsMemory => false;

    public static bool GoesOnDespiteLoss => false;

    public static bool TellsNobodyOfLoss => false;

    public static bool SpeaksBeforeOthersLook => false;

    public static bool WritesBeforeOthersLook => false;

    public static bool KeepsMemoryInNewEpoch => false;

    public static bool EndsRowsSilently => false;

    public static bool SendsAheadToOtherNodes => false;

    public static bool IsolatesOutOfOrder => false;
}
