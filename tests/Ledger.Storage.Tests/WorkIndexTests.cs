using System.Globalization;
using System.Text;
using Ledger.Actors.Accounts;
using Ledger.Actors.Journal;
using Ledger.Actors.Storage;
using Ledger.Sqlite;
using Ledger.Tests.Shared;
using Microsoft.Data.Sqlite;
using Npgsql;

namespace Ledger.Storage.Tests;

/// <summary>Rows whose bytes are text, and the facts that they spell: <c>made HOLD DEBIT CREDIT DUE; ended HOLD; due
/// HOLD DUE</c>, where a due of <c>-</c> is none.</summary>
internal static class SpelledFacts
{
    public static TransferId Hold(int number) => new((UInt128)number);

    public static AccountAddress Account(string text) => AccountAddress.Parse(text);

    public static IEnumerable<HoldFact> Decode(ReadOnlyMemory<byte> row, string persistenceId, long sequenceNr)
    {
        foreach (var fact in Encoding.UTF8.GetString(row.Span).Split(';', StringSplitOptions.TrimEntries))
        {
            var words = fact.Split(' ');
            yield return words[0] switch
            {
                "made" => new HoldMade(Hold(Number(words[1])), Account(words[2]), Account(words[3]), Due(words[4])),
                "ended" => new HoldEnded(Hold(Number(words[1]))),
                "due" => new HoldDeadlineSet(Hold(Number(words[1])), Due(words[2])!.Value),
                _ => throw new JournalCorruptException($"Row {sequenceNr} of {persistenceId} says '{fact}'."),
            };
        }
    }

    private static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);

    private static LedgerTime? Due(string text) =>
        text == "-" ? null : new LedgerTime(long.Parse(text, CultureInfo.InvariantCulture));
}

/// <summary>The hold index over each storage. Rows are put into the journal by hand, as a writer's statement
/// would.</summary>
public abstract class WorkIndexTests
{
    private static readonly LedgerTime s_end = LedgerTime.MaxValue;

    private readonly Dictionary<string, int> _sequenceNrs = [];

    /// <summary>Makes the tables of the test class' own database.</summary>
    protected abstract LedgerStorage Prepare();

    /// <summary>Runs a statement on the journal's database.</summary>
    protected abstract void Execute(string sql);

    /// <summary>Runs a statement on the index's database.</summary>
    protected abstract void ExecuteOnIndex(string sql);

    /// <summary>Reads a number from the index's database.</summary>
    protected abstract long Scalar(string sql);

    protected static CancellationToken None => CancellationToken.None;

    private protected static HoldIndex Open(LedgerStorage storage) =>
        new(storage.OpenHoldIndex(), storage.OpenJournalReader(), SpelledFacts.Decode);

    /// <summary>The statement that appends a row.</summary>
    protected string Insert(string stream, string facts, string manifest = HoldFactReader.MarkedManifest)
    {
        var number = _sequenceNrs[stream] = _sequenceNrs.GetValueOrDefault(stream) + 1;
        return "INSERT INTO journal (created, deleted, persistence_id, sequence_number, message, manifest, identifier,"
            + $" writer_uuid) VALUES (1, {False}, 'ledger-account-{stream}', {number}, {Bytes(facts)}, '{manifest}', "
            + "1, 'w')";
    }

    protected abstract string False { get; }

    protected abstract string Bytes(string text);

    protected void Append(string stream, string facts, string manifest = HoldFactReader.MarkedManifest) =>
        Execute(Insert(stream, facts, manifest));

    private protected static async Task<string> DueAsync(IHoldIndex index, int limit = 100, params string[] except) =>
        string.Join(' ', (await index.DueAsync(s_end, limit, [.. except.Select(SpelledFacts.Account)], None))
            .Select(one => $"{one.Account.Text}@{one.Due.UnixMicroseconds}"));

