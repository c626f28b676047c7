using Ledger.Actors.Storage;

namespace Ledger.Storage.Tests;

/// <summary>Goal: what one statement writes is bounded in each way (R17), and nothing is too large for a group of its
/// own.</summary>
public sealed class GroupFillTests
{
    [Theory]
    [InlineData(1, 100, 0, LedgerSizes.GroupRowsMax)]
    [InlineData(1, 1_000_000, 0, 9)]
    [InlineData(1, LedgerSizes.RowMax, 0, 4)]
    [InlineData(1, 100, 1_000, 10)]
    [InlineData(1, 100, 16_380, 1)]
    public void A_group_is_full_after_so_many_writes(int rows, int bytes, int ids, int writes)
    {
        var fill = new GroupFill(LedgerSizes.GroupRowsMax, LedgerSizes.GroupFull, LedgerSizes.GroupIdsMax);
        var count = 0;
        for (; !fill.IsFull; count++)
        {
            fill.Add(rows, bytes, ids);
        }

        count.ShouldBe(writes);
        ((long)count * bytes).ShouldBeLessThanOrEqualTo(LedgerSizes.GroupFull + LedgerSizes.RowMax);
    }
}
