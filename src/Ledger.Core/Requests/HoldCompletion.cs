using System.Collections.Immutable;

namespace Ledger.Core;

/// <summary>A post or a void need not name accounts and asset, but a transaction must know whom to ask: what is left
/// out is the hold's.</summary>
internal static class HoldCompletion
{
    /// <summary>The post or void of a leg that leaves something out; null where there is none.</summary>
    /// <param name="leg">The leg.</param>
    public static Transfer? IncompleteIn(TransactionLeg leg) =>
        leg.Transfer is { ResolvesHold: true } transfer
        && (transfer.DebitAccount.IsNone || transfer.CreditAccount.IsNone || transfer.Asset.IsNone)
            ? transfer
            : null;

    /// <summary>The transfer of an earlier leg that makes a hold; null where none does.</summary>
    /// <param name="legs">The legs.</param>
    /// <param name="before">The place of the leg that needs the hold.</param>
    /// <param name="hold">The hold's id.</param>
    public static Transfer? HoldIn(ImmutableArray<TransactionLeg> legs, int before, TransferId hold)
    {
        for (var i = 0; i < before; i++)
        {
            if (legs[i].Transfer is { } transfer && transfer.Id == hold)
            {
                return transfer;
            }
        }

        return null;
    }

    /// <summary>Completes a post or a void. What it names stays, right or wrong: the accounts judge it.</summary>
    /// <param name="resolution">The post or the void.</param>
    /// <param name="hold">The transfer that made its hold.</param>
    public static Transfer Complete(Transfer resolution, Transfer hold) => resolution with
    {
        DebitAccount = resolution.DebitAccount.IsNone ? hold.DebitAccount : resolution.DebitAccount,
        CreditAccount = resolution.CreditAccount.IsNone ? hold.CreditAccount : resolution.CreditAccount,
        Asset = resolution.Asset.IsNone ? hold.Asset : resolution.Asset,
    };
}