    [Fact]
    public async Task Holds_are_found_from_when_they_are_made_and_due_until_they_end()
    {
        await using var index = Open(Prepare());
        Append("c", "made 1 a c 500; made 2 b c -");
        Append("d", "made 3 a d 400");
        Append("c", "nothing that the index can read", LedgerSerializer.RowManifest);
        (await index.FindHoldAsync(SpelledFacts.Hold(1), None)).ShouldBeNull();

        await index.CatchUpAsync(None);
        (await index.FindHoldAsync(SpelledFacts.Hold(1), None))
            .ShouldBe(new HoldAccounts(SpelledFacts.Account("a"), SpelledFacts.Account("c")));
        (await DueAsync(index)).ShouldBe("a@400");
        (await index.NextDueAsync(None)).ShouldBe(new LedgerTime(400));
        (await index.DueHoldsAsync(SpelledFacts.Account("a"), s_end, 10, None))
            .Select(hold => hold.Due.UnixMicroseconds)
            .ShouldBe([400L, 500]);

        Append("d", "ended 3");
        Append("b", "due 2 300");
        Append("a", "due 1 600");
        await index.CatchUpAsync(None);
        (await DueAsync(index)).ShouldBe("b@300 a@600");

        // Ended within the row that made it, and after a change of its deadline within one fold.
        Append("e", "made 4 x e 100; ended 4");
        Append("x", "due 2 900; due 2 700");
        Append("c", "ended 1");
        await index.CatchUpAsync(None);
        (await DueAsync(index)).ShouldBe("b@700");
        (await index.FindHoldAsync(SpelledFacts.Hold(4), None)).ShouldNotBeNull();
    }

    [Fact]
    public async Task Reading_the_journal_again_changes_nothing()
    {
        var storage = Prepare();
        await using (var index = Open(storage))
        {
            Append("c", "made 1 a c 500; made 2 b c 600; made 3 b c 650");
            await index.CatchUpAsync(None);
            Append("a", "due 1 800");
            Append("c", "ended 2");
            await index.CatchUpAsync(None);
            await index.EndedAsync([SpelledFacts.Hold(3)], None);
            (await DueAsync(index)).ShouldBe("a@800");
        }

        ExecuteOnIndex("UPDATE ledger_work_checkpoint SET ordering = 0 WHERE name = 'holds'");
        await using var again = Open(storage);
        await again.CatchUpAsync(None);
        again.FoldedRows.ShouldBe(3);
        (await DueAsync(again)).ShouldBe("a@800");
    }

    [Fact]
    public async Task A_new_process_goes_on_where_the_last_one_ended()
    {
        var storage = Prepare();
        await using (var index = Open(storage))
        {
            Append("c", "made 1 a c 500");
            await index.CatchUpAsync(None);
            await index.CatchUpAsync(None);
            index.FoldedRows.ShouldBe(1);
        }

        Append("c", "made 2 a c 400");
        await using var next = Open(storage);
        await next.CatchUpAsync(None);
        next.FoldedRows.ShouldBe(1);
        (await DueAsync(next)).ShouldBe("a@400");
    }

    [Fact]
    public async Task Due_accounts_come_in_time_order_each_once()
    {
        await using var index = Open(Prepare());
        for (var i = 0; i < 3_000; i++)
        {
            Append("c", $"made {i + 1} busy c {100 + i}");
        }

        Append("c", "made 5001 z c 90; made 5002 y c 150; made 5003 x c 9000; made 5004 w c 150");
        await index.CatchUpAsync(None);
        (await DueAsync(index)).ShouldBe("z@90 busy@100 y@150 w@150 x@9000");
        (await DueAsync(index, 2)).ShouldBe("z@90 busy@100");
        (await DueAsync(index, 2, "z", "busy")).ShouldBe("y@150 w@150");
        (await index.DueAsync(new LedgerTime(149), 10, [], None)).Count.ShouldBe(2);
        (await UpcomingAsync(99, 101, 10)).ShouldBe("busy>c@100 busy>c@101");
        (await UpcomingAsync(3_098, 9_000, 10)).ShouldBe("busy>c@3099 x>c@9000");
        (await UpcomingAsync(90, 150, 2)).ShouldBe("busy>c@100 busy>c@101");
        (await UpcomingAsync(9_000, long.MaxValue, 2)).ShouldBeEmpty();
        DueAccount[] asked =
        [
            new(SpelledFacts.Account("z"), new LedgerTime(89)), new(SpelledFacts.Account("y"), new LedgerTime(150)),
            new(SpelledFacts.Account("nobody"), s_end),
        ];
        (await index.StillDueAsync(asked, None)).ShouldBe([SpelledFacts.Account("y")]);

        async Task<string> UpcomingAsync(long after, long upTo, int limit) => string.Join(
            ' ', (await index.UpcomingAsync(new LedgerTime(after), new LedgerTime(upTo), limit, None))
                .Select(static hold => $"{hold.Debit.Text}>{hold.Credit.Text}@{hold.Due.UnixMicroseconds}"));
    }

