using Akka.Actor;
using Akka.Persistence;
using Akka.Persistence.Query;
using Akka.Persistence.Sql.Query;
using Akka.Streams;
using Akka.Streams.Dsl;
using Ledger.Actors.Accounts;
using Ledger.Actors.Journal;
using Ledger.Actors.Storage;
using Ledger.Core;
using Ledger.Tests.Shared;

namespace Ledger.Storage.Tests;

/// <summary>What every storage must do. Run over each of them.</summary>
public abstract class StorageTests
{
    private static readonly TimeSpan s_timeout = TimeSpan.FromSeconds(20);

    /// <summary>Opens the test class' own database.</summary>
    protected abstract LedgerStorage Open();

    /// <summary>Inserts a row as a writer would of whom the ledger knows nothing.</summary>
    protected abstract void InsertBehind(string persistenceId, long sequenceNr);

    /// <summary>Runs a statement on the database.</summary>
    protected abstract void Execute(string sql);

    [Fact]
    public async Task What_is_written_is_recovered_by_a_new_system()
    {
        await using (var node = await Node.StartAsync(Open()))
        {
            var actor = node.Open("a-1");
            (await Node.WriteAsync(actor, new Noted("one"))).ShouldBe(1);
            (await Node.WriteAsync(actor, new Noted("two"), new Noted("three"))).ShouldBe(3);
            (await Node.ReadAsync(actor)).Texts.ShouldBe(["one", "two", "three"]);
        }

        await using (var node = await Node.StartAsync(Open()))
        {
            var contents = await node.ReadAgainAsync("a-1");
            contents.Texts.ShouldBe(["one", "two", "three"]);
            contents.SequenceNr.ShouldBe(3);
        }
    }

    [Fact]
    public async Task A_ledger_has_an_identity_from_its_making_on()
    {
        var before = LedgerTime.From(DateTimeOffset.UtcNow);
        var storage = Open();
        storage.Prepare();
        (storage as IDisposable)?.Dispose();
        var first = Open().ReadIdentity();
        first.Id.ShouldNotBe(Guid.Empty);
        first.Epoch.Number.ShouldBe(1);
        first.Epoch.BegunBy.ShouldNotBeEmpty();
        first.Epoch.BegunAt.ToDateTimeOffset().ShouldBe(before.ToDateTimeOffset(), TimeSpan.FromMinutes(1));
        first.Epoch.Reason.ShouldBe("The ledger was made.");
        first.IdWindow.ShouldBe(LedgerIdentity.IdWindowDefault);
        await using (var node = await Node.StartAsync(Open()))
        {
            await Node.WriteAsync(node.Open("identity"), new Noted("1"));
        }

        Open().ReadIdentity().ShouldBe(first);
    }

    [Fact]
    public void An_identity_that_is_made_late_says_so()
    {
        Prepare();
        InsertBehind("old", 1);
        Execute("DROP TABLE ledger_identity");
        Prepare();
        Open().ReadIdentity().Epoch.Reason.ShouldContain("beside a journal that had rows already");

        void Prepare()
        {
            var storage = Open();
            storage.Prepare();
            (storage as IDisposable)?.Dispose();
        }
    }

    [Theory]
    [InlineData(1, false)]
    [InlineData(5, false)]
    [InlineData(5, true)]
    [InlineData(200, false)]
    public async Task A_row_that_lacks_its_predecessor_keeps_all_others_of_its_append_out(int count, bool withIds)
    {
        var storage = Open();
        storage.Prepare();
        (storage as IDisposable)?.Dispose();
        await using (var before = OpenAppender())
        {
            await before.AppendAsync([.. Enumerable.Range(0, count).Select(i => Row($"r19-{i}", 1))], isolating: false);
        }

        // Of its own session: what a session has seen acknowledged can't vanish while it lives.
        await using var appender = OpenAppender();

        // Row 2 of the last stream is missing; and that of all others is there.
        AppendRow[] orphaned =
        [
            .. Enumerable.Range(0, count - 1).SelectMany(i => new[] { Row($"r19-{i}", 2), Row($"r19-{i}", 3) }),
            Row($"r19-{count - 1}", 3),
        ];
        var lost = await Should.ThrowAsync<MissingPredecessorException>(
            appender.AppendAsync(orphaned, isolating: false));
        appender.Classify(lost).ShouldBe(AppendFault.Lost);
        lost.Message.ShouldContain($"lacks row 2 of r19-{count - 1}");
        (await CountAsync()).ShouldBe(count);

        // A gap within the rows is one as well.
        AppendRow[] gap = [.. orphaned[..^1], Row($"r19-{count - 1}", 2), Row($"r19-{count - 1}", 4)];
        (await Should.ThrowAsync<MissingPredecessorException>(appender.AppendAsync(gap, isolating: false)))
            .Message.ShouldContain($"lacks row 3 of r19-{count - 1}");
        (await CountAsync()).ShouldBe(count);

        await appender.AppendAsync([.. orphaned[..^1], Row($"r19-{count - 1}", 2)], isolating: false);
        (await CountAsync()).ShouldBe((3 * count) - 1);

        AppendRow Row(string stream, long number) => new(stream, number, 1, [1], 7_654_321, "noted.v1", "writer")
        {
            Entries = withIds && number == 3 ? new IdEntries([TransferId.FromGuid(Guid.NewGuid())], default) : null,
        };

        async Task<long> CountAsync()
        {
            await using var streams = Open().OpenStreams();
            var rows = 0;
            for (var i = 0; i < count; i++)
            {
                rows += (await streams.ReadAsync($"r19-{i}", 1, 9, 9, descending: false, CancellationToken.None)).Count;
            }

            return rows;
        }
    }

