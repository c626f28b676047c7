using Ledger.Core;
using Ledger.Grpc.Errors;

namespace Ledger.Grpc.Services;

/// <summary>What all requests of several items have in common.</summary>
internal static class Batches
{
    /// <summary>Refuses a request of no items, or of too many, before any is read.</summary>
    /// <exception cref="FaultException">The number of items is out of range.</exception>
    public static void CheckCount(int count, string field)
    {
        if (count == 0)
        {
            throw new Fault(Reasons.EmptyBatch, $"The request holds no {field}.", field).Exception();
        }

        if (count > LedgerLimits.BatchMax)
        {
            throw new Fault(
                Reasons.BatchTooLarge, $"The request holds {count} {field}.", field, LedgerLimits.BatchMax).Exception();
        }
    }

    /// <summary>Results belong to requests by their place alone, so a wrong number can't be passed on.</summary>
    public static void CheckAnswered(int asked, int answered)
    {
        if (asked != answered)
        {
            throw new InvalidOperationException($"The ledger answered {answered} of {asked} items.");
        }
    }
}
