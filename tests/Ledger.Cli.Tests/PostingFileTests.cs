using System.Text;
using Ledger.Cli.Import;

namespace Ledger.Cli.Tests;

/// <summary>Every mistake in a posting file is found, with its line.</summary>
public sealed class PostingFileTests
{
    private const string Header = "transaction,date,description,account,asset,amount\n";
    private const string Pairs = "transaction,date,description,account,amount-and-asset\n";
    private const string Transfers = "date,description,debit,credit,asset,amount\n";

    [Theory]
    [InlineData("", 1, "empty")]
    [InlineData("date,transaction\n", 1, "the column 'account' is missing")]
    [InlineData("date,description,account,asset,amount\n", 1, "'transaction' is missing; --key names another")]
    [InlineData(
        "transaction,date,description,acount,asset,amount\n", 1,
        "column 4: 'acount' is not a column of a posting file; is 'account' meant?")]
    [InlineData(
        "transaction,date,description,account,asset,Amount\n", 1,
        "'Amount' is not a column of a posting file; is 'amount' meant?")]
    [InlineData(
        "transaction,date,description,account,asset,amount,note\n", 1,
        "column 7: 'note' is not a column of a posting file. Known")]
    [InlineData(
        "transaction,date,description,account,asset,amount,amount\n", 1, "'amount' stands twice, as column 6 and 7")]
    [InlineData("transaction,date,description,account,asset,amount,\n", 1, "column 7: ''")]
    [InlineData("date,description,debit,credit,account,asset,amount\n", 1, "and not both")]
    [InlineData(
        "transaction,date,description,account,amount,amount-and-asset\n", 1, "'amount-and-asset', or the columns")]
    [InlineData(Pairs + "1,2025-01-31,x,a,12\n", 2, "column 'amount-and-asset': '' is not an asset")]
    [InlineData(Pairs + "1,2025-01-31,x,a,x  USD/2\n", 2, "column 'amount-and-asset': 'x' is not an amount")]
    [InlineData("date,description,debit,asset,amount\n", 1, "the column 'credit' is missing")]
    [InlineData("transaction;date;description;account;asset;amount\n", 1, "give --separator")]
    [InlineData(Header + "1,2025-01-31,x,a,USD/2,1\n1,2025-01-31,x,b,USD/2,-2\n", 2, "add up to -1")]
    [InlineData(Header + "1,2025-01-31,x,a,USD/2,1\n1,2025-01-31,x,b,EUR/2,-1\n", 2, "USD/2 postings add up to 1")]
    [InlineData(Header + "1,2025-01-31,x,a,USD/2\n", 2, "6 fields are needed, here are 5")]
    [InlineData(Header + "1,2025-01-31,x,a,USD/2,0,\n", 2, "6 fields are needed, here are 7")]
    [InlineData(Header + "1,2025-01-31,x,a,USD/2,0\n\n1,2025-01-31,x,b,USD/2,0\n", 3, "the line is empty")]
    [InlineData(Header + "1,2025-02-30,x,a,USD/2,0\n", 2, "2025-02-30")]
    [InlineData(Header + "1,2025-01-31,x,a b,USD/2,0\n", 2, "'a b'")]
    [InlineData(Header + "1,2025-01-31,x,a,usd,0\n", 2, "'usd'")]
    [InlineData(Header + "1,2025-01-31,x,a,USD/2,1.00\n", 2, "'1.00'")]
    [InlineData(Header + "1,2025-01-31,x,a,USD/2,+1\n", 2, "'+1'")]
    [InlineData(Header + "1,2025-01-31,x,a,USD/2,-0\n", 2, "'-0'")]
    [InlineData(
        Header + "1,2025-01-31,x,a,USD/2,340282366920938463463374607431768211456\n", 2, "column 'amount': '3402")]
    [InlineData(Header + "1,2025-01-31,x,a,USD/2,1.00\n", 2, "where amounts have decimals, give --decimal")]
    [InlineData(Header + "1,2025-01-31,x,a,USD/2,\n", 2, "column 'amount': ''")]
    [InlineData(Header + "1,2025-01-31,x\u001b[2J,a,USD/2,0\n", 2, "'x\\u001b[2J' has a control character in it")]
    [InlineData(Header + "1,2025-01-31,x,a\0,USD/2,0\n", 2, "has a control character in it")]
    [InlineData(Header + "1,2025-01-31,x,Büro,USD/2,0\n", 2, "column 'account': 'Büro' is not an account address")]
    [InlineData(Header + "1,31.01.2025,x,a,USD/2,0\n", 2, "column 'date': '31.01.2025' is not a date")]
    [InlineData(
        Transfers + "2025-01-31,x,a,b,USD/2,-1\n", 2,
        "column 'amount': an amount between two accounts is not negative")]
    [InlineData(
        "transaction," + Transfers + "1,2025-01-31,x,a,b,USD/2,1\n1,2025-01-31,x,a,b,USD/2,1\n", 3,
        "column 'transaction': '1' is on line 2 already")]
    [InlineData(
        "attempt," + Transfers + "x,2025-01-31,x,a,b,USD/2,1\n", 2, "column 'attempt': 'x' is not a whole number")]
    [InlineData("code," + Transfers + "0,2025-01-31,x,a,b,USD/2,1\n", 2, "column 'code': '0' is not a whole number")]
    [InlineData(Header + ",2025-01-31,x,a,USD/2,0\n", 2, "transaction must have")]
    [InlineData(
        Header + "1,2025-01-31,x,a,USD/2,0\n2,2025-01-31,x,b,USD/2,0\n1,2025-01-31,y,a,USD/2,0\n", 4,
        "another description on line 2")]
    [InlineData(Header + "1,2025-01-31,x,a,USD/2,0\n1,2025-02-01,x,b,USD/2,0\n", 3, "another date on line 2")]
    [InlineData(Header + "1,2025-01-31,x,a,USD/2,0\n2,2025-01-31,x,a,EUR/2,0\n", 3, "holds USD/2 on line 2")]
    [InlineData(Header + "1,2025-01-31,\"x\"y,a,USD/2,0\n", 2, "closing quote")]
    [InlineData(Header + "1,2025-01-31,x\"y,a,USD/2,0\n", 2, "a quote stands inside")]
    [InlineData(Header + "1,2025-01-31,x,a,USD/2,0\n2,2025-01-31,\"x,b,USD/2,0\n", 3, "never closed")]
    [InlineData(Header + "1,2025-01-31,\"two\nlines\",a,USD/2,0\n1,2025-01-31,\"two\nlines\",b,USD/2,x\n", 4, "'x'")]
    public void A_mistake_is_found_on_its_line(string text, int line, string says)
    {
        var file = PostingFileReader.Read("f.csv", Encoding.UTF8.GetBytes(text), out var errors);

        file.ShouldBeNull();
        errors.Select(e => e.ToString()).ShouldContain(
            e =>
                e.StartsWith($"f.csv:{line}: ", StringComparison.Ordinal)
                && e.Contains(says), string.Join('\n', errors));
    }