    [Fact]
    public async Task A_stale_writer_is_told_from_a_lost_predecessor()
    {
        var storage = Open();
        storage.Prepare();
        (storage as IDisposable)?.Dispose();
        await using var appender = OpenAppender();
        await appender.AppendAsync([Row("stale", 1), Row("stale", 2)], isolating: false);
        foreach (var rows in new AppendRow[][] { [Row("stale", 2)], [Row("stale", 2), Row("stale", 3)] })
        {
            appender.Classify(await Should.ThrowAsync<Exception>(appender.AppendAsync(rows, isolating: false)))
                .ShouldBe(AppendFault.Duplicate);
        }

        static AppendRow Row(string stream, long number) =>
            new(stream, number, 1, [1], 7_654_321, "noted.v1", "writer");
    }

    [Fact]
    public async Task After_a_lost_predecessor_nothing_more_is_written_and_the_watch_says_why()
    {
        await using var node = await Node.StartAsync(Open());
        var actors = Enumerable.Range(0, 20).Select(i => node.Open($"lost-{i}")).ToArray();
        await Task.WhenAll(actors.Select(actor => Node.WriteAsync(actor, new Noted("1"))));
        string? told = null;
        var watch = DatabaseWatch.Of(node.System);
        watch.Notify(() => told = watch.Loss, static _ => { }, static () => { });
        Execute("DELETE FROM journal WHERE persistence_id = 'lost-7'");
        (await WriteOrStopAsync(actors[7], new Noted("2"))).ShouldBeFalse();
        (await Task.WhenAll(actors.Where((_, i) => i != 7).Select(actor => WriteOrStopAsync(actor, new Noted("2")))))
            .ShouldAllBe(ok => !ok);
        told.ShouldNotBeNull().ShouldContain("lacks row 1 of lost-7");
        watch.Loss.ShouldBe(told);
    }

    [Fact]
    public async Task A_stream_longer_than_a_page_is_recovered_in_order()
    {
        await using var node = await Node.StartAsync(
            Open(), "akka.persistence.journal.ledger.read-page-rows = 7");
        foreach (var count in (int[])[6, 7, 8, 30])
        {
            var actor = node.Open($"long-{count}");
            for (var i = 1; i <= count; i++)
            {
                await Node.WriteAsync(actor, new Noted($"{i}"));
            }

            await actor.GracefulStop(s_timeout);
            var contents = await node.ReadAgainAsync($"long-{count}");
            contents.Texts.ShouldBe(Enumerable.Range(1, count).Select(i => $"{i}"));
            contents.SequenceNr.ShouldBe(count);
        }
    }

    [Fact]
    public async Task What_follows_a_snapshot_is_recovered_however_many_pages_it_takes()
    {
        await using var node = await Node.StartAsync(
            Open(), "akka.persistence.journal.ledger.read-page-rows = 7");

        // The first page also reads the row that the snapshot stands on.
        foreach (var count in (int[])[5, 6, 7, 8, 30])
        {
            var name = $"snap-{count}";
            var actor = node.Open(name);
            await Node.WriteAsync(actor, new Noted("before"));
            await actor.Ask<Written>(new Snap(), s_timeout);
            await actor.GracefulStop(s_timeout);
            actor = node.Open(name);
            for (var i = 1; i <= count; i++)
            {
                await Node.WriteAsync(actor, new Noted($"{i}"));
            }

            await actor.GracefulStop(s_timeout);
            var contents = await node.ReadAgainAsync(name);
            contents.Texts.ShouldBe(Enumerable.Range(1, count).Select(i => $"{i}").Prepend("before"));
            contents.SequenceNr.ShouldBe(count + 1);
            contents.ReplayedEvents.ShouldBe(count);
        }
    }

    [Fact]
    public async Task An_account_that_moves_between_nodes_and_back_recovers()
    {
        // A, B, A: with a writer id per journal the replay filter would refuse the third.
        await using var node = await Node.StartAsync(Open());
        for (var i = 1; i <= 15; i++)
        {
            var actor = node.Open("moving");
            (await Node.ReadAsync(actor)).SequenceNr.ShouldBe(i - 1);
            await Node.WriteAsync(actor, new Noted($"{i}"));
            await actor.GracefulStop(s_timeout);
        }
    }

