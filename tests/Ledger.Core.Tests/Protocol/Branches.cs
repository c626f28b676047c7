namespace Ledger.Core.Tests.Protocol;

/// <summary>What accounts ask of each other.</summary>
internal static class Branches
{
    /// <summary>A transfer alone, as its coordinator asks for it.</summary>
    public static TransactionBranch Alone(int id, AccountAddress debit, AccountAddress credit, int amount = 1) =>
        TransactionBranch.Of(
            OneAccount.Plain(id, debit, credit, Amount.Of((ulong)amount)), debit, OneAccount.Usd, "");

    /// <summary>A transaction from A to B and on to C: B is a participant, C the last agent.</summary>
    public static TransactionBranch Chain(int id, int amount = 1) => OneAccount.Branch(
        id, OneAccount.A,
        new ResolvedLeg(0, OneAccount.Plain(id + 100, OneAccount.A, OneAccount.B, Amount.Of((ulong)amount)), null)
        {
            Amount = Amount.Of((ulong)amount),
        },
        new ResolvedLeg(1, OneAccount.Plain(id + 200, OneAccount.B, OneAccount.C, Amount.Of((ulong)amount)), null)
        {
            Amount = Amount.Of((ulong)amount),
        });
}
