namespace Ledger.Core.Tests.Requests;

/// <summary>What a post or a void leaves out is the hold's.</summary>
public sealed class HoldCompletionTests
{
    private static readonly Transfer Hold = Asked.Transfer(8, Asked.A, Asked.B, TransferFlags.Pending);

    [Theory]
    [InlineData(false, true, true)]
    [InlineData(true, false, true)]
    [InlineData(true, true, false)]
    [InlineData(true, true, true)]
    public void One_that_leaves_something_out_is_incomplete(bool debit, bool credit, bool asset)
    {
        var post = Asked.Resolution(2, hold: 8) with
        {
            DebitAccount = debit ? Asked.A : default,
            CreditAccount = credit ? Asked.B : default,
            Asset = asset ? Asked.Euro : default,
        };

        HoldCompletion.IncompleteIn(TransactionLeg.Of(post)).ShouldBe(debit && credit && asset ? null : post);
    }

    [Fact]
    public void Nothing_but_a_post_or_a_void_is_incomplete()
    {
        HoldCompletion.IncompleteIn(Asked.Opening(Asked.A)).ShouldBeNull();
        HoldCompletion.IncompleteIn(TransactionLeg.Of(Asked.Transfer(2, default, default) with { Asset = default }))
            .ShouldBeNull();
    }

    [Fact]
    public void What_is_left_out_is_the_holds_and_what_is_named_stays()
    {
        var bare = Asked.Resolution(2, hold: 8, TransferFlags.VoidPending);

        HoldCompletion.Complete(bare, Hold).ShouldBe(
            bare with { DebitAccount = Asked.A, CreditAccount = Asked.B, Asset = Asked.Euro });

        var other = Asset.Parse("USD/2");
        var wrong = bare with { DebitAccount = Asked.C, CreditAccount = Asked.D, Asset = other };
        HoldCompletion.Complete(wrong, Hold).ShouldBe(wrong);
    }

    [Fact]
    public void Only_an_earlier_leg_makes_the_hold()
    {
        var legs = Asked.Transaction(
            1, Asked.Opening(Asked.A), TransactionLeg.Of(Hold), TransactionLeg.Of(Asked.Resolution(2, 8))).Legs;

        HoldCompletion.HoldIn(legs, 2, Hold.Id).ShouldBeSameAs(Hold);
        HoldCompletion.HoldIn(legs, 1, Hold.Id).ShouldBeNull();
        HoldCompletion.HoldIn(legs, 3, Asked.Id(9)).ShouldBeNull();
    }
}