    [Fact]
    public async Task Two_hundred_actors_write_at_once()
    {
        await using var node = await Node.StartAsync(Open());
        var actors = Enumerable.Range(0, 200).Select(i => node.Open($"many-{i}")).ToArray();
        await Task.WhenAll(actors.Select(async actor =>
        {
            for (var i = 1; i <= 20; i++)
            {
                (await Node.WriteAsync(actor, new Noted($"{i}"))).ShouldBe(i);
            }
        }));
        await Task.WhenAll(actors.Select(actor => actor.GracefulStop(s_timeout)));
        var contents = await Task.WhenAll(
            Enumerable.Range(0, 200).Select(i => node.ReadAgainAsync($"many-{i}")));
        contents.ShouldAllBe(c => c.SequenceNr == 20 && c.Texts.Length == 20);
    }

    [Fact]
    public async Task Many_that_wake_at_once_each_get_what_is_theirs()
    {
        // None, some that fit into a page, some that do not; without a snapshot, with one in the midst, at the end, and
        // with two.
        const int count = 300;
        await using (var node = await Node.StartAsync(Open()))
        {
            await Task.WhenAll(Enumerable.Range(0, count).Select(async i =>
            {
                for (var done = 0; done < i % 20;)
                {
                    var actor = node.Open($"wake-{i}");
                    var until = Math.Min(i % 20, done + 1 + (i % 9));
                    while (done < until)
                    {
                        await Node.WriteAsync(actor, new Noted($"{i}.{++done}"));
                    }

                    if (i % 3 > 0)
                    {
                        await actor.Ask<Written>(new Snap(), s_timeout);
                    }

                    await actor.GracefulStop(s_timeout);
                }
            }));
        }

        await using var woken = await Node.StartAsync(Open(), "akka.persistence.journal.ledger.read-page-rows = 7");
        for (var round = 0; round < 3; round++)
        {
            var contents =
                await Task.WhenAll(Enumerable.Range(0, count).Select(i => woken.ReadAgainAsync($"wake-{i}")));
            for (var i = 0; i < count; i++)
            {
                contents[i].SequenceNr.ShouldBe(i % 20);
                contents[i].Texts.ShouldBe(Enumerable.Range(1, i % 20).Select(number => $"{i}.{number}"));
            }
        }
    }

    [Fact]
    public async Task A_conflicting_row_stops_one_actor_and_no_other()
    {
        await using var node = await Node.StartAsync(Open());
        var actors = Enumerable.Range(0, 200).Select(i => node.Open($"conflict-{i}")).ToArray();
        await Task.WhenAll(actors.Select(actor => Node.WriteAsync(actor, new Noted("1"))));

        InsertBehind("conflict-77", 2);
        var writes = actors.Select(actor => WriteOrStopAsync(actor, new Noted("2"))).ToArray();
        await Task.WhenAll(writes);

        Enumerable.Range(0, 200).Where(i => !writes[i].Result).ShouldBe([77]);
        await Task.WhenAll(actors.Where((_, i) => i != 77).Select(actor => Node.WriteAsync(actor, new Noted("3"))));

        // And the account goes on from what the other writer left.
        (await node.ReadAgainAsync("conflict-77")).SequenceNr.ShouldBe(2);
        (await Node.WriteAsync(node.Open("conflict-77"), new Noted("3"))).ShouldBe(3);
    }

    [Fact]
    public async Task Many_stale_writers_among_many_fail_alone()
    {
        await using var node = await Node.StartAsync(Open());
        var actors = Enumerable.Range(0, 100).Select(i => node.Open($"zombie-{i}")).ToArray();
        await Task.WhenAll(actors.Select(actor => Node.WriteAsync(actor, new Noted("1"))));
        for (var i = 0; i < 100; i += 3)
        {
            InsertBehind($"zombie-{i}", 2);
        }

        var writes = await Task.WhenAll(actors.Select(
            (actor, i) => i % 2 == 0
                ? WriteOrStopAsync(actor, new Noted("2"), new Noted("3"))
                : WriteOrStopAsync(actor, new Noted("2"))));
        for (var i = 0; i < 100; i++)
        {
            writes[i].ShouldBe(i % 3 != 0, $"actor {i}");
            (await node.ReadAgainAsync($"zombie-{i}")).SequenceNr.ShouldBe(
                i % 3 == 0 ? 2 : i % 2 == 0 ? 3 : 2, $"actor {i}");
        }
    }

