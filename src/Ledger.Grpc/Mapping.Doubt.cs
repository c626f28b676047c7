namespace Ledger.Grpc;

/// <content>What is in doubt.</content>
internal static partial class Mapping
{
    /// <summary>Writes a transaction in doubt.</summary>
    public static V1.TransactionInDoubt Write(TransactionInDoubt source) => new()
    {
        Id = Text(source.Id),
        AttemptId = Text(source.Key),
        PrepareTime = Write(source.Since),
        Coordinator = source.Coordinator.Text,
        Counterparties = { source.With.Select(static account => account.Text) },
        DebitsPending = source.Changes.DebitsPending.ToString(),
        DebitsPosted = source.Changes.DebitsPosted.ToString(),
        CreditsPending = source.Changes.CreditsPending.ToString(),
        CreditsPosted = source.Changes.CreditsPosted.ToString(),
    };

    private static V1.DoubtfulBalances Write(AccountDoubt source, Balances decided) => new()
    {
        Decided = Write(decided),
        Least = Write(source.Least),
        Greatest = Write(source.Greatest),
        TransactionCount = source.Count,
        Transactions = { source.Transactions.Select(Write) },
        CompleteUpTo = Write(source.CompleteUpTo),
    };
}
