using System.Collections.Immutable;

namespace Ledger.Core.Tests.Requests;

/// <summary>
/// Goal: a request that can't be done as a whole is refused before any account is asked, with the field and the limit.
/// Method: each limit, just within it and just beyond it.
/// </summary>
public sealed class RequestRulesTests
{
    private static readonly RequestPlace Third = new("transfers", 2);

    [Theory]
    [InlineData(1, null, null)]
    [InlineData(LedgerLimits.BatchMax, null, null)]
    [InlineData(0, "EmptyBatch", "The request holds no items.")]
    [InlineData(LedgerLimits.BatchMax + 1, "BatchTooLarge", "The request holds 8191 items; at most 8190 are allowed.")]
    public void A_batch_holds_some_items_and_not_too_many(int count, string? kind, string? text)
    {
        var problem = RequestRules.CheckCount(count, "items");

        problem?.Kind.ToString().ShouldBe(kind);
        problem?.Text.ShouldBe(text);
        problem?.Field.ShouldBe("items");
        (problem is null).ShouldBe(kind is null);
        (problem is { Kind: RequestProblemKind.BatchTooLarge }).ShouldBe(problem is { Max: LedgerLimits.BatchMax });
    }

    [Fact]
    public void A_request_that_asks_for_accounts_holds_fewer_items()
    {
        RequestRules.CheckReturned(LedgerLimits.ReturnedBalancesMax, "legs").ShouldBeNull();
        RequestRules.CheckReturned(LedgerLimits.ReturnedBalancesMax + 1, "legs").ShouldBe(
            new RequestProblem(RequestProblemKind.BatchTooLarge, "The request holds 2049 legs", "legs")
            {
                Allowed = "at most 2048 are allowed with balances returned", Max = LedgerLimits.ReturnedBalancesMax,
            });
    }

    [Theory]
    [InlineData(0, false)]
    [InlineData(1, true)]
    [InlineData(LedgerLimits.PageSizeMax, true)]
    [InlineData(LedgerLimits.PageSizeMax + 1, false)]
    [InlineData(-1, false)]
    public void A_page_has_a_limit(int limit, bool isAllowed)
    {
        var problem = RequestRules.CheckLimit(limit);

        (problem is null).ShouldBe(isAllowed);
        problem?.Text.ShouldBe($"The limit is {limit}; 1 to 1000 are allowed.");
        problem?.Kind.ShouldBe(RequestProblemKind.InvalidArgument);
    }

    [Fact]
    public void A_reference_has_a_longest_length_and_is_well_formed()
    {
        RequestRules.CheckReference(new string('x', LedgerLimits.ReferenceLengthMax), Third).ShouldBeNull();
        RequestRules.CheckReference(new string('x', LedgerLimits.ReferenceLengthMax + 1), Third).ShouldBe(
            new RequestProblem(
                RequestProblemKind.ReferenceTooLong, "The reference has 129 characters", "transfers[2].reference")
            {
                Allowed = "at most 128 are allowed", Max = LedgerLimits.ReferenceLengthMax,
            });
        RequestRules.CheckReference("\uD800").ShouldBe(new RequestProblem(
            RequestProblemKind.InvalidArgument, "The reference holds half of a surrogate pair, which is no character",
            "reference"));
    }

    [Fact]
    public void A_reason_has_a_longest_length_and_is_well_formed()
    {
        RequestRules.CheckReason(new string('x', LedgerLimits.ReasonLengthMax)).ShouldBeNull();
        var tooLong = RequestRules.CheckReason(new string('x', LedgerLimits.ReasonLengthMax + 1), Third)!;
        tooLong.Kind.ShouldBe(RequestProblemKind.ReasonTooLong);
        tooLong.Text.ShouldBe("The reason has 257 characters; at most 256, well-formed, are allowed.");
        tooLong.Field.ShouldBe("transfers[2].reason");
        tooLong.Max.ShouldBe(LedgerLimits.ReasonLengthMax);
        RequestRules.CheckReason("\uDC00")!.Kind.ShouldBe(RequestProblemKind.InvalidArgument);
    }