    [Fact]
    public async Task Facts_and_checkpoint_are_stored_together_or_not_at_all()
    {
        var storage = Prepare();
        await using var index = Open(storage);
        Append("c", "made 1 a c 500");
        ExecuteOnIndex("ALTER TABLE ledger_hold RENAME TO ledger_away");
        await Should.ThrowAsync<System.Data.Common.DbException>(() => index.CatchUpAsync(None));
        Scalar("SELECT ordering + version FROM ledger_work_checkpoint WHERE name = 'holds'").ShouldBe(0);
        ExecuteOnIndex("ALTER TABLE ledger_away RENAME TO ledger_hold");
        await index.CatchUpAsync(None);
        (await DueAsync(index)).ShouldBe("a@500");
        Scalar("SELECT ordering FROM ledger_work_checkpoint WHERE name = 'holds'").ShouldBe(1);
    }

    [Fact]
    public async Task Whoever_catches_up_finds_what_was_committed_before_also_with_two_nodes()
    {
        var storage = Prepare();
        await using var one = Open(storage);
        await using var other = Open(storage);
        var gate = new Lock();
        var next = 0;
        await Task.WhenAll(Enumerable.Range(0, 6).Select(worker => Task.Run(async () =>
        {
            var index = worker % 2 == 0 ? one : other;
            for (var i = 0; i < 40; i++)
            {
                var number = Interlocked.Increment(ref next);
                lock (gate)
                {
                    Append($"c{worker}", $"made {number} a{worker} c{worker} {number}");
                }

                await index.CatchUpAsync(None);
                (await index.FindHoldAsync(SpelledFacts.Hold(number), None)).ShouldNotBeNull();
                if (i % 2 == 0)
                {
                    lock (gate)
                    {
                        Append($"c{worker}", $"ended {number}");
                    }
                }
            }
        })));
        await one.CatchUpAsync(None);
        Scalar("SELECT count(*) FROM ledger_hold").ShouldBe(240);
        Scalar("SELECT count(*) FROM ledger_hold WHERE state = 0").ShouldBe(120);
    }

    [Fact]
    public async Task Whoever_loses_to_another_node_again_and_again_goes_on_until_it_has_folded()
    {
        const int losses = 22;
        var storage = Prepare();
        var rows = 1;
        await using var other = Open(storage);
        await using var index = new HoldIndex(
            storage.OpenHoldIndex(), storage.OpenJournalReader(), (row, id, number) =>
            {
                if (number == rows && rows <= losses)
                {
                    // The other one is faster, and there is more to fold.
#pragma warning disable xUnit1031 // The decoder can't wait otherwise.
                    other.CatchUpAsync(None).GetAwaiter().GetResult();
#pragma warning restore xUnit1031
                    rows++;
                    Append("c", $"made {rows} a c 500");
                }

                return SpelledFacts.Decode(row, id, number);
            });
        Append("c", "made 1 a c 500");
        await index.CatchUpAsync(None);
        rows.ShouldBe(losses + 1);
        (await index.FindHoldAsync(SpelledFacts.Hold(rows), None)).ShouldNotBeNull();
    }

