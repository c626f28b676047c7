using System.Numerics;
using System.Text;
using FsCheck.Xunit;
using Ledger.Cli.Import;

namespace Ledger.Cli.Tests;

/// <summary>What an import would send, as a pure function of the file.</summary>
[Properties(Arbitrary = [typeof(Books)], MaxTest = 300)]
public sealed class ImportPlanTests
{
    [Property]
    public void Every_account_ends_with_the_sum_of_its_postings(Book book)
    {
        var file = book.Read();

        Net(ImportPlan.Of(file, "n")).ShouldBe(Sums(file), ignoreOrder: true);
    }

    [Property]
    public void Each_transfer_can_be_posted(Book book)
    {
        var plan = ImportPlan.Of(book.Read(), "n");
        var assets = plan.Accounts.ToDictionary(a => a.Spec.Address, a => a.Spec.Asset);

        foreach (var (_, transfer) in plan.Transfers)
        {
            transfer.DebitAccount.ShouldNotBe(transfer.CreditAccount);
            transfer.Amount.ShouldBeGreaterThan(UInt128.Zero);
            transfer.Reference.Length.ShouldBeLessThanOrEqualTo(128);
            assets[transfer.DebitAccount].ShouldBe(transfer.Asset);
            assets[transfer.CreditAccount].ShouldBe(transfer.Asset);
        }
    }

    [Property]
    public void Every_account_is_opened_once_even_if_nothing_moves(Book book)
    {
        var file = book.Read();

        ImportPlan.Of(file, "n").Accounts.Select(a => a.Spec.Address).ShouldBe(
            file.Transactions.SelectMany(t => t.Postings).Select(p => p.Account).Distinct());
    }

    [Property]
    public void Ids_are_unique_within_a_file(Book book)
    {
        var ids = ImportPlan.Of(book.Read(), "n").Transfers.Select(t => t.Transfer.Id).ToList();

        ids.AddRange(ImportPlan.Of(book.Read(), "n").Transactions.SelectMany(t => new[] { t.Id, t.Entry.Id }));

        ids.Distinct().Count().ShouldBe(ids.Count);
        ids.ShouldAllBe(id => id.Version == 8 && (id.Variant & 0xC) == 0x8);
    }

    [Property]
    public void Planning_again_gives_the_same_plan(Book book) =>
        Shape(ImportPlan.Of(book.Read(), "n")).ShouldBe(Shape(ImportPlan.Of(book.Read(), "n")));

    [Property]
    public void Another_namespace_shares_no_id(Book book)
    {
        var file = book.Read();

        Ids(ImportPlan.Of(file, "n")).Intersect(Ids(ImportPlan.Of(file, "m"))).ShouldBeEmpty();
    }

    [Property]
    public void A_file_that_has_grown_keeps_its_old_transfers(Book book)
    {
        var grown = new Book(book.Text + "last,2025-02-01,more,acc:0:0,A0/2,5\nlast,2025-02-01,more,acc:1:0,A0/2,-5\n");

        var old = Shape(ImportPlan.Of(book.Read(), "n"));
        var all = Shape(ImportPlan.Of(grown.Read(), "n"));

        all.Take(old.Count).ShouldBe(old);
        all.Count.ShouldBe(old.Count + 1);
    }

    [Property]
    public void Each_transaction_of_the_file_is_one_of_the_plan(Book book)
    {
        var file = book.Read();
        var plan = ImportPlan.Of(file, "n");

        plan.Transactions.Select(t => t.Key).ShouldBe(file.Transactions.Select(t => t.Key));
        plan.Transfers.ShouldBe(plan.Transactions.SelectMany(t => t.Transfers));
        plan.Transactions.ShouldAllBe(t => t.ToTransaction().Legs[0].Transfer == t.Entry && t.Entry.Amount == 0);
    }

    [Property]
    public void Nothing_is_netted_where_no_account_stands_on_both_sides(Book book)
    {
        var file = book.Read();
        var apart = file.Transactions.All(t => !t.Postings.Where(p => p.Amount.Sign > 0).Select(p => p.Account)
            .Intersect(t.Postings.Where(p => p.Amount.Sign < 0).Select(p => p.Account)).Any());

        if (apart)
        {
            ImportPlan.Of(file, "n").Netted.ShouldBeEmpty();
        }
    }

