using static Ledger.Core.Tests.OneAccount;

namespace Ledger.Core.Tests;

/// <summary>Goal: what was journaled can be read again, also by an account that remembers more than the one that wrote
/// it; and no leg is looked for among all.</summary>
public sealed class ReplayTests
{
    [Fact]
    public void A_refusal_over_an_id_that_memory_had_forgotten_is_replayed_by_one_that_remembers_more()
    {
        var account = new OneAccount(options: new AccountMachineOptions { IdempotencyWindowMax = 1 });
        account.Post(Plain(1, A, B, Amount.Of(5))).Status.ShouldBe(TransferStatus.Created);
        account.Post(Plain(2, A, B, Amount.Of(5))).Status.ShouldBe(TransferStatus.Created);

        // Of another content under the first one's id; the id has left memory by now.
        var other = Branch(0, A, new ResolvedLeg(0, Plain(1, A, C, Amount.Of(9)), null) { Amount = Amount.Of(9) });
        account.Take(new OutcomeRequest(other, C));
        account.Rows.SelectMany(static row => row.Events).OfType<AbortRecorded>()
            .ShouldHaveSingleItem().Key.ShouldBe(Id(1));

        account.Restart(new AccountMachineOptions { IdempotencyWindowMax = 4096 });
        account.Post(Plain(1, A, B, Amount.Of(5))).Status.ShouldBe(TransferStatus.Exists);
        account.Post(Plain(3, A, B, Amount.Of(5))).Status.ShouldBe(TransferStatus.Created);
        account.State.Balances.DebitsPosted.ShouldBe(Amount.Of(15));
    }

    [Fact]
    public void A_commit_under_an_id_that_is_used_up_stops_a_replay()
    {
        var account = new OneAccount();
        var close = Branch(0, B, new ResolvedLeg(0, Plain(1, B, A, Amount.Of(5)), null) { Amount = Amount.Of(5) });
        account.Take(new CommitRequest(close));
        var forged = new EventBatch(account.Rows.Count + 1, account.State.EntryCount, account.State.Balances);
        forged.Events.Add(new LastAgentCommitted(close, account.Now));
        account.Rows.Add(forged);

        Should.Throw<LedgerInvariantException>(() => account.Restart()).Message.ShouldContain("I4");
    }

    [Fact]
    public void A_leg_is_found_by_its_place_in_the_whole_and_in_every_slice()
    {
        var whole = Branch(1_000, B, [.. Enumerable.Range(0, 500).Select(static i => new ResolvedLeg(
            i, Plain(2_000 + i, B, i % 7 == 3 ? C : A, Amount.Of(5)), null) { Amount = Amount.Of(5) })]);
        foreach (var branch in new[] { whole, whole.SliceFor(A), whole.SliceFor(C) })
        {
            for (var i = -1; i <= 500; i++)
            {
                branch.FindLeg(i).ShouldBeSameAs(branch.Legs.FirstOrDefault(leg => leg.Index == i));
            }
        }
    }
}