    [Fact]
    public async Task A_row_that_can_not_be_read_stops_no_other_and_is_read_again_by_the_next_process()
    {
        var storage = Prepare();
        var unreadable = new List<JournalPageRow>();
        await using (var index = new HoldIndex(
            storage.OpenHoldIndex(), storage.OpenJournalReader(), SpelledFacts.Decode, (row, _) => unreadable.Add(row)))
        {
            Append("c", "made 1 a c 500");
            Append("x", "something newer");
            Append("c", "made 2 b c 400");
            await index.CatchUpAsync(None);
            (await DueAsync(index)).ShouldBe("b@400 a@500");
            await index.CatchUpAsync(None);
            unreadable.ShouldHaveSingleItem().PersistenceId.ShouldBe("ledger-account-x");
        }

        Scalar("SELECT ordering FROM ledger_work_checkpoint WHERE name = 'holds'").ShouldBe(1);
        await using var next = new HoldIndex(storage.OpenHoldIndex(), storage.OpenJournalReader(), (row, id, number) =>
            id == "ledger-account-x" ? [new HoldEnded(SpelledFacts.Hold(1))] : SpelledFacts.Decode(row, id, number));
        await next.CatchUpAsync(None);
        (await DueAsync(next)).ShouldBe("b@400");
    }

    [Fact]
    public async Task A_row_that_was_damaged_is_folded_once_it_is_mended()
    {
        var storage = Prepare();
        var isMended = false;
        var unreadable = new List<JournalPageRow>();
        var again = new List<long>();
        await using var index = new HoldIndex(
            storage.OpenHoldIndex(), storage.OpenJournalReader(),
            (row, id, number) => SpelledFacts.Decode(
                id == "ledger-account-x" && isMended ? Encoding.UTF8.GetBytes("made 3 a c 300") : row, id, number),
            (row, _) => unreadable.Add(row), readAgain: again.Add)
        {
            UnreadPause = TimeSpan.Zero,
        };
        Append("x", "something damaged");
        Append("c", "made 1 a c 500");
        await index.CatchUpAsync(None);
        await index.CatchUpAsync(None);
        unreadable.ShouldHaveSingleItem();
        (await DueAsync(index)).ShouldBe("a@500");

        isMended = true;
        await index.CatchUpAsync(None);
        again.ShouldHaveSingleItem();
        (await DueAsync(index)).ShouldBe("a@300");

        // What is read later is not held back by it any more.
        Append("c", "made 2 b c 400");
        await index.CatchUpAsync(None);
        Scalar("SELECT ordering FROM ledger_work_checkpoint WHERE name = 'holds'").ShouldBe(3);
    }

    [Fact]
    public async Task Accounts_in_doubt_are_kept_until_they_are_taken_off()
    {
        var storage = Prepare();
        await using (var index = Open(storage))
        {
            await index.AddUnfinishedAsync(SpelledFacts.Account("b"), new LedgerTime(7), None);
            await index.AddUnfinishedAsync(SpelledFacts.Account("a"), new LedgerTime(8), None);
            (await index.AddUnfinishedAsync(SpelledFacts.Account("b"), new LedgerTime(9), None)).Since
                .ShouldBe(new LedgerTime(9));
            await index.SaveRecoveredUpToAsync(0, None);
            await index.SaveRecoveredUpToAsync(5, None);
            await index.SaveRecoveredUpToAsync(3, None);
        }

        await using var next = Open(storage);
        (await next.ListUnfinishedAsync(default, 10, None)).ShouldBe(
        [
            new(SpelledFacts.Account("a"), new LedgerTime(8)), new(SpelledFacts.Account("b"), new LedgerTime(9)),
        ]);
        (await next.ListUnfinishedAsync(SpelledFacts.Account("a"), 10, None)).Count.ShouldBe(1);
        await next.RemoveUnfinishedAsync(new(SpelledFacts.Account("a"), new LedgerTime(8)), None);
        await next.RemoveUnfinishedAsync(new(SpelledFacts.Account("nobody"), new LedgerTime(8)), None);
        (await next.ListUnfinishedAsync(default, 10, None)).Count.ShouldBe(1);
        (await next.RecoveredUpToAsync(None)).ShouldBe(5);
    }

