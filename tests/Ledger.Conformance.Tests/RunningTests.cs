using Ledger.Conformance.Grammar;
using Ledger.Conformance.Running;

namespace Ledger.Conformance.Tests;

public class RunningTests
{
    [Fact]
    public void Chains_EndWithTheFirstRowThatIsNotLinked() =>
        Chain.Of([Rows.Plain("A1"), Rows.Plain("A2", link: "LNK"), Rows.Plain("A3"), Rows.Plain("A4", link: "LNK")])
            .Select(static chain => chain.Rows.Select(static row => row.Id).ToArray())
            .ShouldBe([[1], [2, 3], [4]]);

    [Fact]
    public void Chain_WithAWaivedRow_IsWaivedAsAWholeAndNotSent()
    {
        var chain = Chain.Of(
        [
            Rows.Plain("A1", "linked_event_failed", link: "LNK"), Rows.Plain("A2", "reserved_field"),
        ]).ShouldHaveSingleItem();
        chain.Waiver.ShouldBe(Waivers.Reserved);
        chain.IsSent.ShouldBeFalse();
    }

    [Fact]
    public void Chain_ImportedAndCreated_IsWaivedAndSent()
    {
        var chain = Chain.Of([Rows.Plain("A1", imported: "IMP")]).ShouldHaveSingleItem();
        chain.Waiver.ShouldBe(Waivers.Imported);
        chain.IsSent.ShouldBeTrue();
    }

    [Theory]
    [InlineData("timestamp_must_be_zero", Waivers.Timestamp)]
    [InlineData("reserved_flag", Waivers.Reserved)]
    [InlineData("reserved_field", Waivers.Reserved)]
    [InlineData("debits_posted_must_be_zero", Waivers.Counters)]
    [InlineData("imported_event_expected", Waivers.Imported)]
    [InlineData("id_must_not_be_zero", null)]
    [InlineData("linked_event_failed", null)]
    public void Waiver_IsByTheStatusThatIsExpected(string status, string? reason) =>
        Waivers.Of(Rows.Plain("A1", status, counters: "1 1 1 1")).ShouldBe(reason);

    [Fact]
    public void Queries_CountTheirResults_AndThemselvesWhenTheyExpectNone()
    {
        var commit = (CommitStep)Rows.Steps(
            "query_accounts 1", "query_accounts_result A1 _", "query_accounts_result A2 _", "query_accounts 2",
            "commit query_accounts").ShouldHaveSingleItem();
        QueryRows.Counted(commit.Rows).Select(static row => row.Line).ShouldBe([2, 3, 4]);
    }

    [Fact]
    public void Vocabulary_IdsAtTheEnds_AreNoAddressAndTheReservedOne()
    {
        Vocabulary.Address(UInt128.Zero).IsNone.ShouldBeTrue();
        Vocabulary.Address(UInt128.MaxValue).ShouldBe(Vocabulary.ReservedAddress);
        Vocabulary.Address(7).ShouldBe(AccountAddress.Parse("a7"));
        Vocabulary.Address(UInt128.MaxValue - 1).Text.ShouldBe("a340282366920938463463374607431768211454");
    }

    [Fact]
    public void Vocabulary_Account_SaysWhatTheRowSays() =>
        Vocabulary.Spec(Rows.Account("account A1 9 9 9 9 U2 U3 U4 _ L-0 C6 LNK D<C _ HIST _ CLSD _ _ created"))
            .ShouldBe(
            new AccountSpec(AccountAddress.Parse("a1"), Asset.Parse("L4294967295/0"), 6)
            {
                Reference = "2",
                Metadata = Metadata.Of([new("flags", "linked history"), new("ud64", "3"), new("ud32", "4")]),
                DebitsMustNotExceedCredits = Amount.Zero,
                IsClosed = true,
            });

    [Fact]
    public void Vocabulary_Transfer_SaysWhatTheRowSays() =>
        Vocabulary.Transfer(Rows.Transfer(
            "transfer T1 A2 A0 -0 T5 _ U7 _ 9 L0 C11 _ PEN POS VOI BDR BCR _ CDR CCR _ _ created")).ShouldBe(
            new Transfer(new TransferId(1), AccountAddress.Parse("a2"), default, Amount.MaxValue, 11)
            {
                Metadata = Metadata.Of([new("ud64", "7")]),
                HoldId = new TransferId(5),
                Timeout = TimeSpan.FromSeconds(9),
                Flags = TransferFlags.Pending | TransferFlags.PostPending | TransferFlags.VoidPending
                    | TransferFlags.BalancingDebit | TransferFlags.BalancingCredit | TransferFlags.ClosingDebit
                    | TransferFlags.ClosingCredit,
            });