    [Fact]
    public void All_mistakes_are_found_at_once()
    {
        var text = Header + "1,2025-01-31,x,a b,usd,y\n1,2025-01-31,x,b,USD/2\n2,1.2.2025,x,c,USD/2,1\n";

        PostingFileReader.Read("f.csv", Encoding.UTF8.GetBytes(text), out var errors);

        errors.Select(e => e.Line).ShouldBe([2, 2, 3, 4]);
    }

    [Fact]
    public void A_file_that_is_not_utf8_is_refused_with_its_line()
    {
        byte[] bytes = [.. Encoding.UTF8.GetBytes(Header), 0x31, 0xFF, 0x0A];

        PostingFileReader.Read("f.csv", bytes, out var errors);

        errors.Single().ToString().ShouldBe("f.csv:2: the file is not UTF-8.");
    }

    [Fact]
    public void A_file_in_utf16_is_named()
    {
        PostingFileReader.Read(
            "f.csv", [.. Encoding.Unicode.GetPreamble(), .. Encoding.Unicode.GetBytes(Header)], out var errors);

        errors.Single().Message.ShouldBe("the file is in UTF-16 or UTF-32; save it as UTF-8.");
    }

    [Fact]
    public void A_line_for_each_transfer_is_known_by_its_place()
    {
        var file = Read(
            Transfers + "2025-01-31,x,a,b,USD/2,5\n2025-02-01,\"y\nz\",b,c,USD/2,0\n\n\n", PostingFormat.Default);

        file.Transactions.Select(t => (t.Key, t.Line, t.Description)).ShouldBe([("1", 2L, "x"), ("2", 3L, "y\nz")]);
        file.Transactions[0].Postings.Select(p => (p.Account, (int)p.Amount)).ShouldBe([("a", 5), ("b", -5)]);
    }

