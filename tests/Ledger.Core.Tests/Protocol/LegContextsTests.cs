namespace Ledger.Core.Tests.Protocol;

/// <summary>What an account knows of the ids that legs name.</summary>
public sealed class LegContextsTests
{
    private readonly Parts a = new Parts().Open();

    [Fact]
    public void Given_a_plain_transfer_when_it_names_no_other_id_then_there_is_nothing_to_know() =>
        a.Contexts.Of(Branches.Alone(1, OneAccount.A, OneAccount.B), default, null).ShouldBeNull();

    [Fact]
    public void Given_a_live_hold_when_it_is_named_then_what_is_left_of_it_and_until_when()
    {
        MakeHold(1);

        var context = a.Contexts.OfHold(OneAccount.Id(1), default);

        (context.Remaining, context.Deadline).ShouldBe((Amount.Of(5), Parts.At(100)));
        context.Pending.ShouldNotBeNull().Reference.ShouldBe("", "nothing is decided by it");
        (context.InDoubt, context.HoldProblem).ShouldBe((false, TransferStatus.None));
    }

    [Fact]
    public void Given_a_hold_that_a_transaction_in_doubt_resolves_when_it_is_named_then_that_is_waited_for()
    {
        MakeHold(1);
        a.Rows.Append(new TransactionPrepared(Resolution(2, 1, kept: 5), Parts.At(2)), urgent: true);

        a.Contexts.OfHold(OneAccount.Id(1), default).InDoubt.ShouldBeTrue();
    }

    [Theory]
    [InlineData(HoldState.Posted, TransferStatus.PendingTransferAlreadyPosted)]
    [InlineData(HoldState.Voided, TransferStatus.PendingTransferAlreadyVoided)]
    [InlineData(HoldState.Expired, TransferStatus.PendingTransferExpired)]
    internal void Given_a_hold_that_has_ended_when_the_journal_says_how_then_that_is_the_problem(
        HoldState end, TransferStatus problem)
    {
        a.Contexts.OfHold(OneAccount.Id(1), Facts(Hold(1), end)).HoldProblem.ShouldBe(problem);
    }

    [Fact]
    public void Given_an_id_that_is_no_hold_when_it_is_named_then_that_is_the_problem()
    {
        a.Contexts.OfHold(OneAccount.Id(1), default).HoldProblem.ShouldBe(TransferStatus.PendingTransferNotFound);
        a.Contexts.OfHold(OneAccount.Id(1), Facts(OneAccount.Plain(1, OneAccount.A, OneAccount.B, Amount.Of(5))))
            .HoldProblem.ShouldBe(TransferStatus.PendingTransferNotPending);
    }

    [Fact]
    public void Given_two_reversals_of_one_transfer_when_they_are_in_a_transaction_then_the_second_finds_the_rest()
    {
        var original = OneAccount.Plain(1, OneAccount.B, OneAccount.A, Amount.Of(10));
        var branch = OneAccount.Branch(9, OneAccount.A, Reversal(0, 2, 7), Reversal(1, 3, 7));

        var contextOf = a.Contexts.Of(branch, Facts(original), null).ShouldNotBeNull();

        contextOf(0).Reversible.ShouldBe(Amount.Of(10));
        contextOf(1).Reversible.ShouldBe(Amount.Of(3));
        a.Contexts.Of(branch, default, null).ShouldNotBeNull()(0).ReversalProblem
            .ShouldBe(TransferStatus.ReversedTransferNotFound);
    }

    [Fact]
    public void Given_a_leg_whose_id_is_prepared_elsewhere_when_it_is_asked_for_then_that_is_waited_for()
    {
        var mine = Branches.Alone(101, OneAccount.A, OneAccount.B);
        var owner = new Operation(null, mine);
        a.Operations.Claim(owner, [OneAccount.Id(101)]);
        a.Operations.AddAttempt(owner, new Committing(mine, [OneAccount.B], Parts.At(0)));

        a.Contexts.Of(Branches.Chain(1), default, null).ShouldNotBeNull()(0).InDoubt.ShouldBeTrue();
        a.Contexts.Of(Branches.Chain(1), default, owner).ShouldNotBeNull()(0).InDoubt.ShouldBeFalse();
    }

    [Fact]
    public void Given_a_hold_with_a_text_when_a_post_leaves_it_to_the_hold_then_its_row_is_named()
    {
        MakeHold(1);
        var at = a.State.FindHold(OneAccount.Id(1))!.SequenceNr;

        a.Contexts.WithHoldRows(Resolution(2, 1, kept: 5)).Legs[0].HoldRow.ShouldBe(at);
        var plain = Branches.Alone(3, OneAccount.A, OneAccount.B);
        a.Contexts.WithHoldRows(plain).ShouldBeSameAs(plain);
    }

    private static ResolvedLeg Reversal(int index, int id, int amount) => new(
        index,
        new Transfer(OneAccount.Id(id), OneAccount.A, OneAccount.B, Amount.Of((ulong)amount), 1)
        {
            Asset = OneAccount.Usd, Reverses = OneAccount.Id(1),
        },
        null)
    {
        Amount = Amount.Of((ulong)amount),
    };

    private static Transfer Hold(int id) => OneAccount.Plain(id, OneAccount.A, OneAccount.B, Amount.Of(5)) with
    {
        Flags = TransferFlags.Pending, Reference = "order 7",
    };

    private static TransactionBranch Resolution(int id, int hold, int kept) => OneAccount.Branch(
        id, OneAccount.A, new ResolvedLeg(
            0,
            new Transfer(OneAccount.Id(id), OneAccount.A, OneAccount.B, Amount.Of(5), 1)
            {
                Asset = OneAccount.Usd, HoldId = OneAccount.Id(hold), Flags = TransferFlags.PostPending,
            },
            null)
        {
            Amount = Amount.Of(5), HoldRemaining = Amount.Of((ulong)kept),
        });

    private static IdFacts Facts(Transfer transfer, HoldState end = HoldState.None)
    {
        var leg = new ResolvedLeg(0, transfer, null) { Amount = transfer.Amount, Deadline = Parts.At(100) };
        var branch = TransactionBranch.Of(transfer, OneAccount.A, OneAccount.Usd, "") with { Legs = [leg] };
        return new IdFacts(new Dictionary<TransferId, IdHistory?>
        {
            [transfer.Id] = new IdHistory(
                [new IdHistoryEntry(branch, null, TransferStatus.Created, 0, Parts.At(1), null, 3)], end, Amount.Zero),
        });
    }

    private void MakeHold(int id)
    {
        var leg = new ResolvedLeg(0, Hold(id), null) { Amount = Amount.Of(5), Deadline = Parts.At(100) };
        var branch = OneAccount.Branch(id, OneAccount.A, leg);
        var row = a.Rows.Append(new TransactionPrepared(branch, Parts.At(0)), urgent: true);
        a.Rows.Append(new TransactionCommitted(OneAccount.Id(id), row, Parts.At(1), Parts.At(1)), urgent: true);
    }
}
