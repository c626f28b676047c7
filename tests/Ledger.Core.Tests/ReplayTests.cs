using System.Diagnostics;
using static Ledger.Core.Tests.OneAccount;

namespace Ledger.Core.Tests;

/// <summary>Goal: what was journaled can be read again: by an account that remembers more than the one that wrote it,
/// and in a time
/// that grows with the legs and not with their square.</summary>
public sealed class ReplayTests
{
    [Fact]
    public void A_refusal_over_an_id_that_memory_had_forgotten_is_replayed_by_one_that_remembers_more()
    {
        var account = new OneAccount(options: new AccountRuntimeOptions { RememberedIdsMax = 1 });
        account.Post(Plain(1, A, B, Amount.Of(5))).Status.ShouldBe(TransferStatus.Created);
        account.Post(Plain(2, A, B, Amount.Of(5))).Status.ShouldBe(TransferStatus.Created);

        // Of another content under the first one's id; the id has left memory by now.
        var other = Part(0, A, new PartLeg(0, Plain(1, A, C, Amount.Of(9)), null) { Amount = Amount.Of(9) });
        account.Take(new OutcomeRequest(other, C));
        account.Rows.SelectMany(static row => row.Events).OfType<TransactionDisowned>()
            .ShouldHaveSingleItem().Key.ShouldBe(Id(1));

        account.Restart(new AccountRuntimeOptions { RememberedIdsMax = 4096 });
        account.Post(Plain(1, A, B, Amount.Of(5))).Status.ShouldBe(TransferStatus.Exists);
        account.Post(Plain(3, A, B, Amount.Of(5))).Status.ShouldBe(TransferStatus.Created);
        account.State.Balances.DebitsPosted.ShouldBe(Amount.Of(15));
    }

    [Fact]
    public void A_commit_under_an_id_that_is_used_up_stops_a_replay()
    {
        var account = new OneAccount();
        var close = Part(0, B, new PartLeg(0, Plain(1, B, A, Amount.Of(5)), null) { Amount = Amount.Of(5) });
        account.Take(new CloseRequest(close));
        var forged = new EventBatch(account.Rows.Count + 1, account.State.EntryCount, account.State.Balances);
        forged.Events.Add(new CloserCommitted(close, account.Now));
        account.Rows.Add(forged);

        Should.Throw<LedgerInvariantException>(() => account.Restart()).Message.ShouldContain("I4");
    }

    [Fact]
    public void Legs_that_post_holds_take_a_time_that_grows_with_their_number()
    {
        var few = TimeOf(500);
        var many = TimeOf(8000);

        // Sixteen times as many; were each leg looked for among all, it would be 256.
        (many / few).ShouldBeLessThan(80);

        static double TimeOf(int legs)
        {
            var options = new AccountRuntimeOptions { HoldsPerCounterpartyMax = legs };
            var account = new OneAccount(options: options);
            for (var i = 0; i < legs; i++)
            {
                var hold = Plain(i + 1, B, A, Amount.Of(5)) with { Flags = TransferFlags.Pending };
                account.Take(new CloseRequest(Part(0, B, new PartLeg(0, hold, null) { Amount = hold.Amount,
                    Deadline = LedgerTime.MaxValue })));
            }

            var part = Part(
                1_000_000, B,
                [.. Enumerable.Range(0, legs).Select(i => new PartLeg(
                    i, Plain(2_000_000 + i, B, A, Amount.Of(5)) with { Flags = TransferFlags.PostPending,
                        PendingId = Id(i + 1) }, null)
                {
                    Amount = Amount.Of(5), HoldRemaining = Amount.Of(5),
                })]);
            account.Take(new PrepareRequest(part));
            account.Sent<Vote>().ShouldHaveSingleItem().Kind.ShouldBe(VoteKind.Yes);
            var best = double.MaxValue;
            for (var i = 0; i < 5; i++)
            {
                var state = new AccountRuntime(A, options, account);
                foreach (var row in account.Rows.SkipLast(1))
                {
                    state.Replay(row);
                }

                var started = Stopwatch.GetTimestamp();
                state.Replay(account.Rows[^1]);
                best = Math.Min(best, Stopwatch.GetElapsedTime(started).TotalMicroseconds);
            }

            return best;
        }
    }
}
