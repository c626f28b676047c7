using System.Net;
using Ledger.Actors;
using Ledger.Actors.Storage;
using Ledger.PostgreSql;
using Ledger.Sqlite;
using Ledger.Tests.Shared;

namespace Ledger.Storage.Tests;

/// <summary>The table of blocks over each storage, and what a block meets.</summary>
[Collection(PostgresCollection.Name)]
public sealed class BlockStoreTests : IAsyncLifetime
{
    private static readonly DateTimeOffset s_now = new(2026, 11, 30, 9, 0, 0, TimeSpan.Zero);

    private readonly DirectoryInfo directory = Directory.CreateTempSubdirectory("ledger-blocks-");
    private readonly List<IAsyncDisposable> opened = [];
    private SqliteStorage? sqlite;

    public static TheoryData<bool> Stores => [true, false];

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        foreach (var one in opened)
        {
            await one.DisposeAsync();
        }

        sqlite?.Dispose();
        directory.Delete(recursive: true);
    }

    [Theory]
    [MemberData(nameof(Stores))]
    public async Task What_is_stored_is_read_until_its_time_is_over(bool onPostgres)
    {
        var store = Open(onPostgres);
        (await store.ReadAsync(s_now, default)).ShouldBeEmpty();
        var block = Block("mallory", TimeSpan.FromMinutes(1)) with { Reason = "ticket 7: 'ünfair'; DROP TABLE" };
        (await store.PutAsync(block, s_now, 10, default)).ShouldBeTrue();
        (await store.ReadAsync(s_now, default)).ShouldBe([block]);
        (await store.ReadAsync(block.ExpireTime, default)).ShouldBeEmpty();

        // The same subject again, and another kind of the same name.
        var longer = block with { ExpireTime = s_now.AddHours(1), Principal = "bob", Reason = "worse" };
        (await store.PutAsync(longer, s_now, 10, default)).ShouldBeTrue();
        var key = block with { Kind = CallerBlockKind.Key };
        (await store.PutAsync(key, s_now, 10, default)).ShouldBeTrue();
        (await store.ReadAsync(s_now, default)).ShouldBe([longer, key]);
        (await store.RemoveAsync(CallerBlockKind.Principal, "mallory", default)).ShouldBeTrue();
        (await store.RemoveAsync(CallerBlockKind.Principal, "mallory", default)).ShouldBeFalse();
        (await store.ReadAsync(s_now, default)).ShouldBe([key]);
    }

    [Fact]
    public async Task A_node_waits_until_it_has_read_once_who_is_blocked()
    {
        var store =
            new UnreadableStore(Block("mallory", TimeSpan.FromDays(1)) with { ExpireTime = DateTimeOffset.MaxValue });
        await using var blocks = new CallerBlocks(store, TimeProvider.System, Akka.Event.NoLogger.Instance);
        var waiting = blocks.ReadOnceAsync(TimeSpan.FromMinutes(2));
        await Until.TrueAsync(() => store.Failures >= 2);
        waiting.IsCompleted.ShouldBeFalse();
        store.CanBeRead = true;
        await waiting;
        blocks.Find("mallory", null, null).ShouldNotBeNull();
    }

    [Fact]
    public async Task A_node_that_cannot_read_who_is_blocked_does_not_start_and_says_why()
    {
        var store = new UnreadableStore(Block("mallory", TimeSpan.FromDays(1)));
        await using var blocks = new CallerBlocks(store, TimeProvider.System, Akka.Event.NoLogger.Instance);
        await Until.TrueAsync(() => store.Failures >= 1);
        var failure = await Should.ThrowAsync<InvalidOperationException>(
            () => blocks.ReadOnceAsync(TimeSpan.FromMilliseconds(1)));
        failure.Message.ShouldContain("The list of blocked callers could not be read");
        failure.Message.ShouldContain("no such table");
    }

    [Theory]
    [MemberData(nameof(Stores))]
    public async Task An_automatic_block_does_not_shorten_that_of_a_person(bool onPostgres)
    {
        var store = Open(onPostgres);
        var person = Block("mallory", TimeSpan.FromDays(30)) with { Principal = "bob" };
        var automatic = Block("mallory", TimeSpan.FromMinutes(10)) with { Principal = CallerBlock.Automatic };
        (await store.PutAsync(person, s_now, 10, default)).ShouldBeTrue();
        (await store.PutAsync(automatic, s_now, 10, default)).ShouldBeTrue();
        (await store.ReadAsync(s_now, default)).ShouldBe([person]);
        var longer = automatic with { ExpireTime = s_now.AddDays(31) };
        (await store.PutAsync(longer, s_now, 10, default)).ShouldBeTrue();
        (await store.ReadAsync(s_now, default)).ShouldBe([longer]);
        (await store.PutAsync(person, s_now, 10, default)).ShouldBeTrue();
        (await store.ReadAsync(s_now, default)).ShouldBe([person]);
    }

    [Theory]
    [MemberData(nameof(Stores))]
    public async Task There_are_so_many_and_no_more_also_when_many_come_at_once(bool onPostgres)
    {
        var store = Open(onPostgres);
        var stored = await Task.WhenAll(Enumerable.Range(0, 20).Select(
            i => store.PutAsync(Block($"p{i}", TimeSpan.FromMinutes(1)), s_now, 5, default)));
        stored.Count(static one => one).ShouldBe(5);

        // What is there may be set anew; those that the ledger makes count apart; and what is over makes room.
        var kept = (await store.ReadAsync(s_now, default))[0];
        (await store.PutAsync(kept with { Reason = "again" }, s_now, 5, default)).ShouldBeTrue();
        (await store.PutAsync(
            Block("q", TimeSpan.FromMinutes(1)) with { Principal = CallerBlock.Automatic }, s_now, 5,
            default)).ShouldBeTrue();
        (await store.PutAsync(Block("r", TimeSpan.FromMinutes(9)), s_now.AddMinutes(2), 5, default)).ShouldBeTrue();
        (await store.ReadAsync(s_now.AddMinutes(2), default)).Single().Subject.ShouldBe("r");
    }

    [Theory]
    [InlineData(CallerBlockKind.Address, "10.0.0.7", "10.0.0.7")]
    [InlineData(CallerBlockKind.Address, "::ffff:10.0.0.7", "10.0.0.7")]
    [InlineData(CallerBlockKind.Address, "10.1.0.0/16", "10.1.0.0/16")]
    [InlineData(CallerBlockKind.Address, "10.0.0.7/32", "10.0.0.7")]
    [InlineData(CallerBlockKind.Address, "2001:DB8::7", "2001:db8::7")]
    [InlineData(CallerBlockKind.Address, "2001:db8::/64", "2001:db8::/64")]
    [InlineData(CallerBlockKind.Address, "10.1.2.3/16", "10.1.0.0/16")]
    [InlineData(CallerBlockKind.Address, "ledger.example.com", null)]
    [InlineData(CallerBlockKind.Address, "", null)]
    [InlineData(CallerBlockKind.Key, "ops1", "ops1")]
    [InlineData(CallerBlockKind.Key, "lk_ops1", null)]
    [InlineData(CallerBlockKind.Principal, "spiffe://bank/payments", "spiffe://bank/payments")]
    [InlineData(CallerBlockKind.Principal, "ledger:expiry", null)]
    [InlineData(CallerBlockKind.Principal, "a\nb", null)]
    [InlineData((CallerBlockKind)9, "a", null)]
    public void A_subject_has_one_form(CallerBlockKind kind, string subject, string? canonical) =>
        CallerBlock.Canonical(kind, subject).ShouldBe(canonical);

    [Theory]
    [InlineData("a", null, "192.0.2.1", "Principal")]
    [InlineData("b", "k", "192.0.2.1", "Key")]
    [InlineData("b", "l", "10.0.0.7", "Address")]
    [InlineData("b", "l", "::ffff:10.0.0.7", "Address")]
    [InlineData(null, null, "10.1.255.1", "Address")]
    [InlineData(null, null, "2001:db8::ffff", "Address")]
    [InlineData("k", "a", "10.2.0.1", null)]
    [InlineData("over", null, null, null)]
    [InlineData(null, null, null, null)]
    [InlineData(null, null, "2001:db8:0:1::", null)]
    public void A_call_meets_the_block_of_its_principal_its_key_or_its_address(
        string? principal, string? key, string? address, string? met)
    {
        var table = new BlockTable(
        [
            Block("a", TimeSpan.FromMinutes(1)),
            Block("k", TimeSpan.FromMinutes(1)) with { Kind = CallerBlockKind.Key },
            Block("10.0.0.7", TimeSpan.FromMinutes(1)) with { Kind = CallerBlockKind.Address },
            Block("10.1.0.0/16", TimeSpan.FromMinutes(1)) with { Kind = CallerBlockKind.Address },
            Block("2001:db8::/64", TimeSpan.FromMinutes(1)) with { Kind = CallerBlockKind.Address },
            Block("over", TimeSpan.Zero),
        ]);
        table.Find(principal, key, address is null ? null : IPAddress.Parse(address), s_now)?.Kind.ToString()
            .ShouldBe(met);
        new BlockTable([]).Find(principal, key, null, s_now).ShouldBeNull();
    }

    private static CallerBlock Block(string subject, TimeSpan length) =>
        new(CallerBlockKind.Principal, subject, s_now, s_now + length, "alice", "ticket 7");

    private IBlockStore Open(bool onPostgres)
    {
        LedgerStorage storage = onPostgres
            ? new PostgreSqlStorage(PostgresServer.Shared.CreateDatabase())
            : sqlite = new SqliteStorage(Path.Combine(directory.FullName, "ledger.db"));
        storage.Prepare();
        var store = storage.OpenBlocks()!;
        opened.Add(store);
        return store;
    }
}