    [Fact]
    public void Metadata_is_counted_before_it_is_read()
    {
        RequestRules.CheckMetadataCount(LedgerLimits.MetadataPairsMax).ShouldBeNull();
        var tooMany = RequestRules.CheckMetadataCount(LedgerLimits.MetadataPairsMax + 1)!;
        tooMany.Max.ShouldBe(LedgerLimits.MetadataPairsMax);
        tooMany.Kind.ShouldBe(RequestProblemKind.MetadataTooLarge);

        var pairs = Metadata.Of(Enumerable.Range(0, LedgerLimits.MetadataPairsMax + 1)
            .Select(static i => KeyValuePair.Create($"k{i}", "v")));
        RequestRules.CheckMetadata(pairs).ShouldBe(tooMany);
        tooMany.Text.ShouldBe($"The metadata {LedgerLimits.Check(pairs)}.");

        RequestRules.CheckMetadata(Metadata.Of([KeyValuePair.Create("", "v")]), Third).ShouldBe(new RequestProblem(
            RequestProblemKind.MetadataTooLarge, "The metadata has a key of 0 characters; 1 to 64 are allowed",
            "transfers[2].metadata"));
    }

    [Fact]
    public void An_effective_time_can_be_printed()
    {
        RequestRules.CheckEffectiveTime(null).ShouldBeNull();
        RequestRules.CheckEffectiveTime(LedgerLimits.EffectiveTimeMin).ShouldBeNull();
        RequestRules.CheckEffectiveTime(LedgerLimits.EffectiveTimeMax).ShouldBeNull();
        foreach (var micros in new[]
        {
            LedgerLimits.EffectiveTimeMin.UnixMicroseconds - 1, LedgerLimits.EffectiveTimeMax.UnixMicroseconds + 1,
        })
        {
            RequestRules.CheckEffectiveTime(new LedgerTime(micros), Third).ShouldBe(new RequestProblem(
                RequestProblemKind.InvalidArgument, "An effective time is in the years 1 to 9999",
                "transfers[2].effective_time"));
        }
    }

    [Theory]
    [InlineData(0, true)]
    [InlineData(10, true)]
    [InlineData(9, false)]
    [InlineData(-10, false)]
    public void A_timeout_is_of_whole_microseconds(long ticks, bool isAllowed)
    {
        var transfer = Asked.Transfer(1, Asked.A, Asked.B) with { Timeout = TimeSpan.FromTicks(ticks) };

        var problem = RequestRules.Check(transfer, Third);

        (problem is null).ShouldBe(isAllowed);
        problem?.Field.ShouldBe("transfers[2].timeout");
        problem?.Text.ShouldBe("A timeout is not negative, and of whole microseconds.");
    }

    [Fact]
    public void The_first_item_with_a_problem_is_named()
    {
        var good = Asked.Leg(1, Asked.A, Asked.B);
        var badOpening = TransactionLeg.Open(Asked.Spec(Asked.C) with { Reference = new string('x', 200) });
        var badTransfer = TransactionLeg.Of(Asked.Transfer(2, Asked.A, Asked.B) with { Reason = new string('x', 300) });

        RequestRules.Check(Asked.Transaction(9, good, good)).ShouldBeNull();
        RequestRules.Check(Asked.Transaction(9, good, badOpening, badTransfer))!.Field.ShouldBe("legs[1].reference");
        RequestRules.Check(Asked.Transaction(9, badTransfer, badOpening))!.Field.ShouldBe("legs[0].reason");
        RequestRules.Check(Asked.Transaction(9))!.Kind.ShouldBe(RequestProblemKind.EmptyBatch);
        RequestRules.Check(new Transaction(Asked.Id(9), default))!.Kind.ShouldBe(RequestProblemKind.EmptyBatch);
        RequestRules.Check(new Transaction(
                Asked.Id(9), [.. Enumerable.Repeat(badTransfer, LedgerLimits.BatchMax + 1)]))!
            .Kind.ShouldBe(RequestProblemKind.BatchTooLarge);
    }

    [Fact]
    public void What_is_named_is_not_empty()
    {
        RequestRules.CheckAddress(Asked.A, "account").ShouldBeNull();
        RequestRules.CheckAddress(default, "account").ShouldBe(
            new RequestProblem(RequestProblemKind.InvalidArgument, "The address is empty", "account"));
        RequestRules.CheckId(Asked.Id(1), "id").ShouldBeNull();
        RequestRules.CheckId(default, "transfers[0].id").ShouldBe(
            new RequestProblem(RequestProblemKind.InvalidArgument, "The id is empty", "transfers[0].id"));
        RequestRules.CheckHoldDeadline(new LedgerTime(1)).ShouldBeNull();
        RequestRules.CheckHoldDeadline(default)!.Field.ShouldBe("deadline");
        RequestRules.CheckPrincipal("someone").ShouldBeNull();
        RequestRules.CheckPrincipal("ledger:expiry")!.Text.ShouldBe(
            "The principal begins with 'ledger:', which the ledger keeps for itself.");
    }