    [Fact]
    public async Task A_note_that_was_made_since_it_was_seen_is_not_taken_off()
    {
        await using var index = Open(Prepare());
        var account = SpelledFacts.Account("a");
        var seen = await index.AddUnfinishedAsync(account, new LedgerTime(7), None);

        // Noted anew, be it on a clock that stands still or was set back.
        foreach (var since in new long[] { 7, 3, 20, 20 })
        {
            var note = await index.AddUnfinishedAsync(account, new LedgerTime(since), None);
            note.Since.ShouldBeGreaterThan(seen.Since);
            await index.RemoveUnfinishedAsync(seen, None);
            (await index.ListUnfinishedAsync(default, 10, None)).ShouldBe([note]);
            seen = note;
        }

        await index.RemoveUnfinishedAsync(seen, None);
        (await index.ListUnfinishedAsync(default, 10, None)).ShouldBeEmpty();
    }

    /// <summary>Three last agents answer after 29 s, after 58 s and never; the node dies after 80 s. What it prepared
    /// at the start is by then out of the reach of the recovery scan, and must be noted (R5).</summary>
    [Fact]
    public async Task What_is_in_doubt_for_long_is_noted_by_when_it_was_prepared()
    {
        await using var index = Open(Prepare());
        var coordinator = new LoneAccount("a");
        var note = new DoubtNote(SpelledFacts.Account("a"), index, static failure => throw failure);
        var first = coordinator.Pay("b", 0);
        var second = coordinator.Pay("c", 0);
        _ = coordinator.Pay("d", 0);
        var notedAt = new List<int>();
        for (var time = 1; time <= 80; time++)
        {
            coordinator.Runtime.Tick(LoneAccount.At(time));
            if (time is 29 or 58)
            {
                coordinator.Commit(time == 29 ? first : second, time);
            }

            note.Look(coordinator.Runtime.OldestInDoubt, LoneAccount.At(time));
            if (note.IsNoted)
            {
                notedAt.Add(time);
            }
        }

        notedAt.ShouldBe(Enumerable.Range(30, 51));
        await Until.TrueAsync(async () => (await index.ListUnfinishedAsync(default, 10, None)).Count == 1);
    }

    [Fact]
    public async Task The_note_goes_when_what_is_in_doubt_is_decided_and_newer_doubt_is_young()
    {
        await using var index = Open(Prepare());
        var coordinator = new LoneAccount("a");
        var note = new DoubtNote(SpelledFacts.Account("a"), index, static failure => throw failure);
        var old = coordinator.Pay("b", 0);
        note.Look(coordinator.Runtime.OldestInDoubt, LoneAccount.At(31));
        await Until.TrueAsync(async () => (await index.ListUnfinishedAsync(default, 10, None)).Count == 1);
        _ = coordinator.Pay("c", 40);
        coordinator.Commit(old, 41);
        note.Look(coordinator.Runtime.OldestInDoubt, LoneAccount.At(42));
        await Until.TrueAsync(async () => (await index.ListUnfinishedAsync(default, 10, None)).Count == 0);
        note.Look(coordinator.Runtime.OldestInDoubt, LoneAccount.At(70));
        await Until.TrueAsync(async () => (await index.ListUnfinishedAsync(default, 10, None)).Count == 1);
    }

    [Fact]
    public async Task All_rows_of_accounts_are_read_since_a_place()
    {
        await using var index = Open(Prepare());
        for (var i = 0; i < 1_500; i++)
        {
            Append($"c{i % 3}", $"{i}", i % 2 == 0 ? LedgerSerializer.RowManifest : HoldFactReader.MarkedManifest);
        }

        Append("c0", "of somebody else", "other");
        var rows = new List<JournalPageRow>();
        await foreach (var row in index.ReadSinceAsync(2, None))
        {
            rows.Add(row);
        }

        rows.Select(row => row.Ordering).ShouldBe(Enumerable.Range(3, 1_498).Select(i => (long)i));
        Encoding.UTF8.GetString(rows[^1].Payload.Span).ShouldBe("1499");
        (await index.SettledAsync(None)).ShouldBe(1_501);
    }

