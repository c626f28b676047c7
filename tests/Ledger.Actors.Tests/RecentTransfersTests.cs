using Ledger.Actors.Calls;
using Ledger.Core;

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
}
