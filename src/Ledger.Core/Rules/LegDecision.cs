namespace Ledger.Core;

/// <summary>What a decision about one leg comes to.</summary>
/// <param name="Status"><see cref="TransferStatus.None"/> when the leg can be, else why not. For an opening that can't
/// be, the number of an <see cref="AccountStatus"/>.</param>
/// <param name="Leg">The leg, resolved.</param>
/// <param name="InDoubt">Whether it can't be decided before something else is.</param>
internal readonly record struct LegDecision(TransferStatus Status, ResolvedLeg Leg, bool InDoubt = false)
{
    /// <summary>Whether it would be refused for want of money that doubt could bring.</summary>
    public bool IsForMoney { get; init; }

    public static LegDecision Doubt(ResolvedLeg leg) => new(TransferStatus.None, leg, true);
}