    [Fact]
    public async Task An_index_of_a_journal_that_has_been_put_back_is_made_again()
    {
        var storage = Prepare();
        await using (var index = Open(storage))
        {
            Append("c", "made 1 a c 500");
            Append("c", "made 2 b c 400");
            await index.CatchUpAsync(None);
        }

        Execute("DELETE FROM journal WHERE ordering = 2");
        (storage as IDisposable)?.Dispose();
        await using var next = Open(Prepare());
        await next.CatchUpAsync(None);
        (await DueAsync(next)).ShouldBe("a@500");
    }

    [Fact]
    public async Task A_deadline_is_corrected_unless_it_has_changed()
    {
        await using var index = Open(Prepare());
        Append("c", "made 1 a c 500");
        await index.CatchUpAsync(None);
        var hold = (await index.DueHoldsAsync(SpelledFacts.Account("a"), s_end, 1, None)).ShouldHaveSingleItem();
        await index.CorrectAsync(hold, new LedgerTime(700), None);
        await index.CorrectAsync(hold, new LedgerTime(900), None);
        (await DueAsync(index)).ShouldBe("a@700");
        await index.CorrectAsync(hold with { Due = new LedgerTime(700) }, null, None);
        (await DueAsync(index)).ShouldBeEmpty();
    }
}

public sealed class SqliteWorkIndexTests : WorkIndexTests, IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("ledger-work-").FullName;
    private SqliteStorage? _storage;

    private string FilePath => Path.Combine(_directory, "ledger.db");

    private string WorkPath => Path.Combine(_directory, "ledger.work.db");

    protected override string False => "0";

    public void Dispose()
    {
        _storage?.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    [Fact]
    public async Task A_deleted_index_is_made_again()
    {
        await using (var index = Open(Prepare()))
        {
            Append("c", "made 1 a c 500");
            await index.CatchUpAsync(None);
        }

        _storage!.Dispose();
        foreach (var file in Directory.GetFiles(_directory, "ledger.work.db*"))
        {
            File.Delete(file);
        }

        await using var next = Open(Prepare());
        await next.CatchUpAsync(None);
        (await DueAsync(next)).ShouldBe("a@500");
    }

    protected override LedgerStorage Prepare()
    {
        _storage = new SqliteStorage(FilePath);
        _storage.Prepare();
        return _storage;
    }

    protected override string Bytes(string text) => $"x'{Convert.ToHexString(Encoding.UTF8.GetBytes(text))}'";

    protected override void Execute(string sql) => Run(FilePath, sql);

    protected override void ExecuteOnIndex(string sql) => Run(WorkPath, sql);

    protected override long Scalar(string sql) => Run(WorkPath, sql);

    private static long Run(string path, string sql)
    {
        using var connection = new SqliteConnection($"Data Source={path};Pooling=False");
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = "PRAGMA synchronous = OFF; " + sql;
        return command.ExecuteScalar() is long number ? number : 0;
    }
}

[Collection(PostgresCollection.Name)]
public sealed class PostgreSqlWorkIndexTests : WorkIndexTests
{
    private readonly string _database = PostgresServer.Shared.CreateDatabase();

    protected override string False => "false";

    [Fact]
    public async Task A_transaction_that_stands_open_is_not_passed_by_and_holds_up_no_other()
    {
        await using var index = Open(Prepare());
        await using var late = new NpgsqlConnection(_database + ";Pooling=False");
        await late.OpenAsync();
        await using var transaction = await late.BeginTransactionAsync();
        await using (var command = new NpgsqlCommand(Insert("late", "made 1 late c 100"), late, transaction))
        {
            await command.ExecuteNonQueryAsync();
        }

        for (var i = 2; i < 6; i++)
        {
            Append("c", $"made {i} a c {i * 100}");
            await index.CatchUpAsync(None);
            (await index.FindHoldAsync(SpelledFacts.Hold(i), None)).ShouldNotBeNull();
        }

        index.FoldedRows.ShouldBe(4);
        Scalar("SELECT ordering FROM ledger_work_checkpoint WHERE name = 'holds'").ShouldBe(0);
        await transaction.CommitAsync();
        await index.CatchUpAsync(None);
        (await DueAsync(index)).ShouldBe("late@100 a@200");

        // Nothing of it is read twice, and the next process need not begin before it.
        index.FoldedRows.ShouldBe(5);
        Append("c", "ended 2");
        await index.CatchUpAsync(None);
        await index.CatchUpAsync(None);
        Scalar("SELECT ordering FROM ledger_work_checkpoint WHERE name = 'holds'").ShouldBeGreaterThanOrEqualTo(5);
    }