    [Fact]
    public async Task What_is_stored_beside_stale_writers_counts_as_acknowledged()
    {
        await using var node = await Node.StartAsync(Open(), "akka.persistence.journal.ledger.writers = 1");
        var actors = Enumerable.Range(0, 60).Select(i => node.Open($"beside-{i}")).ToArray();
        await Task.WhenAll(actors.Select(actor => Node.WriteAsync(actor, OfAnAccount())));
        for (var i = 0; i < actors.Length; i++)
        {
            if (i % 3 != 2)
            {
                InsertBehind($"beside-{i}", 2);
            }
        }

        // The first is stale: all that is stored is stored in a batch that was taken apart.
        await Task.WhenAll(actors.Select(actor => WriteOrStopAsync(actor, OfAnAccount())));
        DatabaseWatch.Of(node.System).AcknowledgedRows().ShouldHaveSingleItem().SequenceNr.ShouldBe(2);

        static JournalRow OfAnAccount() => new(new byte[] { 1 }) { Generation = 0 };
    }

    [Fact]
    public async Task What_cannot_be_serialized_stops_its_own_actor_only()
    {
        await using var node = await Node.StartAsync(Open());
        var actors = Enumerable.Range(0, 50).Select(i => node.Open($"serial-{i}")).ToArray();
        await Task.WhenAll(actors.Select(actor => Node.WriteAsync(actor, new Noted("1"))));
        var writes = await Task.WhenAll(actors.Select((actor, i) => WriteOrStopAsync(
            actor, i switch { 7 => new Unwritable(), 8 => new Unbound(), _ => new Noted("2") })));
        Enumerable.Range(0, 50).Where(i => !writes[i]).ShouldBe([7, 8]);
        (await node.ReadAgainAsync("serial-7")).SequenceNr.ShouldBe(1);
    }

    /// <summary>Whatever rests on it must not wait for it (R8', G5).</summary>
    [Fact]
    public async Task A_row_that_cannot_be_stored_fails_its_ticket_and_one_that_is_stored_makes_it_durable()
    {
        await using var node = await Node.StartAsync(Open(), "akka.persistence.journal.ledger.row-bytes-max = 100");
        WriteTicket small = new(), large = new(), waiting = new();
        RowFollower ofSmall = new(small), ofLarge = new(large);
        await Node.WriteAsync(node.Open("ticket-small"), Row(10, small, ofSmall));
        small.Outcome.ShouldBe(WriteOutcome.Durable);

        var actor = node.Open("ticket-large");
        waiting.RestOn([large]);
        var second = WriteOrStopAsync(node.Open("ticket-waiting"), Row(10, waiting, null));
        (await WriteOrStopAsync(actor, Row(101, large, ofLarge))).ShouldBeFalse();
        (await second).ShouldBeFalse();
        (large.Outcome, waiting.Outcome).ShouldBe((WriteOutcome.Failed, WriteOutcome.Failed));
        (small.HasFollowers || large.HasFollowers).ShouldBeFalse();
        (await node.ReadAgainAsync("ticket-waiting")).SequenceNr.ShouldBe(0);

        static JournalRow Row(int bytes, WriteTicket ticket, RowFollower? follower) =>
            new(new byte[bytes]) { Ticket = ticket, Follower = follower };
    }

    [Fact]
    public async Task A_full_queue_refuses_at_once()
    {
        await using var node = await Node.StartAsync(
            Open(),
            "akka.persistence.journal.ledger { queue-size = 1, batch-rows-max = 1 }");
        var actors = Enumerable.Range(0, 100).Select(i => node.Open($"full-{i}")).ToArray();
        await Task.WhenAll(actors.Select(Node.ReadAsync));
        var writes = await Task.WhenAll(actors.Select(actor => WriteOrStopAsync(actor, new Noted("1"))));
        writes.ShouldContain(true);
        writes.ShouldContain(false);
        for (var i = 0; i < 100; i++)
        {
            // Refused means not stored.
            (await node.ReadAgainAsync($"full-{i}")).SequenceNr.ShouldBe(writes[i] ? 1 : 0);
        }
    }

    [Fact]
    public async Task A_snapshot_shortens_the_recovery()
    {
        await using (var node = await Node.StartAsync(Open()))
        {
            var actor = node.Open("snap");
            for (var i = 1; i <= 10; i++)
            {
                await Node.WriteAsync(actor, new Noted($"{i}"));
            }

            await actor.Ask<Written>(new Snap(), s_timeout);
        }

        await using (var node = await Node.StartAsync(Open()))
        {
            var actor = node.Open("snap");
            var contents = await Node.ReadAsync(actor);
            contents.Texts.Length.ShouldBe(10);
            contents.SequenceNr.ShouldBe(10);
            contents.ReplayedEvents.ShouldBe(0);
            await Node.WriteAsync(actor, new Noted("11"));
            await actor.GracefulStop(s_timeout);
            contents = await node.ReadAgainAsync("snap");
            contents.Texts.Length.ShouldBe(11);
            contents.ReplayedEvents.ShouldBe(1);

            // Nothing is lost with the snapshots.
            await node.Open("snap").Ask<Written>(new DropSnapshots(), s_timeout);
            contents = await node.ReadAgainAsync("snap");
            contents.Texts.Length.ShouldBe(11);
            contents.ReplayedEvents.ShouldBe(11);
        }
    }

