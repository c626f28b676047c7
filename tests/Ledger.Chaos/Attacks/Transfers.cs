using Ledger.V1;

namespace Ledger.Chaos.Attacks;

/// <summary>Transfers as attackers make them.</summary>
internal static class Transfers
{
    /// <summary>A transfer of 1.</summary>
    public static V1.Transfer Of(Guid id, string debit, string credit) => new()
    {
        Id = id.ToString(), DebitAccount = debit, CreditAccount = credit, Amount = "1", Asset = AttackAccounts
            .Asset, Code = 1,
    };
}
