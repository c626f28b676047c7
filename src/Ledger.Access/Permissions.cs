using System.Collections.Immutable;

namespace Ledger.Access;

/// <summary>All that one principal is allowed. What no grant allows is denied. Immutable and thread-safe.</summary>
public sealed class Permissions
{
    private readonly ImmutableArray<AccessGrant> grants;

    /// <summary>Makes permissions of grants.</summary>
    /// <param name="grants">The grants.</param>
    public Permissions(ImmutableArray<AccessGrant> grants)
    {
        this.grants = grants;
        foreach (var grant in grants)
        {
            Rights |= grant.Rights;
            ResolvesAny |= grant.AllowsResolvingAny;
            ReversesAny |= grant.AllowsReversingAny;
            ListsAll |= (grant.Rights & AccessRights.List) != AccessRights.None
                && grant.Accounts.Any(static pattern => pattern.IsEverything);
            ReadsAll |= (grant.Rights & AccessRights.Read) != AccessRights.None
                && grant.Accounts.Any(static pattern => pattern.IsEverything);
        }
    }

    /// <summary>Those of a principal that no policy knows.</summary>
    public static Permissions None { get; } = new([]);

    /// <summary>Every right that is given for some account.</summary>
    public AccessRights Rights { get; }

    /// <summary>Whether any hold may be resolved.</summary>
    public bool ResolvesAny { get; }

    /// <summary>Whether anything may be taken back.</summary>
    public bool ReversesAny { get; }

    /// <summary>Whether all accounts may be listed.</summary>
    public bool ListsAll { get; }

    /// <summary>Whether all accounts may be read.</summary>
    public bool ReadsAll { get; }

    /// <summary>Whether something is allowed to one account.</summary>
    /// <param name="right">One right of <see cref="AccessGrant.OfAccounts"/>.</param>
    /// <param name="account">The account.</param>
    public bool Allows(AccessRights right, AccountAddress account)
    {
        foreach (var grant in grants)
        {
            if (grant.Allows(right, account))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Whether an account of an asset may be opened.</summary>
    /// <param name="account">The account.</param>
    /// <param name="asset">Its asset.</param>
    public bool AllowsOpening(AccountAddress account, Asset asset)
    {
        foreach (var grant in grants)
        {
            if (grant.AllowsOpening(account, asset))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Whether a movement is allowed.</summary>
    /// <param name="right">One right of <see cref="AccessGrant.OfBothSides"/>.</param>
    /// <param name="debit">The account that is debited.</param>
    /// <param name="credit">The account that is credited.</param>
    /// <param name="asset">The asset; none where the caller leaves it to the accounts, which only grants for all assets
    /// allow.</param>
    /// <param name="amount">The amount, or the most that it can be.</param>
    public bool Allows(
        AccessRights right, AccountAddress debit, AccountAddress credit, Asset asset, Amount amount)
    {
        foreach (var grant in grants)
        {
            if (grant.Allows(right, debit, credit, asset, amount))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Whether a hold may be posted, voided or extended.</summary>
    /// <param name="debit">The account that the hold debits.</param>
    /// <param name="asset">Its asset.</param>
    /// <param name="amount">The amount that is posted; zero otherwise.</param>
    public bool AllowsResolving(AccountAddress debit, Asset asset, Amount amount)
    {
        foreach (var grant in grants)
        {
            if (grant.AllowsResolving(debit, asset, amount))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Whether some hold that debits an account may be resolved.</summary>
    /// <param name="debit">The account.</param>
    public bool AllowsResolvingSome(AccountAddress debit)
    {
        foreach (var grant in grants)
        {
            if (grant.AllowsResolvingSome(debit))
            {
                return true;
            }
        }

        return false;
    }
}
