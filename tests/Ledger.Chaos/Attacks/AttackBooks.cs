using System.Diagnostics;
using System.Globalization;
using System.Numerics;
using Grpc.Core;
using Ledger.Client;

namespace Ledger.Chaos.Attacks;

/// <summary>Reads the accounts that attacks and bystanders have used: debits are credits, and a bystander has what it
/// was told.</summary>
internal static class AttackBooks
{
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(3);

    /// <summary>Reads them.</summary>
    /// <param name="client">May read all of them.</param>
    /// <param name="moved">Of how many transfers of 1 the bystanders were told.</param>
    /// <param name="output">Gets the sums.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>What does not agree.</returns>
    public static async Task<IReadOnlyList<string>> CheckAsync(
        LedgerClient client, int moved, TextWriter output, CancellationToken cancellationToken)
    {
        await ReachAsync(client, cancellationToken);
        var (posted, pending, bystander, accounts) = (BigInteger.Zero, BigInteger.Zero, BigInteger.Zero, 0);
        await foreach (var account in client.ListAccountsAsync(cancellationToken: cancellationToken))
        {
            if (!account.Spec.Address.StartsWith(AttackAccounts.Prefix, StringComparison.Ordinal))
            {
                continue;
            }

            accounts++;
            posted += (BigInteger)account.Balances.DebitsPosted - account.Balances.CreditsPosted;
            pending += (BigInteger)account.Balances.DebitsPending - account.Balances.CreditsPending;
            bystander += account.Spec.Address.StartsWith(Bystander.Prefix, StringComparison.Ordinal)
                ? account.Balances.CreditsPosted
                : 0;
        }

        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"books: {accounts} accounts, debits less credits {posted}, on hold {pending}; the bystander was told of "
                + $"{moved} transfers and has {bystander}"));
        var wrong = new List<string>();
        if (!posted.IsZero || !pending.IsZero)
        {
            wrong.Add("books: debits are not credits");
        }

        if (bystander < moved)
        {
            wrong.Add("books: transfers that were acknowledged are missing");
        }

        return wrong;
    }

    /// <summary>Waits until the node serves a client that has the attacker's address, whose places it gives back only
    /// some time after an attack.</summary>
    public static async Task ReachAsync(LedgerClient client, CancellationToken cancellationToken)
    {
        var began = Stopwatch.GetTimestamp();
        while (true)
        {
            try
            {
                await client.GetAccountAsync(AttackAccounts.Own, cancellationToken: cancellationToken);
                return;
            }
            catch (LedgerClientException failure)
                when (failure.Code == StatusCode.Unavailable && Stopwatch.GetElapsedTime(began) < s_patience)
            {
                await Task.Delay(TimeSpan.FromSeconds(1), cancellationToken);
            }
        }
    }
}
