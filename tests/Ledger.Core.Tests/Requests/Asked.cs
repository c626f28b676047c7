namespace Ledger.Core.Tests.Requests;

/// <summary>Requests to plan.</summary>
internal static class Asked
{
    public static readonly AccountAddress A = AccountAddress.Parse("a");
    public static readonly AccountAddress B = AccountAddress.Parse("b");
    public static readonly AccountAddress C = AccountAddress.Parse("c");
    public static readonly AccountAddress D = AccountAddress.Parse("d");
    public static readonly Asset Euro = Asset.Parse("EUR/2");

    /// <summary>A transfer of 10.</summary>
    public static Transfer Transfer(
        int id, AccountAddress debit, AccountAddress credit, TransferFlags flags = TransferFlags.None) =>
        new(Id(id), debit, credit, Amount.Of(10), 7) { Asset = Euro, Flags = flags };

    /// <summary>A post, or a void, that names neither accounts nor asset.</summary>
    public static Transfer Resolution(int id, int hold, TransferFlags flags = TransferFlags.PostPending) =>
        new(Id(id), default, default, Amount.MaxValue, 0) { HoldId = Id(hold), Flags = flags };

    public static TransactionLeg Leg(
        int id, AccountAddress debit, AccountAddress credit, TransferFlags flags = TransferFlags.None) =>
        TransactionLeg.Of(Transfer(id, debit, credit, flags));

    public static TransactionLeg Opening(AccountAddress account) => TransactionLeg.Open(Spec(account));

    public static AccountSpec Spec(AccountAddress account) => new(account, Euro, 7);

    public static Transaction Transaction(int id, params TransactionLeg[] legs) => new(Id(id), [.. legs]);

    public static TransferId Id(int id) => new((UInt128)(uint)id);

    /// <summary>A committed transaction in which each transfer has moved what it asks for.</summary>
    public static TransactionRecord Committed(Transaction transaction) => new(
        transaction,
        new TransactionResult(
            transaction.Id, TransferStatus.Created, -1, new LedgerTime(1), false, null,
            [.. transaction.Legs.Select(static leg => leg.Transfer is { } transfer
                ? new LegResult(TransferStatus.Created, AccountStatus.None, transfer.Amount)
                : new LegResult(TransferStatus.None, AccountStatus.Created, Amount.Zero))]));
}