    [Fact]
    public async Task A_snapshot_that_can_not_be_read_now_fails_the_recovery_and_nothing_is_replayed_in_its_place()
    {
        await using (var node = await Node.StartAsync(Open()))
        {
            var actor = node.Open("locked");
            await Node.WriteAsync(actor, [.. Enumerable.Range(1, 10).Select(static i => new Noted($"{i}"))]);
            await actor.Ask<Written>(new Snap(), s_timeout);
        }

        await using (var node = await Node.StartAsync(Open()))
        {
            using (LockSnapshots())
            {
                var actor = node.Open("locked");
                (await node.StopsAsync(actor)).ShouldBeTrue("there is a snapshot, and it can't be read");
            }

            var contents = await node.TryUntilWokenAsync("locked");
            contents.SequenceNr.ShouldBe(10);
            contents.Texts.Length.ShouldBe(10);
            contents.ReplayedEvents.ShouldBe(0);
        }
    }

    [Fact]
    public async Task A_snapshot_that_is_too_long_is_not_written_and_the_one_before_it_still_counts()
    {
        await using var node = await Node.StartAsync(
            Open(), "akka.persistence.snapshot-store.ledger.snapshot-bytes-max = 100");
        var actor = node.Open("long-snapshot");
        await Node.WriteAsync(actor, new Noted("short"));
        (await actor.Ask<Written>(new Snap(), s_timeout)).SequenceNr.ShouldBe(1);
        await actor.GracefulStop(s_timeout);
        actor = node.Open("long-snapshot");
        await Node.WriteAsync(actor, new Noted(new string('x', 101)));
        var failure = await Should.ThrowAsync<SnapshotTooLargeException>(
            () => actor.Ask<Written>(new Snap(), s_timeout));
        failure.Message.ShouldContain("has 107 bytes; up to 100");
        await actor.GracefulStop(s_timeout);

        var contents = await node.ReadAgainAsync("long-snapshot");
        (contents.SequenceNr, contents.Texts.Length, contents.ReplayedEvents).ShouldBe((2L, 2, 1L));
    }

    [Fact]
    public async Task Old_snapshots_are_deleted_up_to_a_number_and_nobody_elses()
    {
        await using var node = await Node.StartAsync(Open());
        var store = Persistence.Instance.Apply(node.System).SnapshotStoreFor("");
        foreach (var id in new[] { "one", "two" })
        {
            for (var number = 1; number <= 4; number++)
            {
                await store.Ask<SaveSnapshotSuccess>(
                    new SaveSnapshot(new SnapshotMetadata(id, number, DateTime.UtcNow), new NotesState([$"{number}"])),
                    s_timeout);
            }
        }

        await store.Ask<DeleteSnapshotsSuccess>(
            new DeleteSnapshots("one", new SnapshotSelectionCriteria(2)), s_timeout);

        (await NewestAsync("one", 2)).ShouldBeNull();
        (await NewestAsync("one", 3)).ShouldBe(3);
        (await NewestAsync("one", long.MaxValue)).ShouldBe(4);
        (await NewestAsync("two", 2)).ShouldBe(2);

        async Task<long?> NewestAsync(string id, long upTo) => (await store.Ask<LoadSnapshotResult>(
            new LoadSnapshot(id, new SnapshotSelectionCriteria(upTo), long.MaxValue), s_timeout)).Snapshot?.Metadata
                .SequenceNr;
    }

    [Fact]
    public async Task The_plugins_queries_read_what_is_written()
    {
        await using var node = await Node.StartAsync(Open());
        await Node.WriteAsync(node.Open("query-1"), new Noted("1"), new Noted("2"));
        await Node.WriteAsync(node.Open("query-2"), new Noted("3"));
        var journal = PersistenceQuery.Get(node.System)
            .ReadJournalFor<SqlReadJournal>("akka.persistence.query.journal.ledger");
        using var materializer = node.System.Materializer();
        var one = await journal.CurrentEventsByPersistenceId("query-1", 0, long.MaxValue)
            .RunWith(Sink.Seq<EventEnvelope>(), materializer);
        one.Select(e => ((Noted)e.Event).Text).ShouldBe(["1", "2"]);
        var all = await journal.AllEvents(Offset.NoOffset()).Take(3)
            .RunWith(Sink.Seq<EventEnvelope>(), materializer).WaitAsync(s_timeout);
        all.Select(e => ((Noted)e.Event).Text).ShouldBe(["1", "2", "3"]);
    }

