using Ledger.Grpc.Edge;

namespace Ledger.Grpc.Services;

/// <summary>The bytes that a message of several items holds at the edge, until all of them are answered.</summary>
/// <param name="intake">Where they are held; null where nothing is.</param>
/// <param name="items">How many items it has.</param>
internal sealed class HeldMessage(MessageIntake? intake, int items)
{
    private readonly long bytes = intake?.HandOver() ?? 0;
    private int left = items;

    /// <summary>One of its items is answered.</summary>
    public void Answered()
    {
        if (Interlocked.Decrement(ref left) == 0)
        {
            intake?.Release(bytes);
        }
    }
}
