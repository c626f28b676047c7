using Ledger.Core;

namespace Ledger.Actors.Journal;

/// <summary>Ids whose place in a journal does not follow from themselves.</summary>
internal static class UnorderedIds
{
    /// <summary>Those that a row brings up, each once; null for none, as always where clients send UUIDs of version 7.</summary>
    /// <param name="batch">The row's events.</param>
    /// <param name="account">The account whose row it is.</param>
    public static IReadOnlyList<TransferId>? In(EventBatch batch, AccountAddress account)
    {
        HashSet<TransferId>? ids = null;
        for (var i = 0; i < batch.Events.Count; i++)
        {
            IdSearches.AddUnordered(batch.Events[i], account, ref ids);
        }

        return ids is null ? null : [.. ids];
    }
}
