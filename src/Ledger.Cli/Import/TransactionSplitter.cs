using System.Numerics;

namespace Ledger.Cli.Import;

/// <summary>Splits a transaction of many postings into movements between two accounts.</summary>
internal static class TransactionSplitter
{
    /// <summary>Splits one transaction, per asset, by matching debits with credits in the order of the file.</summary>
    /// <remarks>Each account ends with the sum of its postings. An account is never matched with itself while another
    /// credit is open; what then remains, a debit and a credit of the same account, cancels out: no transfer can show
    /// it, and it is reported. A posting of zero moves nothing.</remarks>
    /// <param name="transaction">A transaction that balances.</param>
    /// <param name="netted">Takes what cancelled out.</param>
    public static IReadOnlyList<Move> Split(PostingTransaction transaction, ICollection<NettedPosting> netted)
    {
        var moves = new List<Move>();
        foreach (var asset in transaction.Postings.GroupBy(posting => posting.Asset, StringComparer.Ordinal))
        {
            var credits = asset.Where(p => p.Amount.Sign < 0).Select(p => new Open(p.Account, -p.Amount)).ToList();
            var first = 0;
            foreach (var debit in asset.Where(p => p.Amount.Sign > 0))
            {
                var left = debit.Amount;
                while (!left.IsZero)
                {
                    while (credits[first].Left.IsZero)
                    {
                        first++;
                    }

                    var credit = Other(credits, first, debit.Account);
                    var amount = BigInteger.Min(left, (credit ?? credits[first]).Left);
                    if (credit is not null)
                    {
                        moves.Add(new Move(debit.Line, debit.Account, credit.Account, asset.Key, amount));
                    }
                    else
                    {
                        credit = credits[first];
                        netted.Add(new NettedPosting(debit.Line, debit.Account, amount));
                    }

                    credit.Left -= amount;
                    left -= amount;
                }
            }
        }

        return moves;
    }

    private static Open? Other(List<Open> credits, int first, string account)
    {
        for (var i = first; i < credits.Count; i++)
        {
            if (!credits[i].Left.IsZero && !string.Equals(credits[i].Account, account, StringComparison.Ordinal))
            {
                return credits[i];
            }
        }

        return null;
    }

    private sealed class Open(string account, BigInteger left)
    {
        public string Account { get; } = account;

        public BigInteger Left { get; set; } = left;
    }
}
