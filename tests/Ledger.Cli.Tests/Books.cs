using System.Numerics;
using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Ledger.Cli.Import;

namespace Ledger.Cli.Tests;

/// <summary>A generated posting file whose transactions balance.</summary>
public sealed record Book(string Text)
{
    internal PostingFile Read()
    {
        var file = PostingFileReader.Read("book.csv", Encoding.UTF8.GetBytes(Text), out var errors);
        errors.ShouldBeEmpty();
        return file!;
    }
}

/// <summary>Generates books: few accounts, so that they meet on both sides; small and huge amounts; zero
/// postings.</summary>
public static class Books
{
    private static readonly Gen<BigInteger> Amount = Gen.Frequency(
        (6, Gen.Choose(-20, 20).Select(n => (BigInteger)n)),
        (1, Gen.Choose(1, 9).Select(n => (BigInteger)UInt128.MaxValue / n)),
        (1, Gen.Constant(BigInteger.Zero)));

    public static Arbitrary<Book> Book() =>
        (from transactions in Transaction().ListOf()
         select new Book(Text(transactions))).ToArbitrary();

    private static Gen<(string Description, List<(int Account, int Asset, BigInteger Amount)> Postings)>
        Transaction() =>
        from description in Gen.Elements("rent", "a \"quoted\", one", "", new string('d', 200), "Zoë")
        from postings in (
            from account in Gen.Choose(0, 4)
            from asset in Gen.Choose(0, 1)
            from amount in Amount
            select (account, asset, amount)).NonEmptyListOf()
        select (description, postings.ToList());

    private static string Text(
        IEnumerable<(string Description, List<(int Account, int Asset, BigInteger Amount)> Postings)> transactions)
    {
        var text = new StringBuilder("transaction,date,description,account,asset,amount\n");
        var number = 0;
        foreach (var (description, postings) in transactions)
        {
            number++;
            foreach (var asset in postings.Select(p => p.Asset).Distinct().ToList())
            {
                // What is missing to zero goes, in pieces that fit, to an account that may have postings already.
                var rest = -postings.Where(p => p.Asset == asset)
                    .Aggregate(BigInteger.Zero, (sum, p) => sum + p.Amount);
                while (!rest.IsZero)
                {
                    var piece = BigInteger.Max(BigInteger.Min(rest, Syntax.AmountMax), -Syntax.AmountMax);
                    postings.Add((number % 5, asset, piece));
                    rest -= piece;
                }
            }

            foreach (var (account, asset, amount) in postings)
            {
                var quoted = description.Replace("\"", "\"\"");
                text.Append($"{number},2025-01-31,\"{quoted}\",acc:{account}:{asset},A{asset}/2,{amount}\n");
            }
        }

        return text.ToString();
    }
}
