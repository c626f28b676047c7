using Google.Protobuf;
using Ledger.Core;
using Ledger.Grpc.Errors;

namespace Ledger.Grpc.Services;

/// <summary>What all requests of several items have in common.</summary>
internal static class BatchLimits
{
    /// <summary>Refuses a request of no items, or of too many, before any is read.</summary>
    /// <exception cref="RequestErrorException">The number of items is out of range.</exception>
    public static void CheckCount(int count, string field, int countMax = LedgerLimits.BatchMax)
    {
        if (!IsCount(count, field, out var fault, countMax))
        {
            throw fault.Exception();
        }
    }

    /// <summary>Whether there are some items and not too many.</summary>
    public static bool IsCount(int count, string field, out RequestError fault, int countMax = LedgerLimits.BatchMax)
    {
        var problem = RequestRules.CheckCount(count, field, countMax);
        fault = problem is null ? default : ErrorMap.Of(problem);
        return problem is null;
    }

    /// <summary>Leaves positions out, from the last result on, where an answer would have more bytes than clients
    /// receive: its outcomes must not be lost for what is said besides (R17). Without positions the largest answer
    /// there can be is below the limit.</summary>
    /// <param name="response">The answer.</param>
    /// <param name="results">Its results.</param>
    /// <param name="leaveOut">Takes the position off a result.</param>
    public static void Fit<TResult>(IMessage response, IReadOnlyList<TResult> results, Action<TResult> leaveOut)
        where TResult : IMessage
    {
        // So few have room for everything, with balances too.
        if (results.Count <= LedgerLimits.ReturnedBalancesMax)
        {
            return;
        }

        var size = response.CalculateSize();
        for (var i = results.Count - 1; size > LedgerSizes.AnswerMax && i >= 0; i--)
        {
            size -= results[i].CalculateSize();
            leaveOut(results[i]);
            size += results[i].CalculateSize();
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
