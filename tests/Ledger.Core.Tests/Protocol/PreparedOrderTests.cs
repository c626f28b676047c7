namespace Ledger.Core.Tests.Protocol;

/// <summary>What is in doubt, in order.</summary>
public sealed class PreparedOrderTests
{
    private static readonly AccountAddress s_a = AccountAddress.Parse("a");
    private static readonly AccountAddress s_b = AccountAddress.Parse("b");

    private readonly AccountState state = new(s_a, 100, TimeSpan.FromDays(1));
    private readonly PreparedOrder prepared;

    public PreparedOrderTests()
    {
        prepared = new PreparedOrder(state);
        state.Evolve(new AccountOpened(new AccountSpec(s_a, OneAccount.Usd, 1), At(1)), 1);
    }

    [Fact]
    public void Given_nothing_in_doubt_when_asked_then_there_is_no_oldest()
    {
        prepared.IsEmpty.ShouldBeTrue();
        prepared.Oldest.ShouldBeNull();
        prepared.OldestNumber.ShouldBe(long.MaxValue);
        prepared.NewestNumber.ShouldBe(0);
    }

    [Fact]
    public void Given_two_prepared_when_the_younger_is_decided_first_then_the_older_stays_the_oldest()
    {
        Prepare(1);
        Prepare(2);
        prepared.Oldest.ShouldNotBeNull().PreparedTime.ShouldBe(At(1));
        prepared.NewestNumber.ShouldBe(2);

        Commit(2);
        prepared.OldestNumber.ShouldBe(1);
        Commit(1);

        prepared.IsEmpty.ShouldBeTrue();
        prepared.NewestNumber.ShouldBe(2);
    }

    [Fact]
    public void Given_the_older_is_decided_when_asked_then_the_younger_is_the_oldest()
    {
        Prepare(1);
        Prepare(2);

        Commit(1);

        prepared.OldestNumber.ShouldBe(2);
        prepared.Oldest.ShouldNotBeNull().PreparedTime.ShouldBe(At(2));
    }

    private static LedgerTime At(int second) => new(second * 1_000_000L);

    private void Prepare(int id)
    {
        var leg = new ResolvedLeg(0, OneAccount.Plain(id, s_a, s_b, Amount.Of(1)), null) { Amount = Amount.Of(1) };
        state.Evolve(new TransactionPrepared(OneAccount.Branch(id, s_a, leg), At(id)), 1);
        prepared.Add(state.PreparedCount, OneAccount.Id(id));
    }

    private void Commit(int id) =>
        state.Evolve(new TransactionCommitted(OneAccount.Id(id), 1, At(3), At(3)), 2);
}