    [Fact]
    public async Task Tables_and_rows_of_the_plugin_itself_are_taken_over()
    {
        const string plugin = """
            akka.persistence.journal.ledger {
              class = "Akka.Persistence.Sql.Journal.SqlWriteJournal, Akka.Persistence.Sql"
              auto-initialize = on
            }
            akka.persistence.snapshot-store.ledger {
              class = "Akka.Persistence.Sql.Snapshot.SqlSnapshotStore, Akka.Persistence.Sql"
              auto-initialize = on
            }
            """;
        var storage = Open();
        PrepareEmpty();
        await using (var node = await Node.StartAsync(storage, plugin, prepare: false))
        {
            await Node.WriteAsync(node.Open("old-b"), new Noted("1"));
            var actor = node.Open("old-a");
            await Node.WriteAsync(actor, new Noted("1"), new Noted("2"));
            await actor.Ask<Written>(new Snap(), s_timeout);
        }

        storage = Open();
        await using (var node = await Node.StartAsync(storage))
        {
            (await node.ReadAgainAsync("old-a")).Texts.ShouldBe(["1", "2"]);
            (await Node.WriteAsync(node.Open("old-a"), new Noted("3"))).ShouldBe(3);
            (await Node.WriteAsync(node.Open("older"), new Noted("1"))).ShouldBe(1);
            await using var streams = storage.OpenStreams();
            (await streams.ListStreamsAsync("old-", null, 10, CancellationToken.None)).ShouldBe(["old-a", "old-b"]);
            (await streams.ListStreamsAsync("old-", "old-a", 10, CancellationToken.None)).ShouldBe(["old-b"]);
        }

        // And back: the plugin reads what this journal wrote.
        await using (var node = await Node.StartAsync(Open(), plugin))
        {
            (await node.ReadAgainAsync("old-a")).Texts.ShouldBe(["1", "2", "3"]);
        }
    }

    /// <summary>Makes an empty database, without the tables.</summary>
    protected virtual void PrepareEmpty()
    {
    }

    [Fact]
    public async Task Streams_are_read_in_both_directions()
    {
        var storage = Open();
        await using var node = await Node.StartAsync(storage);
        var actor = node.Open("stream");
        for (var i = 1; i <= 10; i++)
        {
            await Node.WriteAsync(actor, new Noted($"{i}"));
        }

        await using var streams = storage.OpenStreams();
        var rows = await streams.ReadAsync("stream", 3, 8, 4, descending: false, CancellationToken.None);
        rows.Select(r => r.SequenceNr).ShouldBe([3L, 4, 5, 6]);
        rows.ShouldAllBe(r => r.Manifest == "noted.v1");
        System.Text.Encoding.UTF8.GetString(rows[0].Payload.Span).ShouldBe("3");

        rows = await streams.ReadAsync("stream", 3, 8, 4, descending: true, CancellationToken.None);
        rows.Select(r => r.SequenceNr).ShouldBe([8L, 7, 6, 5]);
        rows = await streams.ReadAsync("stream", 1, long.MaxValue, 100, descending: false, CancellationToken.None);
        rows.Count.ShouldBe(10);
        (await streams.ReadAsync("nobody", 1, long.MaxValue, 100, descending: false, CancellationToken.None))
            .ShouldBeEmpty();
    }

    [Fact]
    public async Task Streams_are_listed_page_by_page()
    {
        var storage = Open();
        await using var node = await Node.StartAsync(storage);
        string[] ids = ["list", "list-a", "list-b", "list-é", "list-😀", "lisu", "LIST-a", "list_c", "list-%x"];
        foreach (var id in ids)
        {
            var actor = node.Open(id);
            await Node.WriteAsync(actor, new Noted("1"));
            await Node.WriteAsync(actor, new Noted("2"));
        }

        await using var streams = storage.OpenStreams();
        var expected = ids.Where(id => id.StartsWith("list-", StringComparison.Ordinal)).ToArray();
        var all = await streams.ListStreamsAsync("list-", null, 100, CancellationToken.None);
        all.ShouldBe(expected, ignoreOrder: true);

        var paged = new List<string>();
        while (true)
        {
            var page = await streams.ListStreamsAsync("list-", paged.LastOrDefault(), 2, CancellationToken.None);
            paged.AddRange(page);
            if (page.Count < 2)
            {
                break;
            }
        }

        paged.ShouldBe(all);
        (await streams.ListStreamsAsync("list-", "list", 100, CancellationToken.None)).ShouldBe(all);
        (await streams.ListStreamsAsync("none-", null, 100, CancellationToken.None)).ShouldBeEmpty();
    }

