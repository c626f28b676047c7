using System.Numerics;
using Ledger.Client;

namespace Ledger.Fuzz.Judging;

/// <summary>Reads all accounts and all statements over the API when all is quiet: for each asset debits are credits,
/// and each statement, added up, is its account's balance.</summary>
internal sealed class Books
{
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(90);

    /// <summary>How many accounts there were.</summary>
    public int Accounts { get; private set; }

    /// <summary>How many entries their statements had.</summary>
    public long Entries { get; private set; }

    /// <summary>Reads them.</summary>
    /// <returns>What does not agree.</returns>
    public async Task<IReadOnlyList<Finding>> CheckAsync(
        LedgerClient client, TimeProvider clock, CancellationToken cancellationToken)
    {
        // A hold that expires meanwhile is on one side of a list and not on the other, and what a killed node left in
        // doubt is decided soon: what is wrong stays wrong.
        var end = clock.GetUtcNow() + s_patience;
        while (true)
        {
            var (accounts, differences) = await ReadAsync(client, cancellationToken);
            if (differences.Count == 0)
            {
                Accounts = accounts.Count;
                return await CheckStatementsAsync(client, accounts, cancellationToken);
            }

            if (clock.GetUtcNow() > end)
            {
                return [
                    .. differences.Select(static difference => new Finding("books: " + difference, difference, null))];
            }

            await Task.Delay(s_pause, cancellationToken);
        }
    }

    /// <summary>The sums that differ, for each asset.</summary>
    public static List<string> Differences(IEnumerable<Client.Account> accounts)
    {
        var differences = new List<string>();
        foreach (var asset in accounts.GroupBy(static account => account.Spec.Asset))
        {
            var posted = asset.Aggregate(
                BigInteger.Zero, static (sum, one) => sum + one.Balances.DebitsPosted - one.Balances.CreditsPosted);
            var pending = asset.Aggregate(
                BigInteger.Zero, static (sum, one) => sum + one.Balances.DebitsPending - one.Balances.CreditsPending);
            if (!posted.IsZero || !pending.IsZero)
            {
                differences.Add($"of {asset.Key} debits are {posted} more than credits, and {pending} on hold");
            }

            if (asset.FirstOrDefault(static one => one.Doubt is not null) is { } doubtful)
            {
                differences.Add($"{doubtful.Spec.Address} is in doubt");
            }
        }

        return differences;
    }

    private static async Task<(List<Client.Account> Accounts, List<string> Differences)> ReadAsync(
        LedgerClient client, CancellationToken cancellationToken)
    {
        var accounts = new List<Client.Account>();
        await foreach (var account in client.ListAccountsAsync(cancellationToken: cancellationToken))
        {
            accounts.Add(account);
        }

        return (accounts, Differences(accounts));
    }

    private async Task<IReadOnlyList<Finding>> CheckStatementsAsync(
        LedgerClient client, List<Client.Account> accounts, CancellationToken cancellationToken)
    {
        var findings = new List<Finding>();
        foreach (var account in accounts.Where(static one => one.EntryCount > 0))
        {
            var (debits, credits, sequence, running) = (BigInteger.Zero, BigInteger.Zero, 0UL, BigInteger.Zero);
            await foreach (
                var entry in client.ListStatementAsync(account.Spec.Address, cancellationToken: cancellationToken))
            {
                var amount = (BigInteger)entry.Transfer.Amount;
                var isDebit = entry.Direction == Client.EntryDirection.Debit;
                (debits, credits) = isDebit ? (debits + amount, credits) : (debits, credits + amount);
                running = entry.Balance;
                if (entry.Sequence != ++sequence || running != debits - credits)
                {
                    findings.Add(new Finding(
                        "books: a statement does not add up",
                        $"Entry {entry.Sequence} of {account.Spec.Address} says {running}; the entries to it make "
                            + $"{debits - credits}.", null));
                    break;
                }

                Entries++;
            }

            if (findings.Count == 0
                && (debits != account.Balances.DebitsPosted || credits != account.Balances.CreditsPosted))
            {
                findings.Add(new Finding(
                    "books: a statement is not the balance",
                    $"The entries of {account.Spec.Address} make debits of {debits} and credits of {credits}; the "
                    + $"account says {account.Balances.DebitsPosted} and {account.Balances.CreditsPosted}.", null));
            }
        }

        return findings;
    }
}