    [Fact]
    public void Amount_and_asset_may_stand_in_one_column() =>
        Read(Pairs + "1,2025-01-31,x,a,5  USD/2\n1,2025-01-31,x,b,-5 USD/2\n", PostingFormat.Default)
            .Transactions.Single().Postings.Select(p => (p.Asset, (int)p.Amount))
            .ShouldBe([("USD/2", 5), ("USD/2", -5)]);

    [Theory]
    [InlineData('.', "12.50", "USD/2", "1250")]
    [InlineData('.', "-12.5", "USD/2", "-1250")]
    [InlineData(',', "12,5", "USD/2", "1250")]
    [InlineData('.', "12", "USD/2", "1200")]
    [InlineData('.', "007", "JPY/0", "7")]
    [InlineData('.', "-0.00", "USD/2", "0")]
    [InlineData('.', "0.12345678", "BTC/8", "12345678")]
    [InlineData('.', "3402823669209384634633746074317682114.55", "USD/2", "340282366920938463463374607431768211455")]
    [InlineData('.', "-3.40282366920938463463374607431768211455", "X/38", "-340282366920938463463374607431768211455")]
    public void Amounts_in_units_are_exact(char mark, string text, string asset, string minor)
    {
        AmountText.Read(text, asset, mark, out var amount).ShouldBeNull();
        amount.ToString(System.Globalization.CultureInfo.InvariantCulture).ShouldBe(minor);
    }

    [Theory]
    [InlineData('.', "1.005", "USD/2", "'1.005' has 3 decimals; USD/2 has 2.")]
    [InlineData(',', "1.000", "USD/2", "decimal mark ','")]
    [InlineData('.', "1.000", "USD/2", "has 3 decimals")]
    [InlineData('.', "1,000.00", "USD/2", "digits are not grouped")]
    [InlineData('.', "1.", "USD/2", "decimal mark")]
    [InlineData('.', ".5", "USD/2", "decimal mark")]
    [InlineData('.', "+1", "USD/2", "decimal mark")]
    [InlineData('.', "1e3", "USD/2", "decimal mark")]
    [InlineData('.', "--1", "USD/2", "decimal mark")]
    [InlineData('.', "", "USD/2", "decimal mark")]
    [InlineData('.', "\u0661", "USD/2", "decimal mark")]
    [InlineData('.', "3402823669209384634633746074317682114.56", "USD/2", "more than an amount of USD/2 can be")]
    public void Amounts_that_do_not_fit_are_refused(char mark, string text, string asset, string says) =>
        AmountText.Read(text, asset, mark, out _).ShouldNotBeNull().ShouldContain(says);

    [Fact]
    public void Another_form_is_read_as_it_is_said_to_be()
    {
        var map = Map("column,Nr,transaction\ncolumn,Datum,date\ncolumn,Text,description\ncolumn,Konto,account\n"
            + "column,Währung,asset\ncolumn,Betrag,amount\ncolumn,Notiz,\ncolumn,Art,code\n"
            + "account,*,{*}:{asset}\naccount,Büro:*,office:{*}\naccount,Büro:Miete & Co,rent\nasset,€,EUR/2\n"
            + "code,Miete,7\nbalancing,*,odds:{asset}\n");

        var file = Read(
            "Nr;Datum;Text;Konto;Währung;Betrag;Notiz;Art\n"
            + "a;31.01.2025;x;Büro:Miete & "
            + "Co;€;1,50;n;Miete\na;31.01.2025;x;Büro:Strom;€;-0,5;;Miete\na;31.01.2025;x;bank;€;-0,75;;Miete\n",
            PostingFormat.Default with { Separator = ';', DecimalMark = ',', DateFormat = "dd.MM.yyyy", Map = map });

        file.Transactions.Single().Postings.Select(p => (p.Account, p.Asset, (int)p.Amount)).ShouldBe(
        [
            ("rent", "EUR/2", 150), ("office:Strom", "EUR/2", -50), ("bank:EUR", "EUR/2", -75),
            ("odds:EUR", "EUR/2", -25),
        ]);
        file.Transactions.Single().Date.ShouldBe("2025-01-31");
        file.Transactions.Single().Code.ShouldBe(7u);
        file.BalancingCount.ShouldBe(1);
        map.Unused.ShouldBeEmpty();
    }

