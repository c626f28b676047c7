using System.Collections.Immutable;

namespace Ledger.Core.Tests.Requests;

/// <summary>What posts and voids leave to their holds is put back, as far as an answer has room.</summary>
public sealed class HoldTextsTests
{
    private static readonly Transfer Hold =
        Asked.Transfer(8, Asked.A, Asked.B, TransferFlags.Pending) with { Reference = "of the hold" };

    private static readonly Transfer Post =
        Asked.Resolution(2, hold: 8) with { DebitAccount = Asked.A, CreditAccount = Asked.B };

    [Fact]
    public void A_transfer_names_the_row_of_its_hold()
    {
        var post = new TransferRecord(Post, TransferStatus.Created, default, null) { HoldRow = 5 };
        HoldTexts.WantedBy(post).ShouldBe((5L, Hold.Id));
        HoldTexts.WantedBy(post with { Transfer = Hold }).ShouldBe((5L, Hold.Id));
        HoldTexts.WantedBy(post with { HoldRow = 0 }).ShouldBeNull();

        var restored = HoldTexts.Restore(post, Hold);
        restored.HoldRow.ShouldBe(0);
        restored.Transfer.ShouldBe(Post with { Reference = Hold.Reference });
    }

    [Fact]
    public void A_transaction_names_a_row_for_each_leg_that_has_one()
    {
        var record = Asked.Committed(Asked.Transaction(
            1, Asked.Leg(3, Asked.A, Asked.B), TransactionLeg.Of(Post),
            TransactionLeg.Of(Post with { Id = Asked.Id(4), HoldId = Asked.Id(9) })));

        HoldTexts.AreLeftBy(record).ShouldBeTrue();
        HoldTexts.WantedBy(record).ShouldBeEmpty();
        HoldTexts.WantedBy(record with { HoldRows = [0, 6, 7] }).ShouldBe([(6L, Hold.Id), (7L, Asked.Id(9))]);
        HoldTexts.AreLeftBy(Asked.Committed(Asked.Transaction(
            1, Asked.Opening(Asked.A), Asked.Leg(3, Asked.A, Asked.B)))).ShouldBeFalse();
    }

    [Fact]
    public void Holds_are_found_among_the_rows_read_and_among_earlier_legs()
    {
        var made = Hold with { Id = Asked.Id(9), Reference = "of the leg" };
        var record = Asked.Committed(Asked.Transaction(
            1, TransactionLeg.Of(made), TransactionLeg.Of(Post),
            TransactionLeg.Of(Post with { Id = Asked.Id(4), HoldId = made.Id }))) with
        {
            HoldRows = [0, 6, 0],
        };

        var shown = HoldTexts.Restore(record, Read(Hold));

        shown.IsAbridged.ShouldBeFalse();
        shown.Transaction.Legs.Select(static leg => leg.Transfer!.Reference)
            .ShouldBe(["of the leg", "of the hold", "of the leg"]);
    }

    [Fact]
    public void A_row_that_was_not_read_abridges_the_transaction_and_a_leg_without_one_does_not()
    {
        var record = Asked.Committed(Asked.Transaction(1, TransactionLeg.Of(Post)));

        var whole = HoldTexts.Restore(record, Read());
        whole.IsAbridged.ShouldBeFalse();
        whole.Transaction.Legs.ShouldBe(record.Transaction.Legs);
        HoldTexts.Restore(record with { HoldRows = [6] }, Read()).IsAbridged.ShouldBeTrue();
    }

    [Fact]
    public void A_transaction_is_abridged_where_an_answer_has_no_room()
    {
        var hold = Hold with { Metadata = Full };
        var record = Asked.Committed(new Transaction(Asked.Id(1), [.. Enumerable.Range(0, 2000)
            .Select(static i => TransactionLeg.Of(Post with { Id = Asked.Id(i + 10) }))]));

        var shown = HoldTexts.Restore(record, Read(hold));

        shown.IsAbridged.ShouldBeTrue();
        shown.Transaction.Legs.Count(static leg => leg.Transfer!.Metadata.Equals(Full)).ShouldBeInRange(1, 1999);
        EncodedSize.OfRecord(shown).ShouldBeLessThanOrEqualTo(LedgerSizes.AnswerMax);
    }

    [Fact]
    public void A_page_ends_where_an_answer_has_no_room_and_says_where_it_goes_on()
    {
        ImmutableArray<TransferRecord> holds = [.. Enumerable.Range(0, 1000).Select(static i =>
            new TransferRecord(
                Hold with { Id = Asked.Id(i + 10), Reference = "" }, TransferStatus.Created, default, null)
            {
                HoldRow = 3,
            })];
        var page = new ListHoldsResponse(View, holds, HasMore: false);
        HoldTexts.WantedBy(page).Count.ShouldBe(holds.Length);
        var texts = Read([.. holds.Select(static one => one.Transfer with { Metadata = Full })]);

        var (shown, next) = HoldTexts.Restore(page, View, texts);

        shown.Count.ShouldBeInRange(1, holds.Length - 1);
        shown.ShouldAllBe(static one => one.Transfer.Metadata.Equals(Full) && one.HoldRow == 0);
        next.ShouldBe(shown[^1].Transfer.Id);
    }

    [Fact]
    public void A_page_goes_on_after_its_last_hold_where_there_are_more_and_else_ends()
    {
        var live = new TransferRecord(Hold, TransferStatus.Created, default, null);

        HoldTexts.Restore(new ListHoldsResponse(View, [live], HasMore: true), View, Read()).Next.ShouldBe(Hold.Id);
        HoldTexts.Restore(new ListHoldsResponse(View, [live], HasMore: false), View, Read()).Next.IsNil.ShouldBeTrue();
        HoldTexts.Restore(new ListHoldsResponse(View, [], HasMore: false), View, Read()).Holds.ShouldBeEmpty();
    }

    [Fact]
    public void A_page_ends_before_a_hold_whose_row_was_not_read()
    {
        var first = new TransferRecord(Hold, TransferStatus.Created, default, null) { HoldRow = 3 };
        var second = first with { Transfer = Hold with { Id = Asked.Id(9) } };

        var (shown, next) = HoldTexts.Restore(
            new ListHoldsResponse(View, [first, second], HasMore: false), View, Read(Hold));

        shown.ShouldHaveSingleItem().Transfer.ShouldBe(Hold);
        next.ShouldBe(Hold.Id);
    }

    private static Account View { get; } = new(Asked.Spec(Asked.A), default, default, 0, 0, IsClosed: false);

    private static Metadata Full { get; } = Metadata.Of(Enumerable.Range(0, 15)
        .Select(static i => KeyValuePair.Create($"k{i}", new string('v', LedgerLimits.MetadataValueLengthMax))));

    private static Dictionary<TransferId, Transfer> Read(params Transfer[] holds) =>
        holds.ToDictionary(static hold => hold.Id);
}