    [Fact]
    public async Task Places_that_a_failover_has_lost_are_given_again_and_read_again()
    {
        var generation = 0;
        var storage = Prepare();
        await using var journal = storage.OpenJournalReader(() => generation);
        await using var index = new HoldIndex(storage.OpenHoldIndex(), journal, SpelledFacts.Decode);
        Append("c", "made 1 a c 500");
        await index.CatchUpAsync(None);
        Append("c", "nothing that the index can read", LedgerSerializer.RowManifest);
        await index.CatchUpAsync(None);

        // Another server takes over, without the last row.
        Execute("DELETE FROM journal WHERE ordering = 2");
        Execute("ALTER TABLE journal ALTER COLUMN ordering RESTART WITH 2");
        generation++;
        Append("d", "made 2 b d 400");
        await index.CatchUpAsync(None);
        (await DueAsync(index)).ShouldBe("b@400 a@500");
    }

    /// <summary>The server takes a row's place from the sequence first and gives the transaction an id only when it
    /// stores the row. Between the two a statement is held up here; any bound that is made of transaction ids passes it
    /// by.</summary>
    [Fact]
    public async Task A_statement_that_has_a_place_but_no_transaction_id_yet_is_not_passed_by()
    {
        await using var index = Open(Prepare());

        // The sequence writes to the log once in 32 numbers, which takes an id. This is that once.
        Append("c", "made 1 a c 100");
        await index.CatchUpAsync(None);
        await using var late = new NpgsqlConnection(_database + ";Pooling=False");
        await late.OpenAsync();
        var slow = Insert("late", "made 2 late c 50").Replace(
            "VALUES (1,", "VALUES ((SELECT 1 + 0 * length(pg_sleep(1.5)::text)),", StringComparison.Ordinal);
        await using var command = new NpgsqlCommand(slow, late);
        var inserting = command.ExecuteNonQueryAsync();
        while (Scalar("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'") == 0)
        {
            await Task.Delay(10);
        }

        Append("c", "made 3 a c 300");
        Scalar("SELECT ordering FROM journal WHERE sequence_number = 2")
            .ShouldBe(3, "the slow one must have taken place 2");
        Scalar("""
            SELECT count(*) FROM journal
            WHERE ordering = 3 AND xmin::text::bigint < pg_snapshot_xmin(pg_current_snapshot())::text::bigint
            """).ShouldBe(1, "a bound of transaction ids would pass place 2 by");
        await index.CatchUpAsync(None);
        (await index.FindHoldAsync(SpelledFacts.Hold(3), None)).ShouldNotBeNull();
        (await index.FindHoldAsync(SpelledFacts.Hold(2), None)).ShouldBeNull();
        inserting.IsCompleted.ShouldBeFalse();

        await inserting;
        await index.CatchUpAsync(None);
        (await index.FindHoldAsync(SpelledFacts.Hold(2), None)).ShouldNotBeNull();
        (await DueAsync(index)).ShouldBe("late@50 a@100");
    }

