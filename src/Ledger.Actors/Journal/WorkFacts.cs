using Ledger.Core;

namespace Ledger.Actors.Journal;

/// <summary>What rows say to the index of work: which holds there are, and until when.</summary>
internal static class WorkFacts
{
    /// <summary>Whether a row says anything to the index.</summary>
    public static bool AreIn(EventBatch batch, AccountAddress account)
    {
        for (var i = 0; i < batch.Events.Count; i++)
        {
            switch (batch.Events[i])
            {
                case HoldExtended:
                case CloserCommitted closed when Concern(closed.Part, account):
                case TransactionPrepared prepared when prepared.Part.LegCount > 1 && Concern(prepared.Part, account):
                    return true;
                default:
                    break;
            }
        }

        return false;
    }

    // The credit account of a hold is the one that speaks: each fact is then told once, and in its own stream's order.
    private static bool Concern(TransactionPart part, AccountAddress account)
    {
        foreach (var leg in part.Legs)
        {
            if (leg.Transfer is { } transfer && transfer.CreditAccount == account && (leg.IsHold || transfer.ResolvesHold))
            {
                return true;
            }
        }

        return false;
    }
}
