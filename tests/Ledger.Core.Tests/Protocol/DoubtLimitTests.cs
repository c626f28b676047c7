namespace Ledger.Core.Tests.Protocol;

/// <summary>R20: how much may be in doubt. With a whole account it is in <see cref="DoubtTests"/>.</summary>
public sealed class DoubtLimitTests
{
    private readonly Parts a = new Parts(options: new AccountMachineOptions
    {
        UnansweredMax = 2, DoubtMax = 3, OldDoubtAfter = TimeSpan.FromSeconds(2),
    }).Open();

    [Fact]
    public void Given_young_doubt_when_one_more_is_asked_for_then_a_busy_account_is_not_refused()
    {
        Prepare(1, OneAccount.B);
        Prepare(2, OneAccount.B);
        Prepare(3, OneAccount.B);

        a.Limit.Refuse(Ask(OneAccount.B), Parts.At(1)).ShouldBeNull();
    }

    [Fact]
    public void Given_one_account_that_does_not_answer_when_it_is_asked_for_then_it_is_refused_and_others_are_not()
    {
        Prepare(1, OneAccount.B);
        Prepare(2, OneAccount.B);

        // One is let through each second, to see whether it is answered.
        a.Limit.Refuse(Ask(OneAccount.B), Parts.At(5)).ShouldBeNull();
        a.Limit.Refuse(Ask(OneAccount.B), Parts.At(5)).ShouldBe(RequestFailure.CounterpartyUnavailable);
        a.Limit.Refuse(Ask(OneAccount.C), Parts.At(5)).ShouldBeNull();
        a.Limit.Refuse(Ask(OneAccount.B), Parts.At(6)).ShouldBeNull();
        a.Limit.Refuse(Ask(OneAccount.B), Parts.At(6)).ShouldBe(RequestFailure.CounterpartyUnavailable);
    }

    [Fact]
    public void Given_too_much_old_doubt_when_any_account_is_asked_for_then_it_is_refused_but_for_a_probe()
    {
        Prepare(1, OneAccount.B);
        Prepare(2, OneAccount.C);
        Prepare(3, AccountAddress.Parse("d"));

        a.Limit.Refuse(Ask(OneAccount.B), Parts.At(5)).ShouldBeNull();
        a.Limit.Refuse(Ask(AccountAddress.Parse("e")), Parts.At(5)).ShouldBe(RequestFailure.AccountInDoubt);
    }

    [Fact]
    public void Given_old_doubt_when_it_is_decided_then_nothing_is_refused_from_the_next_count_on()
    {
        Prepare(1, OneAccount.B);
        Prepare(2, OneAccount.B);
        a.Limit.Refuse(Ask(OneAccount.B), Parts.At(5)).ShouldBeNull();
        a.Limit.Refuse(Ask(OneAccount.B), Parts.At(5)).ShouldNotBeNull();
        foreach (var (operation, phase) in a.Operations.Attempts.ToArray())
        {
            a.Rows.Append(
                new TransactionAborted(phase.Branch.Key, -1, TransferStatus.None, null, Parts.At(5)), urgent: true);
            a.Operations.Unclaim(operation);
        }

        a.Limit.Refuse(Ask(OneAccount.B), Parts.At(6)).ShouldBeNull();
        a.Limit.Refuse(Ask(OneAccount.B), Parts.At(6)).ShouldBeNull();
    }

    private static TransactionBranch Ask(AccountAddress other) => Branches.Alone(99, OneAccount.A, other);

    private void Prepare(int id, AccountAddress other)
    {
        var branch = Branches.Alone(id, OneAccount.A, other);
        a.Rows.Append(new TransactionPrepared(branch, Parts.At(0)), urgent: true);
        a.Prepared.Add(a.State.PreparedCount, branch.Key);
        var operation = new Operation(null, branch);
        a.Operations.Claim(operation, OperationIds.Of(branch, OneAccount.A));
        a.Operations.AddAttempt(operation, new Committing(branch, [other], Parts.At(0)));
    }
}
