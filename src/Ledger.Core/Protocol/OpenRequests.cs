namespace Ledger.Core;

/// <summary>How many requests of callers are worked on: each is counted from its admission to its answer.</summary>
internal sealed class OpenRequests
{
    /// <summary>How many there are.</summary>
    public int Count { get; private set; }

    /// <summary>Counts one more, unless there are too many.</summary>
    /// <param name="max">How many there may be.</param>
    /// <returns>Whether it may be worked on.</returns>
    public bool TryAdmit(int max)
    {
        if (Count >= max)
        {
            return false;
        }

        Count++;
        return true;
    }

    /// <summary>One is answered, or nobody waits for it any longer.</summary>
    public void End() => Count--;
}
