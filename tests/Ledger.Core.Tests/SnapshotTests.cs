using static Ledger.Core.Tests.OneAccount;

namespace Ledger.Core.Tests;

/// <summary>Goal: an account under load that never ends has snapshots, each of exactly its row. Method: more calls wait
/// than a row
/// holds, at every moment.</summary>
public sealed class SnapshotTests
{
    [Fact]
    public void An_account_that_always_has_more_to_do_than_a_row_holds_takes_snapshots()
    {
        var options = new AccountMachineOptions { BatchEventsMax = 100, SnapshotEvery = 20, IdempotencyWindowMax = 50 };
        var account = new OneAccount(options: options) { WritesAtOnce = false };
        var next = 1;
        for (var i = 0; i < 150; i++)
        {
            Ask();
        }

        for (var row = 0; row < 300; row++)
        {
            account.WriteOneByOne(1);
            for (var i = 0; i < 100; i++)
            {
                Ask();
            }
        }

        var snapshots = account.Rows.Where(static row => row.Snapshot is not null).ToArray();
        snapshots.Length.ShouldBeGreaterThan(20);
        foreach (var row in snapshots.Where(static (_, i) => i % 7 == 0))
        {
            var folded = new AccountMachine(A, options, account);
            foreach (var one in account.Rows.TakeWhile(one => one.SequenceNr <= row.SequenceNr))
            {
                folded.Replay(one);
            }

            row.Snapshot!.SequenceNr.ShouldBe(row.SequenceNr);
            Ledger.Simulation.Oracle.Dump(row.Snapshot).ShouldBe(
                Ledger.Simulation.Oracle.Dump(AccountSnapshot.Of(folded.State, row.SequenceNr)));
        }

        // Ids that order by time, as clients make them: nothing is looked up.
        void Ask()
        {
            var time = (UInt128)(uint)(1_000_000 + next++) << 80;
            var id = new TransferId(time | ((UInt128)7 << 76) | ((UInt128)2 << 62));
            account.Take(new CommitRequest(Branch(0, B, new ResolvedLeg(
                0, new Transfer(id, B, A, Amount.Of(1), 1) { Asset = Usd }, null) { Amount = Amount.Of(1) })));
        }
    }
}
