using System.Text.RegularExpressions;

namespace Ledger.Access.Tests;

/// <summary>What a policy means, once more and in another way: by regular expressions over texts, right by
/// right.</summary>
internal sealed class PolicyModel(IReadOnlyList<PolicyModel.Grant> grants)
{
    public bool Allows(Transfer transfer, Transfer? hold)
    {
        if (transfer.ResolvesHold)
        {
            var isVoid = transfer.ReleasesHold;
            var amount = isVoid ? 0 : UInt128.Min(transfer.Amount.Value, hold?.Amount.Value ?? 0);
            return hold is not null
                && grants.Any(grant => grant.Do.Contains("resolve") && Fits(grant, hold.Asset, amount)
                && Means(grant.Debit, hold.DebitAccount));
        }

        var needed = new List<string>();
        var isHold = transfer.Kind == TransferKind.Hold;
        needed.AddRange(isHold ? ["hold"] : []);
        needed.AddRange(transfer.Reverses != default ? ["reverse"] : isHold ? [] : ["transfer"]);
        needed.AddRange(
            (transfer.ClosingDebit || transfer.ClosingCredit)
            ? ["close-by-transfer"]
            : []);
        return needed.TrueForAll(
            right => grants.Any(grant => grant.Do.Contains(right) && Fits(grant, transfer.Asset, transfer.Amount.Value)
                && Means(grant.Debit, transfer.DebitAccount) && Means(grant.Credit, transfer.CreditAccount)))
            && (!transfer.OpenAccounts
                || (AllowsOpening(transfer.DebitAccount, transfer.Asset)
                    && AllowsOpening(transfer.CreditAccount, transfer.Asset)));
    }

    public bool AllowsOpening(AccountAddress account, Asset asset) => grants.Any(grant =>
        grant.Do.Contains("open") && Means(grant.Accounts, account)
        && (grant.Assets is null || grant.Assets.Contains(asset.Text)));

    public bool Allows(string right, AccountAddress account) =>
        grants.Any(grant => grant.Do.Contains(right) && Means(grant.Accounts, account));

    private static bool Fits(Grant grant, Asset asset, UInt128 amount) =>
        (grant.Assets is null || grant.Assets.Contains(asset.Text))
        && (grant.AmountMax is not { } most || amount <= most);

    private static bool Means(IEnumerable<string> patterns, AccountAddress account) =>
        patterns.Any(pattern => Regex.IsMatch(
        account.Text,
        "\\A"
        + string.Join(
            ':', pattern.Split(':').Select(static one => one is "*" ? "[^:]+" : one is "**" ? ".+" : Regex.Escape(one)))
            + "\\z"));

    public sealed record Grant(
        string[] Do, string[] Accounts, string[] Debit, string[] Credit, string[]? Assets, UInt128? AmountMax);
}