    [Theory]
    [InlineData(TransferStatus.DebitAccountIdMustNotBeIntMax, false, "debit_account_id_must_not_be_int_max")]
    [InlineData(TransferStatus.ExistsWithDifferentReference, false, "exists_with_different_user_data_128")]
    [InlineData(TransferStatus.IdAlreadyFailed, false, "id_already_failed")]
    [InlineData(TransferStatus.ExceedsCredits, false, "exceeds_credits")]
    [InlineData(TransferStatus.ExceedsCredits, true, "id_already_failed")]
    [InlineData(TransferStatus.CodeMustNotBeZero, true, "code_must_not_be_zero")]
    public void Names_OfATransfer_AreTigerBeetles(TransferStatus status, bool replayed, string name) =>
        new StatusNames()
            .Name(Some(), new BatchItemResult(new TransferResult(default, status, default, replayed, null), null))
            .ShouldBe(name);

    [Fact]
    public void Names_OfOtherMetadata_TellWhichDiffersFirst()
    {
        var names = new StatusNames();
        Name(Rows.Plain("A1", userData: "_ U1 U1"), AccountStatus.Created).ShouldBe("created");
        Name(Rows.Plain("A1", link: "LNK", userData: "_ U2 U2")).ShouldBe("exists_with_different_flags");
        Name(Rows.Plain("A1", userData: "_ U2 U2")).ShouldBe("exists_with_different_user_data_64");
        Name(Rows.Plain("A1", userData: "_ U1 U2")).ShouldBe("exists_with_different_user_data_32");
        Name(Rows.Plain("A1", userData: "_ U1 U1")).ShouldBe("exists_with_different_metadata");
        Name(Rows.Plain("A2")).ShouldBe("exists_with_different_metadata");

        string Name(AccountRow row, AccountStatus status = AccountStatus.ExistsWithDifferentMetadata) =>
            names.Name(row, new BatchItemResult(null, new OpenAccountResult(default, status, default)));
    }

    [Fact]
    public void Names_OfAPostsOtherMetadata_CountTheHoldsForWhatItDoesNotBring()
    {
        var names = new StatusNames();
        Name("T1", "_", "U1 U1", TransferStatus.Created);
        Name("T2", "POS", "_ _", TransferStatus.Created);
        Name("T2", "POS", "U1 U2", TransferStatus.ExistsWithDifferentMetadata)
            .ShouldBe("exists_with_different_user_data_32");

        string Name(string id, string post, string data, TransferStatus status) => names.Name(
            Rows.Transfer(
                $"transfer {id} A1 A2 1 {(post == "_" ? "_" : "T1")} _ {data} _ L1 C1 _ _ {post} _ _ _ _ _ _ _ _ "
                    + "created"),
            new BatchItemResult(new TransferResult(default, status, default, false, null), null));
    }

    [Fact]
    public void Clock_MovesOnlyWhenTold_InWholeMicroseconds()
    {
        var clock = new VirtualClock();
        var start = clock.GetUtcNow();
        start.ShouldBe(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));
        clock.Advance(10);
        clock.GetUtcNow().ShouldBe(start + TimeSpan.FromMicroseconds(1));
        clock.SetBeforeEnd(3_000_000_000);
        LedgerTime.From(clock.GetUtcNow()).UnixMicroseconds.ShouldBe(
            LedgerLimits.HoldDeadlineMax.UnixMicroseconds - 3_000_000);
        clock.Advance(UInt128.MaxValue / 2);
        LedgerTime.From(clock.GetUtcNow()).ShouldBe(LedgerLimits.HoldDeadlineMax);
    }

    private static TransferRow Some() =>
        Rows.Transfer("transfer T1 A1 A2 1 _ _ _ _ _ L1 C1 _ _ _ _ _ _ _ _ _ _ _ created");
}
