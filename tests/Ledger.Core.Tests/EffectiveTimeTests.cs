namespace Ledger.Core.Tests;

/// <summary>When a transfer counts from a business point of view is a part of what it says: of its digest, and of what
/// a retry is compared by.</summary>
public sealed class EffectiveTimeTests
{
    private static readonly Transfer Plain = new(
        new TransferId(7), AccountAddress.Parse("a"), AccountAddress.Parse("b"), Amount.Of(5), 1);

    public static TheoryData<long> Times =>
        [0, 1, -1, 1_790_000_000_123_456, -62_135_596_800_000_000, 253_402_300_799_999_999];

    [Theory]
    [MemberData(nameof(Times))]
    public void It_is_kept_and_is_a_part_of_equality_and_digest(long micros)
    {
        var timed = Plain with { EffectiveTime = new LedgerTime(micros) };

        timed.EffectiveTime.ShouldBe(new LedgerTime(micros));
        (timed with { Code = 2 }).EffectiveTime.ShouldBe(new LedgerTime(micros));
        timed.ShouldBe(Plain with { EffectiveTime = new LedgerTime(micros) });
        timed.ShouldNotBe(Plain);
        TransferContent.DigestOf(timed).ShouldNotBe(TransferContent.DigestOf(Plain));
        foreach (long other in Times)
        {
            (TransferContent.DigestOf(timed) == TransferContent
                .DigestOf(Plain with { EffectiveTime = new LedgerTime(other) }))
                .ShouldBe(other == micros);
        }

        (timed with { EffectiveTime = null }).ShouldBe(Plain);
        TransferContent.DigestOf(timed with { EffectiveTime = null }).ShouldBe(TransferContent.DigestOf(Plain));
    }

    [Fact]
    public void The_bounds_are_what_the_API_can_print()
    {
        LedgerLimits.EffectiveTimeMin.UnixMicroseconds.ShouldBe(-62_135_596_800_000_000);
        LedgerLimits.EffectiveTimeMax.UnixMicroseconds.ShouldBe(253_402_300_799_999_999);
        LedgerLimits.EffectiveTimeMax.ToDateTimeOffset().Year.ShouldBe(9999);
    }

    [Fact]
    public void A_difference_is_named_after_metadata_and_before_the_asset()
    {
        var known =
            new ResolvedLeg(0, Plain with { EffectiveTime = new LedgerTime(1), Reference = "r" }, null)
            {
                Amount = Plain.Amount
            };
        TransferContent.Compare(known, known.Transfer!).ShouldBe(TransferStatus.Exists);
        TransferContent.Compare(known, known.Transfer! with { EffectiveTime = null })
            .ShouldBe(TransferStatus.ExistsWithDifferentEffectiveTime);
        TransferContent.Compare(known, known.Transfer! with { EffectiveTime = new LedgerTime(2), Code = 9 })
            .ShouldBe(TransferStatus.ExistsWithDifferentEffectiveTime);
        TransferContent.Compare(known, known.Transfer! with { EffectiveTime = new LedgerTime(2), Reference = "s" })
            .ShouldBe(TransferStatus.ExistsWithDifferentReference);
        TransferStatusPrecedence.Outranks(
            TransferStatus.ExistsWithDifferentMetadata, TransferStatus.ExistsWithDifferentEffectiveTime).ShouldBeTrue();
        TransferStatusPrecedence.Outranks(
            TransferStatus.ExistsWithDifferentEffectiveTime, TransferStatus.ExistsWithDifferentLedger).ShouldBeTrue();
    }

    // A post inherits what it leaves out, but not when it counts: that would date it back without anybody having said
    // so.
    [Fact]
    public void A_post_that_says_none_differs_from_one_that_says_one()
    {
        var post = new Transfer(new TransferId(8), default, default, Amount.MaxValue, 0)
        {
            Flags = TransferFlags.PostPending, HoldId = Plain.Id,
        };
        var known = new ResolvedLeg(0, Plain with { Id = post.Id, Flags = post.Flags, HoldId = post.HoldId }, null)
        {
            Amount = Plain.Amount, HoldRemaining = Plain.Amount,
        };
        TransferContent.Compare(known, post).ShouldBe(TransferStatus.Exists);
        TransferContent.Compare(
            known with { Transfer = known.Transfer! with { EffectiveTime = new LedgerTime(1) } }, post)
            .ShouldBe(TransferStatus.ExistsWithDifferentEffectiveTime);
    }
}