    [Fact]
    public async Task The_entries_of_ids_stand_and_fall_with_their_rows()
    {
        // From one row to more than go into one statement; each with two ids, one of them its own.
        var storage = Open();
        storage.Prepare();
        var common = TransferId.FromGuid(Guid.NewGuid());
        await using var appender = OpenAppender();
        await using var streams = (IIndexedStreams)storage.OpenStreams();
        foreach (var count in (int[])[1, 2, 127, 128, 700])
        {
            var stream = $"ids-{count}";
            var ids = Enumerable.Range(0, count).Select(static _ => TransferId.FromGuid(Guid.NewGuid())).ToArray();
            AppendRow[] rows =
            [
                .. ids.Select((id, i) => Row(stream, i + 1) with { Entries = new IdEntries([id, common], default) }),
                Row("plain-" + stream, 1),
            ];
            await appender.AppendAsync(rows, isolating: false);

            (await FindAsync(stream, common)).ShouldBe(Enumerable.Range(1, count).Select(static i => (long)i));
            (await FindAsync(stream, ids[^1], ids[0])).ShouldBe(new SortedSet<long> { 1, count });
            (await FindAsync(stream, TransferId.FromGuid(Guid.NewGuid()))).ShouldBeEmpty();
            (await FindAsync("plain-" + stream, common)).ShouldBeEmpty();

            // One row's key is taken: neither the other is stored nor its entry.
            var e = await Should.ThrowAsync<Exception>(() => appender.AppendAsync(
                [Row(stream, count + 1) with { Entries = new IdEntries([common], default) }, rows[0]],
                isolating: true));
            appender.Classify(e).ShouldBe(AppendFault.Duplicate);
            (await FindAsync(stream, common)).Count.ShouldBe(count);
            await appender.AppendAsync(
                [Row(stream, count + 1) with { Entries = new IdEntries([common], default) }], isolating: false);
            (await FindAsync(stream, common)).Count.ShouldBe(count + 1);
        }

        (storage as IDisposable)?.Dispose();

        static AppendRow Row(string stream, long number) => new(stream, number, 1, [1], 1, "m", "w");

        async Task<IReadOnlyList<long>> FindAsync(string stream, params TransferId[] ids)
        {
            var found = await streams.FindIdsAsync(stream, ids, upTo: 1, default, CancellationToken.None);
            found.IsComplete.ShouldBeTrue();
            return found.Rows;
        }
    }

    [Fact]
    public async Task What_is_read_about_an_old_id_does_not_grow_with_the_stream()
    {
        var storage = Open();
        storage.Prepare();
        await using var appender = OpenAppender();
        await using var counted = new CountedStreams((IIndexedStreams)storage.OpenStreams());
        var reader = new AccountStreamReader(counted);
        var read = new Dictionary<string, long>(StringComparer.Ordinal);
        foreach (var entries in (int[])[20_000, 1_000_000])
        {
            var account = AccountAddress.Parse($"long:{entries}");
            var stream = new LongStream(account, entries, DateTimeOffset.UtcNow.AddDays(-40));
            var ids = new OldIds(account, stream);
            foreach (var chunk in stream.Make().Chunk(500))
            {
                await appender.AppendAsync(
                    [.. chunk.Select(row => new AppendRow(
                        "ledger-account-" + account.Text, row.SequenceNr, 1, row.Bytes, 1, LedgerSerializer.RowManifest,
                        "w")
                    {
                        Entries = row.Ids.Count > 0 ? new IdEntries(row.Ids, row.Previous) : null,
                    })],
                    isolating: false);
            }

            foreach (var (name, (asked, isThere)) in ids.Questions())
            {
                var before = counted.Rows;
                var found = await ids.FindAsync(reader, asked);
                (found is not null).ShouldBe(isThere, name);
                var rows = counted.Rows - before;
                rows.ShouldBeLessThan(
                    150,
                    $"{name}: of {stream.Rows} rows of {LongStream.EntriesPerRow} transfers, 40 are within four "
                        + "seconds");
                rows.ShouldBeLessThanOrEqualTo((read.GetValueOrDefault(name, rows) * 3 / 2) + 3, name);
                read[name] = rows;
                if (name == "GetTransfer of a hold that has ended")
                {
                    found!.Hold.ShouldBe(HoldState.Voided);
                }
            }

            reader.Repairs!.Problem.ShouldBeNull();
        }

        (storage as IDisposable)?.Dispose();
    }

