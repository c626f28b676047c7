namespace Ledger.Actors.Calls;

/// <summary>A call of <see cref="ILedger"/> that this node works on. It counts as so many calls until it is
/// disposed.</summary>
/// <param name="Calls">The node's calls.</param>
/// <param name="Count">As how many it counts.</param>
/// <param name="End">When it ends without an answer.</param>
internal readonly record struct AdmittedCall(PendingCalls Calls, int Count, CallEnd End) : IDisposable
{
    public void Dispose() => Calls.Leave(Count);
}
