using Akka.Actor;
using Ledger.Actors.Storage;

namespace Ledger.Storage.Tests;

/// <summary>Goal: whatever rows hold, a statement brings no more bytes than it may, and accounts wake (R17). Method:
/// rows that are put into the journal by a statement, read through all that reads rows. Run over each
/// storage.</summary>
public abstract class LongRowsTests
{
    private protected const int MiB = 1024 * 1024;

    private static readonly TimeSpan s_timeout = TimeSpan.FromSeconds(60);

    /// <summary>Opens the test class' own database.</summary>
    protected abstract LedgerStorage Open();

    /// <summary>Puts rows of some bytes, which the notes' actor can read, into the journal.</summary>
    protected abstract void Insert(string persistenceId, long sequenceNr, int count, int bytes);

    [Fact]
    public async Task A_page_of_a_stream_ends_at_eight_MiB_and_holds_one_row_at_least()
    {
        var storage = Prepare();
        var number = 1;
        foreach (var size in (int[])[3, 3, 3, 9, 1, 1])
        {
            Insert("sizes", number++, 1, size * MiB);
        }

        await using var streams = storage.OpenStreams();
        (await FromAsync(1, descending: false)).ShouldBe([1L, 2]);
        (await FromAsync(3, descending: false)).ShouldBe([3L]);
        (await FromAsync(4, descending: false)).ShouldBe([4L]);
        (await FromAsync(5, descending: false)).ShouldBe([5L, 6]);
        (await FromAsync(7, descending: false)).ShouldBeEmpty();
        (await FromAsync(6, descending: true)).ShouldBe([6L, 5]);
        (await FromAsync(4, descending: true)).ShouldBe([4L]);
        (await FromAsync(3, descending: true)).ShouldBe([3L, 2]);
        (await streams.ReadAsync("sizes", 1, 9, 1, descending: false, CancellationToken.None)).Count.ShouldBe(1);

        async Task<IEnumerable<long>> FromAsync(long number, bool descending) => (await streams.ReadAsync(
            "sizes", descending ? 1 : number, descending ? number : 100, 100, descending, CancellationToken.None))
            .Select(static row => row.SequenceNr);
    }

    [Fact]
    public async Task A_page_of_the_whole_journal_ends_at_eight_MiB_too_and_none_is_left_out()
    {
        var storage = Prepare();
        Insert("ledger-account-a", 1, 20, 3 * MiB);
        Insert("ledger-account-b", 1, 2, 9 * MiB);
        Insert("ledger-account-c", 1, 1_500, 10);

        await using var store = storage.OpenJournalRows();
        var size = new PageSize(1_000, LedgerSizes.PageMax);
        var pages = new List<JournalPage>();
        for (long from = 0; ;)
        {
            var page = await store.ReadRowsAsync(from, 5_000, "noted", isPrefix: true, size, CancellationToken.None);
            if (page.Rows.Count == 0)
            {
                break;
            }

            pages.Add(page);
            page.HasMore.ShouldBe(page.Rows[^1].Ordering < 1_522);
            from = page.Rows[^1].Ordering;
        }

        pages.ShouldAllBe(
            page => page.Rows.Count == 1 || page.Rows.Sum(row => row.Payload.Length) <= LedgerSizes.PageMax);
        pages.SelectMany(page => page.Rows).Select(row => row.Ordering)
            .ShouldBe(Enumerable.Range(1, 1_522).Select(n => (long)n));
        pages.Take(10).ShouldAllBe(page => page.Rows.Count == 2);
    }

    [Fact]
    public async Task Accounts_of_long_rows_wake_alone_and_with_others()
    {
        var storage = Prepare();
        Insert("alone", 1, 20, 2 * MiB);
        Insert("alone", 21, 1, 9 * MiB);
        Insert("alone", 22, 5, 10);
        for (var i = 0; i < 24; i++)
        {
            Insert($"other-{i}", 1, 5, i % 3 == 0 ? 3 * MiB : 20);
        }

        Insert("snapped", 1, 1, 9 * MiB);
        (storage as IDisposable)?.Dispose();
        await using var node = await Node.StartAsync(Open());
        (await LengthsAsync("alone")).ShouldBe(
            [.. Enumerable.Repeat(2 * MiB, 20), 9 * MiB, .. Enumerable.Repeat(10, 5)]);

        // Together they are more than one statement may bring, so some have to ask again.
        var all = await Task.WhenAll(Enumerable.Range(0, 24).Select(i => LengthsAsync($"other-{i}")));
        for (var i = 0; i < 24; i++)
        {
            all[i].ShouldBe(Enumerable.Repeat(i % 3 == 0 ? 3 * MiB : 20, 5), $"other-{i}");
        }

        // The row that a snapshot stands on fills a page by itself, and nothing or something follows it.
        var actor = node.Open("snapped");
        await actor.Ask<Written>(new Snap(), s_timeout);
        await actor.GracefulStop(s_timeout);
        (await node.ReadAgainAsync("snapped")).SequenceNr.ShouldBe(1);
        actor = node.Open("snapped");
        (await Node.WriteAsync(actor, new Noted("after"))).ShouldBe(2);
        await actor.GracefulStop(s_timeout);
        var contents = await node.ReadAgainAsync("snapped");
        (contents.SequenceNr, contents.ReplayedEvents).ShouldBe((2L, 1L));

        async Task<IEnumerable<int>> LengthsAsync(string persistenceId) =>
            (await node.ReadAgainAsync(persistenceId)).Texts.Select(static text => text.Length);
    }

    [Fact]
    public async Task The_longest_snapshot_that_may_be_is_stored_and_woken_from()
    {
        var storage = Prepare();
        Insert("longest", 1, 5, 9 * MiB);
        Insert("longest", 6, 1, LedgerSizes.SnapshotMax - (45 * MiB) - 1_024);
        (storage as IDisposable)?.Dispose();
        await using var node = await Node.StartAsync(Open());
        var actor = node.Open("longest");
        (await actor.Ask<Written>(new Snap(), s_timeout)).SequenceNr.ShouldBe(6);
        await actor.GracefulStop(s_timeout);

        // A read of so much that takes longer than a busy machine is given is a failed recovery, which is tried again.
        var contents = await node.TryUntilWokenAsync("longest");
        (contents.SequenceNr, contents.ReplayedEvents).ShouldBe((6L, 0L));
        contents.Texts.Sum(static text => text.Length).ShouldBe(LedgerSizes.SnapshotMax - 1_024);
    }

    private protected LedgerStorage Prepare()
    {
        var storage = Open();
        storage.Prepare();
        return storage;
    }
}