    [Fact]
    public void A_freeze_is_of_something_and_each_change_with_a_reason_has_one_that_fits()
    {
        var tooLong = new string('x', LedgerLimits.ReasonLengthMax + 1);
        RequestRules.Check(new FreezeAccount(new AccountFreeze(true, false, "x", null))).ShouldBeNull();
        RequestRules.Check(new FreezeAccount(new AccountFreeze(false, true, "x", null))).ShouldBeNull();
        RequestRules.Check(new FreezeAccount(new AccountFreeze(false, false, "x", null)))!.Field.ShouldBe("debits");
        RequestRules.Check(new FreezeAccount(new AccountFreeze(false, false, tooLong, null)))!.Field.ShouldBe("reason");
        foreach (var change in new AccountChange[]
        {
            new UnfreezeAccount(tooLong), new CloseAccount(tooLong), new ReopenAccount(tooLong),
        })
        {
            RequestRules.Check(change)!.Kind.ShouldBe(RequestProblemKind.ReasonTooLong);
        }

        RequestRules.Check(new SetAccountLimits(Amount.Zero, Amount.Zero)).ShouldBeNull();
    }

    [Fact]
    public void A_transaction_is_measured_with_the_accounts_that_it_opens()
    {
        var few = Big(2);
        var size = EncodedSize.OfTransaction(OpeningsPlan.Of(few).Whole);
        size.ShouldBeGreaterThan(EncodedSize.OfTransaction(few));
        RequestRules.CheckSize(few).ShouldBeNull();

        var legs = LedgerSizes.TransactionMax / (size / 2);
        RequestRules.CheckSize(Big(legs)).ShouldBeNull();
        while (RequestRules.CheckSize(Big(legs)) is null)
        {
            legs++;
        }

        EncodedSize.OfTransaction(OpeningsPlan.Of(Big(legs - 1)).Whole)
            .ShouldBeLessThanOrEqualTo(LedgerSizes.TransactionMax);
        var problem = RequestRules.CheckSize(Big(legs), "items[4]")!;
        problem.Size!.Value.ShouldBe(EncodedSize.OfTransaction(OpeningsPlan.Of(Big(legs)).Whole));
        problem.Size.Value.ShouldBeGreaterThan(LedgerSizes.TransactionMax);
        problem.SizeMax.ShouldBe(LedgerSizes.TransactionMax);
        problem.Field.ShouldBe("items[4]");
        problem.Text.ShouldEndWith($"; at most {LedgerSizes.TransactionMax} are allowed. Split it.");

        static Transaction Big(int legs) => new(Asked.Id(1), [.. Enumerable.Range(0, legs).Select(static i =>
            TransactionLeg.Of(Asked.Transfer(
                i + 2, AccountAddress.Parse($"debit:{i}"), AccountAddress.Parse($"credit:{i}"),
                TransferFlags.OpenAccounts) with
            {
                Metadata = Full,
            }))]);
    }

    [Fact]
    public void A_transfer_alone_is_not_measured() =>
        RequestRules.CheckSize(Asked.Transaction(1, TransactionLeg.Of(
            Asked.Transfer(1, Asked.A, Asked.B) with { Reference = new string('x', LedgerSizes.TransactionMax) })))
            .ShouldBeNull();

    [Fact]
    public void An_answer_has_a_largest_size()
    {
        RequestRules.CheckAnswer(LedgerSizes.AnswerMax, "accounts").ShouldBeNull();
        var problem = RequestRules.CheckAnswer(LedgerSizes.AnswerMax + 1, "accounts")!;
        problem.Kind.ShouldBe(RequestProblemKind.BatchTooLarge);
        problem.Size.ShouldBe(LedgerSizes.AnswerMax + 1);
        problem.SizeMax.ShouldBe(LedgerSizes.AnswerMax);
        problem.Text.ShouldBe(
            $"The answer would have {LedgerSizes.AnswerMax + 1} bytes; at most {LedgerSizes.AnswerMax} are sent."
            + " Ask for fewer.");
    }

    private static Metadata Full { get; } = Metadata.Of(Enumerable.Range(0, 15)
        .Select(static i => KeyValuePair.Create($"k{i}", new string('v', LedgerLimits.MetadataValueLengthMax)))
        .ToImmutableArray());
}