    [Fact]
    public void The_case_of_names_of_others_goes_through_with_a_mapping()
    {
        var text = "transaction,date,description,account,asset,amount\n"
            + "7,2024-01-31,x,Assets:Bank account,EUR/2,1\n7,2024-01-31,x,Expenses:Food & Drink,EUR/2,-1\n"
            + "8,2024-01-31,x,user@example.com,EUR/2,1\n8,2024-01-31,x,Einnahmen:Büro,EUR/2,-1\n"
            + "9,2024-01-31,x,acme.co/fees,EUR/2,1\n9,2024-01-31,x,imp:income,EUR/2,-1\n";
        PostingFileReader.Read("f.csv", Encoding.UTF8.GetBytes(text), out var errors).ShouldBeNull();
        errors.Select(e => e.Line).ShouldBe([2, 3, 4, 5, 6]);
        errors[0].Message
            .ShouldContain("a line 'account,Assets:Bank account,ADDRESS' of --map says where it is booked");

        var map = Map("account,Assets:Bank account,assets:bank\naccount,Expenses:Food & Drink,food\n"
            + "account,user@example.com,users:1\naccount,Einnahmen:Büro,office\naccount,acme.co/fees,fees\n"
            + "account,typo,x\n");
        Read(text, PostingFormat.Default with { Map = map }).Transactions.Count.ShouldBe(3);
        map.Unused.ShouldBe([(7L, "account", "typo")]);
    }

    [Theory]
    [InlineData("kind,from\n", 1, "header")]
    [InlineData("kind,from,to\nacount,a,b\n", 2, "'acount' is not one of column, account")]
    [InlineData("kind,from,to\naccount,a,b\naccount,a,c\n", 3, "account 'a' is on line 2 already")]
    [InlineData("kind,from,to\naccount,a,\n", 2, "column 'to' is empty")]
    [InlineData("kind,from,to\naccount,,a\n", 2, "column 'from' is empty")]
    [InlineData("kind,from,to\naccount,a\n", 2, "3 fields are needed")]
    public void A_mistake_in_a_mapping_is_found_on_its_line(string text, int line, string says)
    {
        NameMap.Read("m.csv", Encoding.UTF8.GetBytes(text), out var errors).ShouldBeNull();
        errors.Single().ToString().ShouldStartWith($"m.csv:{line}: ");
        errors.Single().Message.ShouldContain(says);
    }

    private static NameMap Map(string lines) =>
        NameMap.Read("m.csv", Encoding.UTF8.GetBytes("kind,from,to\n" + lines), out _).ShouldNotBeNull();

    private static PostingFile Read(string text, PostingFormat format)
    {
        var file = PostingFileReader.Read("f.csv", Encoding.UTF8.GetBytes(text), out var errors, format);
        errors.ShouldBeEmpty();
        return file.ShouldNotBeNull();
    }

    [Theory]
    [InlineData("\n")]
    [InlineData("\r\n")]
    [InlineData("\r")]
    public void Quotes_line_ends_and_a_byte_order_mark_are_understood(string lineEnd)
    {
        var text = "\uFEFF"
            + (Header + "1,2025-01-31,\"a \"\"b\"\", c\",x,USD/2,-7\n1,2025-01-31,\"a \"\"b\"\", c\",y,USD/2,7")
            .ReplaceLineEndings(lineEnd);

        var file = PostingFileReader.Read("f.csv", Encoding.UTF8.GetBytes(text), out var errors);

        errors.ShouldBeEmpty();
        file!.Transactions.Single().Description.ShouldBe("a \"b\", c");
        file.Transactions.Single().Postings.Select(p => (p.Line, (int)p.Amount)).ShouldBe([(2L, -7), (3L, 7)]);
    }
}
