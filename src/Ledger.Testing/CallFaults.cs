using System.Collections.Concurrent;

namespace Ledger.Testing;

/// <summary>Which of the next calls fail, and how. Thread-safe.</summary>
internal sealed class CallFaults
{
    private readonly ConcurrentQueue<CallFault> next = new();

    public int Waiting => next.Count;

    public void Add(CallFault fault, int calls)
    {
        for (var i = 0; i < calls; i++)
        {
            next.Enqueue(fault);
        }
    }

    /// <summary>Makes a call, or has it fail where it is its turn.</summary>
    /// <param name="call">The call.</param>
    /// <param name="isRead">Whether it changes nothing.</param>
    public async Task<T> RunAsync<T>(Func<Task<T>> call, bool isRead = false)
    {
        if (!next.TryDequeue(out var fault))
        {
            return await call();
        }

        switch (fault)
        {
            case CallFault.Refused:
                throw new LedgerException(
                    LedgerErrorReason.Overloaded, "The test refuses this call. Nothing was done.");
            case CallFault.RequestLost:
                throw new LedgerException(
                    LedgerErrorReason.Unavailable,
                    isRead
                    ? "The test has lost this request."
                    : "The test has lost this request; the outcome is unknown.");
            default:
                await call();
                throw new LedgerException(
                    LedgerErrorReason.DeadlineExceeded,
                    isRead
                    ? "The test has lost this answer."
                    : "The test has lost this answer; the outcome is unknown.");
        }
    }
}
