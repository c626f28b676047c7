using Ledger.Conformance.Grammar;

namespace Ledger.Conformance.Tests;

public class ParserTests
{
    [Fact]
    public void Account_AllColumns_AreReadInTheirOrder() =>
        Rows.Account("account A1 2 3 4 5 U6 U7 U8 9 L10 C11 LNK D<C C<D HIST IMP CLSD 12 13 created").ShouldBe(
            new AccountRow(1, "account A1 2 3 4 5 U6 U7 U8 9 L10 C11 LNK D<C C<D HIST IMP CLSD 12 13 created")
            {
                Id = 1,
                Counters = new Counters(2, 3, 4, 5),
                UserData128 = 6,
                UserData64 = 7,
                UserData32 = 8,
                Ledger = 10,
                Code = 11,
                Linked = true,
                DebitsMustNotExceedCredits = true,
                CreditsMustNotExceedDebits = true,
                History = true,
                Imported = true,
                Closed = true,
                Timestamp = 13,
                Status = "created",
            });

    [Fact]
    public void Account_Defaults_AreZeroAndNotSet() =>
        Rows.Account("account _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ exists").ShouldBe(
            new AccountRow(1, "account _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ exists") { Status = "exists" });

    [Fact]
    public void Transfer_AllColumns_AreReadInTheirOrder() =>
        Rows.Transfer(
            "transfer T1 A2 A3 4 T5 U6 U7 U8 9 L10 C11 LNK PEN POS VOI BDR BCR IMP CDR CCR P12 13 id_already_failed")
            .ShouldBe(
                new TransferRow(
                    1,
                    "transfer T1 A2 A3 4 T5 U6 U7 U8 9 L10 C11 LNK PEN POS VOI BDR BCR IMP CDR CCR P12 13 "
                        + "id_already_failed")
                {
                    Id = 1,
                    DebitAccount = 2,
                    CreditAccount = 3,
                    Amount = 4,
                    PendingId = 5,
                    UserData128 = 6,
                    UserData64 = 7,
                    UserData32 = 8,
                    TimeoutSeconds = 9,
                    Ledger = 10,
                    Code = 11,
                    Linked = true,
                    Pending = true,
                    PostPending = true,
                    VoidPending = true,
                    BalancingDebit = true,
                    BalancingCredit = true,
                    Imported = true,
                    ClosingDebit = true,
                    ClosingCredit = true,
                    Timestamp = 13,
                    Status = "id_already_failed",
                });

    [Fact]
    public void Transfer_NumberFromTheEnd_IsTheLargestOfItsColumnLessThat()
    {
        var row = Rows.Transfer("transfer -0 A-1 -2 -99 -3 U-0 U-1 U-2 -0 L-0 C-1 _ _ _ _ _ _ _ _ _ _ -1 created");
        row.Id.ShouldBe(UInt128.MaxValue);
        row.DebitAccount.ShouldBe(UInt128.MaxValue - 1);
        row.CreditAccount.ShouldBe(UInt128.MaxValue - 2);
        row.Amount.ShouldBe(UInt128.MaxValue - 99);
        row.PendingId.ShouldBe(UInt128.MaxValue - 3);
        row.UserData128.ShouldBe(UInt128.MaxValue);
        row.UserData64.ShouldBe(ulong.MaxValue - 1);
        row.UserData32.ShouldBe(uint.MaxValue - 2);
        row.TimeoutSeconds.ShouldBe(uint.MaxValue);
        row.Ledger.ShouldBe(uint.MaxValue);
        row.Code.ShouldBe((uint)ushort.MaxValue - 1);
        row.Timestamp.ShouldBe(ulong.MaxValue - 1);
    }

    [Fact]
    public void Number_LargestId_IsRead() =>
        Rows.Plain("A340282366920938463463374607431768211455").Id.ShouldBe(UInt128.MaxValue);

    [Fact]
    public void Lookups_EachForm_IsRead() =>
        Rows.Steps(
            "lookup_account A1 1 2 3 -0 CLSD", "lookup_account -0 _", "commit lookup_accounts",
            "lookup_transfer T1 exists true", "lookup_transfer T2 exists false", "lookup_transfer T3 amount -1",
            "lookup_transfer T4 timestamp 5", "commit lookup_transfers")
            .Cast<CommitStep>().SelectMany(static commit => commit.Rows).ShouldBe(
            [
                new LookupAccountRow(
                    1, "lookup_account A1 1 2 3 -0 CLSD", 1, new Counters(1, 2, 3, UInt128.MaxValue), true),
                new LookupAccountRow(2, "lookup_account -0 _", UInt128.MaxValue, null, false),
                new LookupTransferRow(4, "lookup_transfer T1 exists true", 1, TransferAspect.Exists, 1),
                new LookupTransferRow(5, "lookup_transfer T2 exists false", 2, TransferAspect.Exists, 0),
                new LookupTransferRow(
                    6, "lookup_transfer T3 amount -1", 3, TransferAspect.Amount, UInt128.MaxValue - 1),
                new LookupTransferRow(7, "lookup_transfer T4 timestamp 5", 4, TransferAspect.Timestamp, 5),
            ]);

