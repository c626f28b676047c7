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
        if (!IsCount(count, field, out var fault))
        {
            throw fault.Exception();
        }
    }

    /// <summary>Whether there are some items and not too many.</summary>
    public static bool IsCount(int count, string field, out Fault fault)
    {
        fault = count switch
        {
            0 => new Fault(Reasons.EmptyBatch, $"The request holds no {field}.", field),
            > LedgerLimits.BatchMax => new Fault(
                Reasons.BatchTooLarge, $"The request holds {count} {field}.", field, LedgerLimits.BatchMax),
            _ => default,
        };
        return count is > 0 and <= LedgerLimits.BatchMax;
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
