using Ledger.Actors.Calls;

namespace Ledger.Actors.Tests;

/// <summary>The memory of where ids were decided.</summary>
public sealed class RecentTransfersTests
{
    [Fact]
    public void An_id_is_found_with_its_account_and_nil_never_is()
    {
        var recent = new RecentTransfers();
        var id = Id(1, 1);

        recent.TryFind(id, out _).ShouldBeFalse();
        recent.TryFind(default, out _).ShouldBeFalse();
        recent.Add(id, AccountAddress.Parse("users:1"));
        recent.TryFind(id, out var account).ShouldBeTrue();
        account.Text.ShouldBe("users:1");
    }

    [Fact]
    public void Many_threads_never_see_an_id_with_the_account_of_another()
    {
        var recent = new RecentTransfers();

        // Ids of two threads fall into the same slots: the one differs from the other in bits that cancel each other
        // out.
        Parallel.For(0, 8, thread =>
        {
            for (var i = 0; i < 50_000; i++)
            {
                var id = Id((ulong)thread, (ulong)(i % 64));
                recent.Add(id, AccountAddress.Parse($"a:{thread}"));
                var other = Id((ulong)((thread + 1) % 8), (ulong)(i % 64));
                if (recent.TryFind(other, out var account))
                {
                    account.Text.ShouldBe($"a:{(thread + 1) % 8}");
                }
            }
        });
    }

    // In one slot for all threads.
    private static TransferId Id(ulong thread, ulong number) => new(new UInt128(thread + 1, number ^ (thread + 1)));

    [Theory]
    [InlineData(TransferStatus.Created, false, true)]
    [InlineData(TransferStatus.ExceedsCredits, false, true)]
    [InlineData(TransferStatus.Exists, true, false)]
    [InlineData(TransferStatus.Created, true, false)]
    [InlineData(TransferStatus.AccountsMustBeDifferent, false, false)]
    public void A_transfer_is_remembered_where_it_was_just_decided_and_used_its_id_up(
        TransferStatus status, bool isReplayed, bool isRemembered)
    {
        var recent = new RecentTransfers();

        recent.Remember(
            new TransferResult(new TransferId(5), status, default, isReplayed, null), AccountAddress.Parse("a"));

        recent.TryFind(new TransferId(5), out _).ShouldBe(isRemembered);
    }

    [Fact]
    public void Of_a_transaction_the_coordinator_knows_what_is_journaled_and_each_debit_account_what_is_committed()
    {
        var (a, b, c) = (AccountAddress.Parse("a"), AccountAddress.Parse("b"), AccountAddress.Parse("c"));
        var transaction = Transaction.Of(
            new TransferId(1), new Transfer(new TransferId(2), a, b, Amount.Of(1), 1),
            new Transfer(new TransferId(3), b, c, Amount.Of(1), 1));
        var committed = new TransactionResult(
            transaction.Id, TransferStatus.Created, -1, new LedgerTime(9), false, null, []);

        Remembered(committed).ShouldBe([a, b, a]);
        Remembered(committed with { Status = TransferStatus.ExceedsCredits, FailedLeg = 1 }).ShouldBe([null, null, a]);
        Remembered(committed with { Status = TransferStatus.IdMustNotBeZero, FailedLeg = 0, CreateTime = default })
            .ShouldBe([null, null, null]);
        Remembered(committed with { Status = TransferStatus.Exists, Replayed = true }).ShouldBe([null, null, null]);

        AccountAddress?[] Remembered(TransactionResult result)
        {
            var recent = new RecentTransfers();
            recent.Remember(transaction, result, coordinator: a);
            return [Find(2), Find(3), Find(1)];

            AccountAddress? Find(int id) => recent.TryFind(new TransferId((uint)id), out var found) ? found : null;
        }
    }
}
