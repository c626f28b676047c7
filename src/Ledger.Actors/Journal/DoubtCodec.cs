using Ledger.Journal.V1;

namespace Ledger.Actors.Journal;

/// <summary>What an account has in doubt, between nodes.</summary>
internal static class DoubtCodec
{
    /// <summary>Writes it.</summary>
    public static WireDoubt? ToWire(AccountDoubt? doubt)
    {
        if (doubt is null)
        {
            return null;
        }

        var wire = new WireDoubt
        {
            Least = JournalCodec.ToStored(doubt.Least),
            Greatest = JournalCodec.ToStored(doubt.Greatest),
            Count = (uint)doubt.Count,
            CompleteUpTo = doubt.CompleteUpTo.UnixMicroseconds,
        };
        foreach (var one in doubt.Transactions)
        {
            wire.Transactions.Add(ToWire(one));
        }

        return wire;
    }

    /// <summary>Reads it.</summary>
    public static AccountDoubt? FromWire(WireDoubt? wire) => wire is null
        ? null
        : new AccountDoubt(
            JournalCodec.FromStored(wire.Least) ?? default, JournalCodec.FromStored(wire.Greatest) ?? default,
            (int)wire.Count, [.. wire.Transactions.Select(FromWire)], new LedgerTime(wire.CompleteUpTo));

    /// <summary>Writes one transaction.</summary>
    public static WireTransactionInDoubt ToWire(TransactionInDoubt one) => new()
    {
        Id = JournalCodec.ToStored(one.Id.Value),
        Key = JournalCodec.ToStored(one.Key.Value),
        Since = one.Since.UnixMicroseconds,
        Coordinator = one.Coordinator.Text,
        With = { one.With.Select(static account => account.Text) },
        More = JournalCodec.ToStored(Side(one.Changes, isNegative: false)),
        Less = JournalCodec.ToStored(Side(one.Changes, isNegative: true)),
    };

    /// <summary>Reads one transaction.</summary>
    public static TransactionInDoubt FromWire(WireTransactionInDoubt wire)
    {
        var more = JournalCodec.FromStored(wire.More) ?? default;
        var less = JournalCodec.FromStored(wire.Less) ?? default;
        return new TransactionInDoubt(
            new TransferId(JournalCodec.Id128(wire.Id)), new TransferId(JournalCodec.Id128(wire.Key)),
            new LedgerTime(wire.Since), JournalCodec.AddressOf(wire.Coordinator),
            [.. wire.With.Select(JournalCodec.AddressOf)],
            new CounterChanges(
                SignedAmount.Difference(more.DebitsPending, less.DebitsPending),
                SignedAmount.Difference(more.DebitsPosted, less.DebitsPosted),
                SignedAmount.Difference(more.CreditsPending, less.CreditsPending),
                SignedAmount.Difference(more.CreditsPosted, less.CreditsPosted)));
    }

    private static Balances Side(in CounterChanges changes, bool isNegative)
    {
        return new Balances(
            Of(changes.DebitsPending), Of(changes.DebitsPosted), Of(changes.CreditsPending), Of(changes.CreditsPosted),
            Amount.Zero, Amount.Zero);

        Amount Of(SignedAmount change) => change.IsNegative == isNegative ? change.Magnitude : Amount.Zero;
    }
}
