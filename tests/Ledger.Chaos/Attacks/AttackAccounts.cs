using Ledger.Client;

namespace Ledger.Chaos.Attacks;

/// <summary>The accounts that attacks are about. Nobody else uses them.</summary>
internal static class AttackAccounts
{
    /// <summary>What all of their addresses begin with.</summary>
    public const string Prefix = "attack:";

    /// <summary>Has many entries.</summary>
    public const string Deep = Prefix + "deep";

    /// <summary>The other side of the deep one.</summary>
    public const string Shallow = Prefix + "shallow";

    /// <summary>The attacker's own.</summary>
    public const string Own = Prefix + "own";

    /// <summary>Somebody's whom the attacker has never met.</summary>
    public const string Victim = Prefix + "victim";

    public const string Asset = "USD/2";

    private const int Batch = 4_000;

    /// <summary>Opens them, and fills them as far as the attacks need it.</summary>
    public static async Task PrepareAsync(
        LedgerClient client, IEnumerable<AttackKind> kinds, int depth, int accounts,
        CancellationToken cancellationToken)
    {
        await client.OpenAccountsAsync(
            [.. new[] { Deep, Shallow, Own, Victim }.Select(Spec)], cancellationToken: cancellationToken);
        var needed = kinds.ToList();
        for (var made = 0; made < depth && needed.Exists(static one => one.NeedsDepth); made += Batch)
        {
            await client.PostTransfersAsync(
                [.. Enumerable.Range(0, Math.Min(Batch, depth - made)).Select(static _ => new Client.Transfer
                {
                    Id = Guid.CreateVersion7(),
                    DebitAccount = Shallow, CreditAccount = Deep, Amount = 1, Asset = Asset,
                    Code = 1,
                })],
                cancellationToken: cancellationToken);
        }

        for (var made = 0; made < accounts && needed.Exists(static one => one.NeedsAccounts); made += Batch)
        {
            await client.OpenAccountsAsync(
                [.. Enumerable.Range(made, Math.Min(Batch, accounts - made)).Select(static i => Spec(
                    FormattableString.Invariant($"{Prefix}listed:{i}")))],
                cancellationToken: cancellationToken);
        }
    }

    private static Client.AccountSpec Spec(string address) => new() { Address = address, Asset = Asset, Code = 1 };
}
