using Ledger.Actors.Accounts;
using Ledger.Core;

namespace Ledger.Actors.Journal;

/// <summary>What rows say to the hold index: which holds there are and until when, and what is not decided.</summary>
internal static class HoldFacts
{
    /// <summary>How the index and the hold expiry read rows.</summary>
    public static readonly HoldFactReader Decoder = new(Of, static () => new UnfinishedFold());

    /// <summary>Whether a row says anything about holds, and so is to be marked.</summary>
    public static bool AreIn(EventBatch batch, AccountAddress account)
    {
        for (var i = 0; i < batch.Events.Count; i++)
        {
            if (batch.Events[i] is HoldExtended or TransactionCommitted { EndedHolds.Count: > 0 }
                || (PartOf(batch.Events[i]) is { } part && Concern(part, account)))
            {
                return true;
            }
        }

        return false;
    }

    private static IEnumerable<HoldFact> Of(ReadOnlyMemory<byte> row, string persistenceId, long sequenceNr)
    {
        var account = AccountAddress.Parse(persistenceId[AccountActor.PersistenceIdPrefix.Length..]);
        foreach (var happened in JournalCodec.Decode(row, account, sequenceNr, out _).Events)
        {
            if (happened is HoldExtended extended)
            {
                yield return new HoldDeadlineSet(extended.HoldId, extended.Deadline);
            }

            if (happened is TransactionCommitted committed)
            {
                foreach (var ended in committed.EndedHolds)
                {
                    yield return new HoldEnded(ended);
                }
            }

            if (PartOf(happened) is not { } part)
            {
                continue;
            }

            foreach (var leg in part.Legs)
            {
                if (leg.Transfer is not { } transfer || transfer.CreditAccount != account)
                {
                    continue;
                }

                if (leg.IsHold)
                {
                    yield return new HoldMade(
                        transfer.Id, transfer.DebitAccount, transfer.CreditAccount,
                        leg.Deadline < LedgerTime.MaxValue ? leg.Deadline : null)
                    {
                        InDoubt = happened is TransactionPrepared,
                    };
                }
                else if (transfer.ResolvesHold && leg.HoldAfter != HoldState.Live && happened is LastAgentCommitted)
                {
                    yield return new HoldEnded(transfer.HoldId);
                }
            }
        }
    }

    // The credit account of a hold is the one that speaks: each fact is then told once, and in its own stream's order.
    private static bool Concern(TransactionBranch part, AccountAddress account)
    {
        foreach (var leg in part.Legs)
        {
            if (leg.Transfer is { } transfer && transfer.CreditAccount == account
                && (leg.IsHold || transfer.ResolvesHold))
            {
                return true;
            }
        }

        return false;
    }

    private static TransactionBranch? PartOf(AccountEvent happened) => happened switch
    {
        LastAgentCommitted closed => closed.Branch,
        TransactionPrepared prepared => prepared.Branch,
        _ => null,
    };

    private sealed class UnfinishedFold : IUnfinishedFold
    {
        private readonly HashSet<(AccountAddress Account, TransferId Key)> prepared = [];

        public IReadOnlyCollection<AccountAddress> Accounts => prepared.Select(static one => one.Account).ToHashSet();

        public void Add(ReadOnlyMemory<byte> row, string persistenceId, long sequenceNr)
        {
            var account = AccountAddress.Parse(persistenceId[AccountActor.PersistenceIdPrefix.Length..]);
            foreach (var happened in JournalCodec.Decode(row, account, sequenceNr, out _).Events)
            {
                switch (happened)
                {
                    case TransactionPrepared begun:
                        prepared.Add((account, begun.Branch.Key));
                        break;
                    case TransactionCommitted committed:
                        prepared.Remove((account, committed.Key));
                        break;
                    case TransactionAborted aborted:
                        prepared.Remove((account, aborted.Key));
                        break;
                    default:
                        break;
                }
            }
        }
    }
}