    [Fact]
    public void A_split_matches_debits_with_credits_in_the_order_of_the_file()
    {
        var plan = ImportPlan.Of(
            new Book(
                """
                transaction,date,description,account,asset,amount
                7,2025-01-31,dinner,food,USD/2,70
                7,2025-01-31,dinner,tip,USD/2,10
                7,2025-01-31,dinner,cash,USD/2,-50
                7,2025-01-31,dinner,card,USD/2,-30

                """.ReplaceLineEndings("\n")).Read(),
            "n");

        plan.Transfers.Select(t => (t.Line, t.Transfer.DebitAccount, t.Transfer.CreditAccount, (int)t.Transfer.Amount))
            .ShouldBe([(2L, "food", "cash", 50), (2L, "food", "card", 20), (3L, "tip", "card", 10)]);
        plan.Transfers[0].Transfer.Reference.ShouldBe("dinner");
        plan.Transfers[0].Transfer.Metadata.ShouldBe(
            new Dictionary<string, string> { ["transaction"] = "7" });
        plan.Transfers[0].Transfer.EffectiveTime.ShouldBe(new DateTimeOffset(2025, 1, 31, 0, 0, 0, TimeSpan.Zero));
    }

    [Fact]
    public void Ids_are_promised_and_do_not_change_between_versions()
    {
        ImportIds.Of("books.csv", "1", 1).Of(0).ToString().ShouldBe("3fa79d96-da3e-8b70-82ac-e3d570410463");
        ImportIds.Of("books.csv", "1", 1).Of(1).ToString().ShouldBe("8dac21a6-43cd-8138-af5b-0eb2b9c39b3c");
        ImportIds.Of("books.csv", "1", 1).OfTransaction.ToString().ShouldBe("49a66cd5-eca8-8138-afc4-fb345fa4aa52");
        ImportIds.Of("books.csv", "1", 2).Of(0).ToString().ShouldBe("efe6ecd3-5de0-8121-ace6-36bd3e49ebab");
        ImportIds.OfKey("books.csv", "1").ToString().ShouldBe("231c86a9-cc8f-8888-a5bb-bf2a38bb89a2");
    }

    [Property]
    public void What_a_transaction_says_is_no_part_of_its_ids(Book book)
    {
        var edited = new Book(book.Text.Replace("2025-01-31,\"", "2024-12-31,\"x", StringComparison.Ordinal)
            .Replace(",acc:", ",other:", StringComparison.Ordinal));

        var (before, now) = (ImportPlan.Of(book.Read(), "n"), ImportPlan.Of(edited.Read(), "n"));

        now.Transactions.Select(t => t.Id).ShouldBe(before.Transactions.Select(t => t.Id));
        now.Transactions.Select(t => t.Entry).ShouldBe(before.Transactions.Select(t => t.Entry), new EntryComparer());
    }

    [Fact]
    public void The_register_has_accounts_of_its_own_for_each_namespace()
    {
        var one = new ImportRegister("Büro 2024.csv");
        var other = new ImportRegister("B_ro 2024.csv");

        one.Accounts.Select(a => a.Address).ShouldBe([one.Rows, one.Keys]);
        one.Accounts.ShouldAllBe(a => Syntax.IsAddress(a.Address) && Syntax.IsAsset(a.Asset));
        one.Accounts.ShouldAllBe(a => ImportRegister.Owns(a.Address, a.Asset));
        one.Rows.ShouldNotBe(other.Rows);
        ImportRegister.Owns("ledger-imports:x", "USD/2").ShouldBeFalse();
        ImportRegister.Owns("cash", "IMPORT/0").ShouldBeFalse();
    }

    private sealed class EntryComparer : IEqualityComparer<Ledger.Client.Transfer>
    {
        public bool Equals(Ledger.Client.Transfer? x, Ledger.Client.Transfer? y) =>
            x! with { Metadata = y!.Metadata } == y && x.Metadata.SequenceEqual(y.Metadata);

        public int GetHashCode(Ledger.Client.Transfer obj) => obj.Id.GetHashCode();
    }

    private static Dictionary<string, BigInteger> Net(ImportPlan plan)
    {
        var net = plan.Accounts.ToDictionary(a => a.Spec.Address, _ => BigInteger.Zero);
        foreach (var (_, transfer) in plan.Transfers)
        {
            net[transfer.DebitAccount] += transfer.Amount;
            net[transfer.CreditAccount] -= transfer.Amount;
        }

        return net;
    }

    private static Dictionary<string, BigInteger> Sums(PostingFile file) => file.Transactions
        .SelectMany(t => t.Postings)
        .GroupBy(p => p.Account)
        .ToDictionary(g => g.Key, g => g.Aggregate(BigInteger.Zero, (sum, p) => sum + p.Amount));

    private static List<Guid> Ids(ImportPlan plan) => [.. plan.Transfers.Select(t => t.Transfer.Id)];

    private static List<string> Shape(ImportPlan plan) => [.. plan.Transfers.Select(t =>
        $"{t.Line} {t.Transfer with { Metadata = new Dictionary<string, string>() }} "
        + string.Join(';', t.Transfer.Metadata.Select(m => $"{m.Key}={m.Value}")))];
}
