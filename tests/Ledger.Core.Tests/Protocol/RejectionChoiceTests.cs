namespace Ledger.Core.Tests.Protocol;

/// <summary>R15: which of several reasons a transaction is rejected for.</summary>
public sealed class RejectionChoiceTests
{
    private static readonly Asset s_eur = Asset.Parse("EUR/2");

    [Fact]
    public void Given_nobody_has_a_reason_when_it_is_refused_then_something_was_in_doubt() =>
        Choose([Yes()], null).ShouldBeNull();

    [Fact]
    public void Given_a_vote_in_doubt_when_another_says_no_then_the_request_is_decided_again() =>
        Choose([InDoubt(), No(0, TransferStatus.ExceedsCredits)], null).ShouldBeNull();

    [Fact]
    public void Given_reasons_of_two_legs_when_one_is_chosen_then_that_of_the_lower_leg() =>
        Choose([No(1, TransferStatus.DebitAccountNotFound)], Refusal(0, TransferStatus.ExceedsDebits))
            .ShouldNotBeNull().Reason.ShouldBe(TransferStatus.ExceedsDebits);

    [Theory]
    [InlineData(TransferStatus.ExceedsCredits, TransferStatus.DebitAccountAlreadyClosed)]
    [InlineData(TransferStatus.DebitAccountAlreadyClosed, TransferStatus.ExceedsCredits)]
    public void Given_two_reasons_of_one_leg_when_one_is_chosen_then_that_which_ranks_higher(
        TransferStatus vote, TransferStatus lastAgent)
    {
        var higher = TransferStatusPrecedence.Outranks(vote, lastAgent) ? vote : lastAgent;

        Choose([No(0, vote)], Refusal(0, lastAgent)).ShouldNotBeNull().Reason.ShouldBe(higher);
    }

    [Fact]
    public void Given_an_operators_abort_when_a_vote_was_in_doubt_then_it_is_over_for_good() =>
        Choose([InDoubt()], Refusal(0, TransferStatus.AbortedByOperator))
            .ShouldNotBeNull().Reason.ShouldBe(TransferStatus.AbortedByOperator);

    [Fact]
    public void Given_one_side_has_another_asset_when_it_refuses_then_the_accounts_differ() =>
        Choose([], Refusal(0, TransferStatus.TransferMustHaveTheSameLedgerAsAccounts))
            .ShouldNotBeNull().Reason.ShouldBe(TransferStatus.AccountsMustHaveTheSameLedger);

    [Fact]
    public void Given_both_sides_have_the_same_other_asset_when_they_refuse_then_the_transfer_differs() =>
        Choose(
            [No(0, TransferStatus.TransferMustHaveTheSameLedgerAsAccounts)],
            Refusal(0, TransferStatus.TransferMustHaveTheSameLedgerAsAccounts))
            .ShouldNotBeNull().Reason.ShouldBe(TransferStatus.TransferMustHaveTheSameLedgerAsAccounts);

    private static Refusal? Choose(Vote[] votes, Refusal? lastAgents) => RejectionChoice.Of(
        votes, lastAgents, OneAccount.Branch(
            9, OneAccount.A,
            new ResolvedLeg(0, OneAccount.Plain(1, OneAccount.A, OneAccount.B, Amount.Of(1)), null),
            new ResolvedLeg(1, OneAccount.Plain(2, OneAccount.A, OneAccount.C, Amount.Of(1)), null)));

    private static Refusal Refusal(int leg, TransferStatus reason) => new(leg, reason, s_eur, null);

    private static Vote No(int leg, TransferStatus reason) =>
        new(OneAccount.Id(9), 1, OneAccount.B, VoteKind.No, Refusal(leg, reason));

    private static Vote Yes() => new(OneAccount.Id(9), 1, OneAccount.B, VoteKind.Yes, null);

    private static Vote InDoubt() => new(OneAccount.Id(9), 1, OneAccount.C, VoteKind.InDoubt, null);
}
