namespace Ledger.Core;

/// <summary>A transaction with the openings that its transfers ask for: accounts that are opened on their first use are
/// opened by the same transaction, by legs of their own before all others. Immutable.</summary>
/// <param name="Asked">The transaction as the caller asks for it.</param>
/// <param name="Whole">The same with those legs; the very same where there are none.</param>
internal readonly record struct OpeningsPlan(Transaction Asked, Transaction Whole)
{
    private int Added => Whole.Legs.Length - Asked.Legs.Length;

    /// <summary>Plans a transaction.</summary>
    /// <param name="transaction">The transaction as the caller asks for it.</param>
    public static OpeningsPlan Of(Transaction transaction)
    {
        // Those that a leg of the caller's opens are not opened twice.
        List<TransactionLeg>? openings = null;
        var seen = transaction.Legs
            .Where(static leg => leg.Opening is not null)
            .Select(static leg => leg.Opening!.Address).ToHashSet();
        foreach (var leg in transaction.Legs)
        {
            if (leg.Transfer is { } transfer && transfer.OpenAccounts)
            {
                foreach (var account in (ReadOnlySpan<AccountAddress>)[transfer.DebitAccount, transfer.CreditAccount])
                {
                    if (seen.Add(account))
                    {
                        (openings ??= []).Add(TransactionLeg.Open(
                            new AccountSpec(account, transfer.Asset, transfer.Code), ifMissing: true));
                    }
                }
            }
        }

        return new OpeningsPlan(
            transaction,
            openings is null ? transaction : transaction with { Legs = [.. openings, .. transaction.Legs] });
    }

    /// <summary>Takes the added legs out of a result: they are not the caller's.</summary>
    /// <param name="result">What became of the whole.</param>
    /// <returns>What became of what was asked for.</returns>
    public TransactionResult ResultOf(TransactionResult result) => Added == 0 || result.Legs.Length != Whole.Legs.Length
        ? result
        : result with
        {
            Legs = result.Legs[Added..], FailedLeg = result.FailedLeg < 0 ? -1 : Math.Max(0, result.FailedLeg - Added),
        };

    /// <summary>Finds the caller's leg that a rejection is about.</summary>
    /// <param name="result">What became of the whole, or would become of it.</param>
    /// <returns>The leg and its reason; null where none failed.</returns>
    public LegFailure? FailureOf(TransactionResult result)
    {
        if (result.FailedLeg < 0)
        {
            return null;
        }

        var failed = Math.Max(0, result.FailedLeg - Added);
        var leg = result.Legs[result.FailedLeg];
        return new LegFailure(
            failed, Asked.Legs[failed].Opening is not null ? (TransferStatus)(int)leg.Opening : leg.Transfer);
    }
}
