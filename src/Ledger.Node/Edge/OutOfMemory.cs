using System.Runtime.ExceptionServices;

namespace Ledger.Node.Edge;

/// <summary>Ends the process where memory has run out. What has failed in the middle is not known then: an actor, a
/// connection, the server itself may be half of what they were. A supervisor starts the node anew, and its journal has
/// all that was answered.</summary>
internal static class OutOfMemory
{
    /// <summary>The line that the process ends with.</summary>
    public const string Line =
        "ledger: the memory of the process has run out, and it ends on purpose: what failed in the middle is not known."
        + " Nothing that was answered is lost. Start it again, as a supervisor does, with more memory or a smaller"
        + " Ledger:Edge:InFlightBytesMax.";

    /// <summary>From now on.</summary>
    public static void EndsTheProcess() => AppDomain.CurrentDomain.FirstChanceException += End;

    private static void End(object? sender, FirstChanceExceptionEventArgs thrown)
    {
        // The first of all: whoever catches it would go on.
        if (thrown.Exception is OutOfMemoryException and not InsufficientMemoryException)
        {
            Environment.FailFast(Line);
        }
    }
}