    [Fact]
    public async Task An_index_of_ids_that_lacks_a_part_says_so_until_it_is_made_again()
    {
        var storage = Open();
        storage.Prepare();
        await using var appender = OpenAppender();
        await using var streams = (IIndexedStreams)storage.OpenStreams();
        var ids = Enumerable.Range(0, 5).Select(static _ => TransferId.FromGuid(Guid.NewGuid())).ToArray();
        IndexedId previous = default;
        for (var row = 1; row <= 3; row++)
        {
            await AppendAsync(row);
        }

        (await FindAsync(3)).IsComplete.ShouldBeTrue();
        Execute("DELETE FROM ledger_id WHERE persistence_id = 'lost' AND sequence_number > 1");
        (await FindAsync(3)).IsWhole.ShouldBeFalse("the newest is missing");

        // The next ones must not hide it.
        await AppendAsync(4);
        await AppendAsync(5);
        (await FindAsync(5)).IsWhole.ShouldBeFalse("one is missing before the newest");

        await streams.AddIdsAsync("lost", [new IndexedId(ids[1], 2), new IndexedId(ids[2], 3)], CancellationToken.None);
        await streams.AddIdsAsync("lost", [new IndexedId(ids[1], 2)], CancellationToken.None);
        (await FindAsync(5)).IsWhole.ShouldBeFalse();
        await streams.CompleteIdsAsync("lost", 3, CancellationToken.None);
        (await FindAsync(5)).IsWhole
            .ShouldBeFalse("a note of row 4 is not taken off by what was made again up to row 3");
        await streams.CompleteIdsAsync("lost", 5, CancellationToken.None);
        await streams.CompleteIdsAsync("lost", 5, CancellationToken.None);
        var found = await FindAsync(5, ids);
        found.IsComplete.ShouldBeTrue();
        found.Rows.ShouldBe([1, 2, 3, 4, 5]);

        // Written before there was an index: what was made again is there from the first row on.
        Execute("DELETE FROM ledger_id WHERE persistence_id = ''");
        (storage as IDisposable)?.Dispose();
        storage = Open();
        storage.Prepare();
        (await FindAsync(5)).IsComplete.ShouldBeTrue();
        Execute("DELETE FROM ledger_id WHERE persistence_id = 'lost' AND sequence_number = 0");
        (await FindAsync(5)).After.ShouldBeGreaterThanOrEqualTo(5);
        (storage as IDisposable)?.Dispose();

        async Task AppendAsync(long number)
        {
            await appender.AppendAsync(
                [new AppendRow("lost", number, 1, [1], 1, "m", "w") { Entries = new IdEntries(
                    [ids[number - 1]], previous) }],
                isolating: false);
            previous = new IndexedId(ids[number - 1], number);
        }

        Task<IndexedRows> FindAsync(long upTo, params TransferId[] asked) =>
            streams.FindIdsAsync("lost", asked, upTo, previous, CancellationToken.None);
    }

    [Fact]
    public async Task Rows_from_before_the_index_of_ids_are_told_from_those_after()
    {
        var storage = Open();
        storage.Prepare();
        Execute("DROP TABLE ledger_id");
        InsertBehind("old", 1);
        InsertBehind("old", 2);
        InsertBehind("other", 1);
        (storage as IDisposable)?.Dispose();
        storage = Open();
        storage.Prepare();
        InsertBehind("old", 3);
        InsertBehind("new", 1);
        await using var streams = (IIndexedStreams)storage.OpenStreams();
        var id = TransferId.FromGuid(Guid.NewGuid());
        foreach (var _ in Enumerable.Range(0, 2))
        {
            Math.Min(1, await AfterAsync("old", 1)).ShouldBe(1);
            (await AfterAsync("old", 3)).ShouldBe(2);
            (await AfterAsync("other", 1)).ShouldBe(1);
            (await AfterAsync("new", 1)).ShouldBe(0);
            (await AfterAsync("never", 0)).ShouldBe(0);
        }

        // A server that lacks the last row of what is asked for does not get to say that there is nothing.
        await Should.ThrowAsync<InvalidOperationException>(() => AfterAsync("old", 4));
        InsertBehind("old", 4);
        (await AfterAsync("old", 4)).ShouldBe(2);
        InsertBehind("other", 2);
        (await AfterAsync("other", 2)).ShouldBe(1);

        // Without the entry that says so, nothing is taken for indexed.
        Execute("DELETE FROM ledger_id");
        (await AfterAsync("new", 1)).ShouldBe(long.MaxValue);
        (storage as IDisposable)?.Dispose();

        async Task<long> AfterAsync(string stream, long upTo) =>
            (await streams.FindIdsAsync(stream, [id], upTo, default, CancellationToken.None)).After;
    }

    [Fact]
    public void A_journal_without_its_unique_key_is_refused()
    {
        var storage = Open();
        storage.Prepare();
        (storage as IDisposable)?.Dispose();
        DropUniqueKey();
        Should.Throw<InvalidOperationException>(storage.Prepare).Message.ShouldContain("unique key");

        // One that leaves rows out is as good as none.
        Execute("CREATE UNIQUE INDEX journal_some ON journal (persistence_id, sequence_number)"
            + " WHERE sequence_number > 100");
        Should.Throw<InvalidOperationException>(storage.Prepare).Message.ShouldContain("unique key");
        Execute("CREATE UNIQUE INDEX journal_all ON journal (persistence_id, sequence_number)");
        storage.Prepare();
        (storage as IDisposable)?.Dispose();
    }

    /// <summary>Opens what the journal writes with.</summary>
    private protected abstract IJournalAppender OpenAppender();

    /// <summary>Keeps everybody from the snapshots, as an alteration of their table does.</summary>
    protected abstract IDisposable LockSnapshots();

    /// <summary>Removes the journal's unique key.</summary>
    protected abstract void DropUniqueKey();

    /// <summary>Whether the write was confirmed; if not, the actor has stopped.</summary>
    private protected static async Task<bool> WriteOrStopAsync(IActorRef actor, params object[] events)
    {
        var stopped = actor.WatchAsync();
        var written = Node.WriteAsync(actor, events);
        _ = written.ContinueWith(t => t.Exception, TaskScheduler.Default);
        var first = await Task.WhenAny(stopped, written);
        return first == written && (await written) > 0;
    }
}