    [Fact]
    public void Setup_And_Tick_AreSteps() =>
        Rows.Steps("setup A1 1 -2 3 4", "tick 2 seconds", "tick -3 seconds", "tick 10 nanoseconds").ShouldBe(
        [
            new SetupStep(1, "setup A1 1 -2 3 4", 1, new Counters(1, UInt128.MaxValue - 2, 3, 4)),
            new TickStep(2, "tick 2 seconds", false, 2_000_000_000),
            new TickStep(3, "tick -3 seconds", true, 3_000_000_000),
            new TickStep(4, "tick 10 nanoseconds", false, 10),
        ]);

    [Fact]
    public void Lines_CommentsBlanksAndForeignLineEnds_SayNothing()
    {
        var steps = Rows.Steps("// A table", "", "\t setup  A1 1 2 3 4 // why\r", "tick 1 seconds//");
        steps.Select(static step => step.Text).ShouldBe(["setup A1 1 2 3 4", "tick 1 seconds"]);
        steps.Select(static step => step.Line).ShouldBe([3, 4]);
    }

    [Fact]
    public void Commit_Empty_HasNoRows() =>
        ((CommitStep)Rows.Steps("commit create_transfers").ShouldHaveSingleItem()).Rows.ShouldBeEmpty();

    [Fact]
    public void Query_Rows_KeepTheirText()
    {
        var commit = (CommitStep)Rows.Steps(
            "get_account_transfers A1 _ _ _ _ _ _ 10 DR CR REV", "get_account_transfers_result T1",
            "commit get_account_transfers").ShouldHaveSingleItem();
        commit.Rows.ShouldBe(
        [
            new QueryRow(
                1, "get_account_transfers A1 _ _ _ _ _ _ 10 DR CR REV", Operation.GetAccountTransfers, IsResult: false),
            new QueryRow(2, "get_account_transfers_result T1", Operation.GetAccountTransfers, IsResult: true),
        ]);
    }

    [Theory]
    [InlineData("acount A1", "'acount'")]
    [InlineData("create_accounts_result A1", "'create_accounts_result'")]
    [InlineData("setup A1 1 2 3", "4 columns; it must have 5")]
    [InlineData("lookup_account A1 0 0 0", "4 columns; it must have 2 or 6")]
    [InlineData("lookup_account A1 CLSD", "'CLSD'")]
    [InlineData("lookup_transfer T1 exists yes", "'yes'")]
    [InlineData("lookup_transfer T1 code 1", "'code'")]
    [InlineData("tick one seconds", "'one'")]
    [InlineData("tick 1 minutes", "'minutes'")]
    [InlineData("commit delete_accounts", "'delete_accounts'")]
    [InlineData("account A1 0 0 0 0 _ _ _ _ L1 C1 PEN _ _ _ _ _ _ _ created", "'LNK'")]
    [InlineData("account A1 0 0 0 0 _ _ _ _ L1 C65536 _ _ _ _ _ _ _ _ created", "16 bits")]
    [InlineData("account AA1 0 0 0 0 _ _ _ _ L1 C1 _ _ _ _ _ _ _ _ created", "'AA1'")]
    [InlineData("account A 0 0 0 0 _ _ _ _ L1 C1 _ _ _ _ _ _ _ _ created", "'A'")]
    [InlineData(
        "account A340282366920938463463374607431768211456 0 0 0 0 _ _ _ _ L1 C1 _ _ _ _ _ _ _ _ created", "2^128")]
    [InlineData("account A1 0 0 0 0 _ _ _ _ L1 C1 _ _ _ _ _ _ _ _ Created", "'Created'")]
    public void Line_NotOfTheGrammar_IsToldWithItsPlace(string line, string problem)
    {
        var message = Should.Throw<TableException>(() => Rows.Parse("tick 1 seconds", line)).Message;
        message.ShouldStartWith("some.table:2: ");
        message.ShouldContain(problem);
    }

    [Fact]
    public void Commit_RowsOfAnotherOperation_AreToldWithTheirPlace() =>
        Should.Throw<TableException>(() => Rows.Parse("lookup_account A1 _", "commit create_accounts"))
            .Message.ShouldBe("some.table:2: The row at line 1 is none that 'commit create_accounts' sends.");

    [Fact]
    public void Rows_WithoutACommit_AreToldWithTheirPlace() =>
        Should.Throw<TableException>(() => Rows.Parse("tick 1 seconds", "lookup_account A1 _"))
            .Message.ShouldBe("some.table:2: No 'commit' follows this row.");

    [Fact]
    public void Table_ThatCreatesTheSameTwice_SpeaksOfTwoLedgers()
    {
        const string Created = "account A1 0 0 0 0 _ _ _ _ L1 C1 _ _ _ _ _ _ _ _ created";
        const string Exists = "account A1 0 0 0 0 _ _ _ _ L1 C1 _ _ _ _ _ _ _ _ exists";
        var table = Rows.Parse(
            Created, "commit create_accounts", Exists, "commit create_accounts", "lookup_account A1 0 0 0 0 _",
            "commit lookup_accounts", "setup A1 1 0 0 0", Created, "commit create_accounts", "tick 1 seconds");
        table.Sections.Select(static steps => steps.Select(static step => step.Line).ToArray()).ShouldBe(
            [[2, 4, 6], [7, 9, 10]]);
    }
}
