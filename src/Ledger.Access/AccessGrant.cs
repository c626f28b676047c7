using System.Collections.Immutable;

namespace Ledger.Access;

/// <summary>One thing that a principal is allowed. Immutable and thread-safe.</summary>
/// <param name="Rights">The rights that it gives.</param>
public sealed record AccessGrant(AccessRights Rights)
{
    /// <summary>The rights that are judged by both sides of a movement.</summary>
    public const AccessRights OfBothSides =
        AccessRights.Transfer | AccessRights.Hold | AccessRights.CloseByTransfer | AccessRights.Reverse;

    /// <summary>The rights that are judged by one account.</summary>
    public const AccessRights OfAccounts = AccessRights.Read | AccessRights.Statement | AccessRights.List
        | AccessRights.Open | AccessRights.Change | AccessRights.Limits;

    /// <summary>For the rights <see cref="OfAccounts"/>: which accounts.</summary>
    public ImmutableArray<AddressPattern> Accounts { get; init; } = [];

    /// <summary>For the rights <see cref="OfBothSides"/> and for <see cref="AccessRights.Resolve"/>: which accounts may
    /// be debited.</summary>
    public ImmutableArray<AddressPattern> Debit { get; init; } = [];

    /// <summary>For the rights <see cref="OfBothSides"/>: which accounts may be credited.</summary>
    public ImmutableArray<AddressPattern> Credit { get; init; } = [];

    /// <summary>Of movements, holds and openings: which assets. Empty for all.</summary>
    public ImmutableArray<Asset> Assets { get; init; } = [];

    /// <summary>Of movements and holds: the largest amount of one, in minor units. Null for any.</summary>
    public Amount? AmountMax { get; init; }

    /// <summary>Whether it allows something to one account.</summary>
    internal bool Allows(AccessRights right, AccountAddress account) =>
        (Rights & right) != AccessRights.None && Matches(Accounts, account);

    /// <summary>Whether it allows an account of an asset to be opened.</summary>
    internal bool AllowsOpening(AccountAddress account, Asset asset) =>
        Allows(AccessRights.Open, account) && Has(asset);

    /// <summary>Whether it allows a movement, of which the caller names both sides.</summary>
    internal bool Allows(
        AccessRights right, AccountAddress debit, AccountAddress credit, Asset asset, Amount amount) =>
        (Rights & right) != AccessRights.None && (AmountMax is not { } most || amount <= most) && Has(asset)
        && Matches(Debit, debit) && Matches(Credit, credit);

    /// <summary>Whether it allows a hold to be resolved.</summary>
    internal bool AllowsResolving(AccountAddress debit, Asset asset, Amount amount) =>
        (Rights & AccessRights.Resolve) != AccessRights.None && (AmountMax is not { } most || amount <= most)
        && Has(asset) && Matches(Debit, debit);

    /// <summary>Whether it allows to resolve any hold, so that nobody need look what hold it is.</summary>
    internal bool AllowsResolvingAny => (Rights & AccessRights.Resolve) != AccessRights.None && AmountMax is null
        && Assets.IsEmpty && Debit.Any(static pattern => pattern.IsEverything);

    /// <summary>Whether it allows to resolve some hold that debits an account.</summary>
    internal bool AllowsResolvingSome(AccountAddress debit) =>
        (Rights & AccessRights.Resolve) != AccessRights.None && Matches(Debit, debit);

    /// <summary>Whether it allows to take back anything, so that nobody need look what it was.</summary>
    internal bool AllowsReversingAny => (Rights & AccessRights.Reverse) != AccessRights.None && AmountMax is null
        && Assets.IsEmpty && Debit.Any(static pattern => pattern.IsEverything)
        && Credit.Any(static pattern => pattern.IsEverything);

    private bool Has(Asset asset) => Assets.IsEmpty || Assets.Contains(asset);

    private static bool Matches(ImmutableArray<AddressPattern> patterns, AccountAddress account)
    {
        foreach (var pattern in patterns)
        {
            if (pattern.Matches(account))
            {
                return true;
            }
        }

        return false;
    }
}
