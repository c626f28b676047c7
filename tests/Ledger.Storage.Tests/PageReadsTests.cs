using Ledger.Actors.Storage;

namespace Ledger.Storage.Tests;

/// <summary>Goal: a page that can't be brought in time is brought in smaller ones, and no smaller than one row. Method:
/// a source that takes too long for more rows than the test says.</summary>
public sealed class PageReadsTests
{
    private readonly List<PageSize> _asked = [];
    private readonly List<PageSize> _halved = [];
    private int _possible = int.MaxValue;

    [Fact]
    public async Task What_takes_too_long_is_read_in_halves_and_stays_so_for_this_stream_alone()
    {
        var reads = Reads();
        _possible = 30;
        (await ReadAsync(reads, "a")).ShouldBe(25);
        _asked.Select(static size => size.Rows).ShouldBe([100, 50, 25]);
        _asked.Select(static size => size.Bytes).ShouldBe([8_000L, 4_000, 2_000]);
        _halved.Select(static size => size.Rows).ShouldBe([50, 25]);
        _asked.Clear();
        (await ReadAsync(reads, "a")).ShouldBe(25);
        _possible = int.MaxValue;
        (await ReadAsync(reads, "b")).ShouldBe(100);
        _asked.Select(static size => size.Rows).ShouldBe([25, 100]);
    }

    [Fact]
    public async Task One_row_is_the_least_and_fails_when_it_can_not_be_brought_either()
    {
        var reads = Reads();
        _possible = 0;
        await Should.ThrowAsync<TimeoutException>(() => ReadAsync(reads, "a"));
        _asked.Select(static size => size.Rows).ShouldBe([100, 50, 25, 12, 6, 3, 1]);
    }

    [Fact]
    public async Task Who_has_no_time_left_leaves_what_was_learned_to_the_next_attempt()
    {
        var reads = Reads();
        _possible = 60;
        using var patience = new CancellationTokenSource();
        await patience.CancelAsync();
        await Should.ThrowAsync<TimeoutException>(() => ReadAsync(reads, "a", patience.Token));
        _asked.Count.ShouldBe(1);
        (await ReadAsync(reads, "a")).ShouldBe(50);
        _asked.Count.ShouldBe(2);
    }

    [Fact]
    public async Task What_is_wrong_otherwise_halves_nothing()
    {
        var reads = Reads();
        await Should.ThrowAsync<FormatException>(() => reads.ReadAsync<int>(
            "a", int.MaxValue, static (_, _) => throw new FormatException(), CancellationToken.None));
        reads.SizeFor("a").Rows.ShouldBe(100);
        (await reads.ReadAsync("a", 7, ReadAsync, CancellationToken.None)).ShouldBe(7);
    }

    private PageReads Reads() => new(
        new PageSize(100, 8_000), static failure => failure is TimeoutException, (_, size) => _halved.Add(size));

    private Task<int> ReadAsync(PageReads reads, string stream, CancellationToken cancellationToken = default) =>
        reads.ReadAsync(stream, int.MaxValue, ReadAsync, cancellationToken);

    private Task<int> ReadAsync(PageSize size, CancellationToken cancellationToken)
    {
        _asked.Add(size);
        return size.Rows > _possible ? Task.FromException<int>(new TimeoutException()) : Task.FromResult(size.Rows);
    }
}