    /// <summary>Writers that dawdle before, within and after their statements, and give up now and then; readers that
    /// start anew all the time, so that only what is stored counts. In the end each committed row has been
    /// folded.</summary>
    [Fact]
    public async Task No_row_is_ever_passed_by()
    {
        const int Seed = 20_240_607;
        var storage = Prepare();
        var committed = new System.Collections.Concurrent.ConcurrentBag<int>();
        var next = 0;
        using var stop = new CancellationTokenSource(TimeSpan.FromSeconds(5));
        var writers = Enumerable.Range(0, 8).Select(writer => Task.Run(async () =>
        {
            var random = new Random(Seed + writer);
            await using var connection = new NpgsqlConnection(_database + ";Pooling=False");
            await connection.OpenAsync();
            for (var sequenceNr = 1; !stop.IsCancellationRequested;)
            {
                var hold = Interlocked.Increment(ref next);
                var dawdle = random.Next(3) == 0
                    ? string.Create(
                        CultureInfo.InvariantCulture,
                        $"(SELECT 1 + 0 * length(pg_sleep({random.Next(60)} / 1000.0)::text))")
                    : "1";
                await using var transaction = await connection.BeginTransactionAsync();
                await using (var command = new NpgsqlCommand(
                    "INSERT INTO journal (created, deleted, persistence_id, sequence_number, message, manifest, "
                    + $"identifier, writer_uuid) VALUES ({dawdle}, false, 'ledger-account-w{writer}', {sequenceNr},"
                    + $" {Bytes($"made {hold} a{writer} c{writer} {hold}")}, 'b1h', 1, 'w')",
                    connection, transaction))
                {
                    await command.ExecuteNonQueryAsync();
                }

                if (random.Next(4) == 0)
                {
                    await Task.Delay(random.Next(80));
                }

                if (random.Next(10) == 0)
                {
                    await transaction.RollbackAsync();
                    continue;
                }

                await transaction.CommitAsync();
                sequenceNr++;
                committed.Add(hold);
            }
        })).ToArray();
        var readers = Enumerable.Range(0, 2).Select(_ => Task.Run(async () =>
        {
            while (!stop.IsCancellationRequested)
            {
                await using var index = Open(storage);
                for (var i = 0; i < 5; i++)
                {
                    await index.CatchUpAsync(None);
                    await Task.Delay(5);
                }
            }
        })).ToArray();
        await Task.WhenAll([.. writers, .. readers]);

        await using var last = Open(storage);
        await last.CatchUpAsync(None);
        await last.CatchUpAsync(None);
        Scalar("SELECT count(*) FROM ledger_hold").ShouldBe(committed.Count, $"seed {Seed}");
        committed.Count.ShouldBeGreaterThan(200);

        // The readers did go on: the last one had little left to read.
        last.FoldedRows.ShouldBeLessThan(committed.Count / 2);
    }

    [Fact]
    public async Task Places_that_were_given_up_hold_up_nothing()
    {
        await using var index = Open(Prepare());
        Append("c", "made 1 a c 100");
        for (var i = 0; i < 3; i++)
        {
            // The key is taken, so the place is lost.
            Should.Throw<PostgresException>(() => Execute(
                "INSERT INTO journal (created, deleted, persistence_id, sequence_number, message)"
                + " VALUES (1, false, 'ledger-account-c', 1, '')"));
        }

        Append("c", "made 2 a c 200");
        await index.CatchUpAsync(None);
        Scalar("SELECT ordering FROM ledger_work_checkpoint WHERE name = 'holds'").ShouldBe(5);
    }

    [Fact]
    public void Tables_of_before_there_was_an_index_get_it()
    {
        var storage = Prepare();
        Execute("DROP TABLE ledger_hold, ledger_work_checkpoint, ledger_unfinished");
        storage.Prepare();
        Scalar("SELECT count(*) FROM ledger_work_checkpoint").ShouldBe(2);
    }

    protected override LedgerStorage Prepare()
    {
        var storage = new LedgerOptions().UsePostgreSql(_database).Storage!;
        storage.Prepare();
        return storage;
    }

    protected override string Bytes(string text) => $"'\\x{Convert.ToHexString(Encoding.UTF8.GetBytes(text))}'";

    protected override void Execute(string sql) => Run(sql);

    protected override void ExecuteOnIndex(string sql) => Run(sql);

    protected override long Scalar(string sql) => Run(sql);

    private long Run(string sql)
    {
        using var connection = new NpgsqlConnection(_database);
        connection.Open();
        using var command = new NpgsqlCommand(sql, connection);
        return command.ExecuteScalar() switch
        {
            long number => number,
            int number => number,
            _ => 0,
        };
    }
}
