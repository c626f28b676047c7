using Ledger.Core;
using Microsoft.Data.Sqlite;

namespace Ledger.Chaos.Checking.Tests;

/// <summary>Each rule fires on what a faulty ledger would write. The hash chains of what is forged are whole, so
/// nothing but the fault speaks against it.</summary>
public class JournalRuleTests(ScriptedRun run) : IClassFixture<ScriptedRun>
{
    [Fact]
    public async Task A_journal_that_is_copied_is_clean()
    {
        var report = await run.CheckAsync(run.Journal());
        report.Verdict.ShouldBe(Verdict.Clean, CleanRunTests.Text(report));
    }

    // ---------------------------------------------------------------- C10

    [Fact]
    public async Task Two_writers_store_the_same_row()
    {
        var journal = run.Journal();
        var row = journal.RowsOf("b").Last();
        journal.Rows.Add(new ForgedJournal.Row
        {
            Account = row.Account,
            SequenceNr = row.SequenceNr, Batch = row.Batch, Manifest = row.Manifest, Writer = "stale",
        });
        await Fires(journal, Rule.SingleWriter);
    }

    [Fact]
    public async Task A_writer_that_was_replaced_writes_on_with_the_next_number()
    {
        var journal = run.Journal();
        var last = journal.RowsOf("c").Last();
        journal.Append("c", new AccountChanged(new UnfreezeAccount("x"), last.Batch.Events[^1].At)).Writer = "new";
        journal.Append("c", new AccountChanged(new UnfreezeAccount("y"), last.Batch.Events[^1].At)).Writer = last
            .Writer;
        await Fires(journal, Rule.SingleWriter);
    }

    [Fact]
    public async Task A_row_is_missing()
    {
        var journal = run.Journal();
        journal.Rows.Remove(journal.RowsOf("b").ElementAt(2));
        await Fires(journal, Rule.SingleWriter);
    }

    [Fact]
    public async Task The_last_row_was_altered_behind_the_hash_of_a_later_one()
    {
        var journal = run.Journal();
        journal.RowsOf("b").ElementAt(3).PreviousHash = new byte[32];
        await Fires(journal, Rule.SingleWriter);
    }

    [Fact]
    public async Task A_stream_does_not_begin_with_its_own_name()
    {
        var journal = run.Journal();
        journal.RowsOf("b").First().PreviousHash = Actors.Journal.JournalCodec.GenesisHash("another");
        await Fires(journal, Rule.SingleWriter);
    }

    // ---------------------------------------------------------------- C1, C3, C5, C7

    [Fact]
    public async Task An_outcome_was_never_written_at_the_coordinator()
    {
        var journal = run.Journal();
        var (row, index, _) = journal.Find<TransactionCommitted>("a");
        row.Batch.Events.RemoveAt(index);
        Drop(journal, row);
        await Fires(journal, Rule.UnknownsSettle, Rule.Conservation);
    }

    [Fact]
    public async Task An_abort_was_lost()
    {
        var journal = run.Journal();
        var transfer = NewTransfer("c", "bank", 3);
        journal.Append("c", new TransactionPrepared(Part(transfer), LastTime(journal, "c")));
        await Fires(journal, Rule.UnknownsSettle);
    }

    [Fact]
    public async Task A_credit_is_done_again()
    {
        var journal = run.Journal();
        var (_, _, closed) = journal.Find<LastAgentCommitted>("b");
        journal.Append("b", new LastAgentCommitted(closed.Branch, LastTime(journal, "b")));
        await Fires(journal, Rule.NothingTwice);
    }

    [Fact]
    public async Task A_transfer_is_done_again_as_another_attempt()
    {
        var journal = run.Journal();
        var (_, _, closed) = journal
            .Find<LastAgentCommitted>("b", static one => one.Branch.LegCount == 1 && one.Branch.Legs[0].IsPosting);
        var again = closed.Branch with { Attempt = 9 };
        journal.Append("a", new TransactionPrepared(again, LastTime(journal, "a")));
        journal.Append("b", new LastAgentCommitted(again, LastTime(journal, "b")));
        journal.Append("a", new TransactionCommitted(
            again.Key, journal.RowsOf("a").Last().SequenceNr, LastTime(journal, "b"), LastTime(journal, "a")));
        await Fires(journal, Rule.NothingTwice);
    }

    [Fact]
    public async Task A_transfer_happens_under_an_id_that_nobody_made()
    {
        var journal = run.Journal();
        var part = Part(NewTransfer("c", "bank", 3));
        var row = journal.Append("c", new TransactionPrepared(part, LastTime(journal, "c")));
        journal.Append("bank", new LastAgentCommitted(part, LastTime(journal, "bank")));
        journal.Append(
            "c", new TransactionCommitted(part.Key, row.SequenceNr, LastTime(journal, "bank"), LastTime(journal, "c")));
        await Fires(journal, Rule.NoPhantom);
    }

    [Fact]
    public async Task The_last_agent_has_another_amount_than_the_coordinator()
    {
        var journal = run.Journal();
        var (row, index, closed) = journal
            .Find<LastAgentCommitted>("b", static one => one.Branch.LegCount == 1 && one.Branch.Legs[0].IsPosting);
        var leg = closed.Branch.Legs[0];
        row.Batch.Events[index] = new LastAgentCommitted(
            closed.Branch with { Legs = [leg with { Amount = new Amount(leg.Amount.Value + 1) }] }, closed.At);
        await Fires(journal, Rule.Atomic, Rule.Conservation);
    }

    [Fact]
    public async Task The_coordinator_commits_what_the_last_agent_has_not()
    {
        var journal = run.Journal();
        var (row, index, _) = journal.Find<LastAgentCommitted>("c", static one => one.Branch.LegCount == 1);
        row.Batch.Events.RemoveAt(index);
        Drop(journal, row);
        await Fires(journal, Rule.Atomic, Rule.NothingLost);
    }

    [Fact]
    public async Task The_coordinator_aborts_what_the_last_agent_has_committed()
    {
        var journal = run.Journal();
        var (row, index, committed) = journal.Find<TransactionCommitted>("a");
        row.Batch.Events[index] = new TransactionAborted(committed.Key, -1, TransferStatus.None, null, committed.At);
        await Fires(journal, Rule.Atomic);
    }

    [Fact]
    public async Task A_participant_was_never_asked()
    {
        var journal = run.Journal();
        var (row, index, prepared) = journal.Find<TransactionPrepared>("b", static one => one.Branch.LegCount == 3);
        row.Batch.Events.RemoveAt(index);
        var (other, at, _) = journal.Find<TransactionCommitted>("b", one => one.Key == prepared.Branch.Key);
        other.Batch.Events.RemoveAt(at);
        Drop(journal, row);
        Drop(journal, other);
        await Fires(journal, Rule.Atomic, Rule.Conservation);
    }

    // ---------------------------------------------------------------- C6, C9, C11, C12

    [Fact]
    public async Task A_limit_is_not_looked_at()
    {
        var journal = run.Journal();
        journal.Append("a", new TransactionPrepared(Part(NewTransfer("a", "b", 5000)), LastTime(journal, "a")));
        await Fires(journal, Rule.Limits);
    }

    [Fact]
    public async Task A_refusal_for_want_of_money_was_untrue()
    {
        var journal = run.Journal();
        var (row, index, rejected) = journal.Find<TransactionRejected>("a");
        var part = Part(rejected.Branch.Legs[0].Transfer! with { Amount = Amount.Of(1) });
        row.Batch.Events[index] = new TransactionRejected(part, 0, rejected.Reason, rejected.Seen, rejected.At);
        await Fires(journal, Rule.Linearizable);
    }

    [Fact]
    public async Task A_row_was_decided_on_stale_books()
    {
        var journal = run.Journal();
        var row = journal.RowsOf("a").Last();
        var stale = new EventBatch(
            row.SequenceNr, row.Batch.EntriesBefore, journal.RowsOf("a").ElementAt(2).Batch.Before);
        foreach (var happened in row.Batch.Events)
        {
            stale.Events.Add(happened);
        }

        row.Batch = stale;
        await Fires(journal, Rule.Replay);
    }

    [Fact]
    public async Task A_snapshot_is_not_the_fold()
    {
        var journal = run.Journal();
        var path = journal.Write(run.Run.NewFile("with-snapshot.db"));
        var rows = journal.RowsOf("a").ToArray();
        var snapshot = new AccountSnapshot(
            rows[^1].SequenceNr, null, default, rows[3].Batch.Before, rows[3].Batch.EntriesBefore, default, 0, default,
            false, [], []);
        await using (var connection = new SqliteConnection($"Data Source={path};Pooling=False"))
        {
            await connection.OpenAsync();
            await using var command = connection.CreateCommand();
            command.CommandText = """
                CREATE TABLE snapshot (persistence_id TEXT, sequence_number BIGINT, snapshot BLOB, manifest TEXT);
                INSERT INTO snapshot VALUES ('ledger-account-a', $nr, $bytes, 's2');
                """;
            command.Parameters.AddWithValue("$nr", rows[^1].SequenceNr);
            command.Parameters.AddWithValue("$bytes", Actors.Journal.JournalCodec.Encode(snapshot, new byte[32]));
            await command.ExecuteNonQueryAsync();
        }

        var report = await run.Run.CheckAsync(run.History().Records, path);
        report.Has(Rule.Replay).ShouldBeTrue(CleanRunTests.Text(report));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_row_is_missing_in_the_index_of_ids(bool isThere)
    {
        var journal = run.Journal();
        var id = TransferId.FromGuid(Guid.NewGuid());
        var row = journal.Append(
            "a", new TransactionPrepared(Part(NewTransfer("a", "b", 1) with { Id = id }), LastTime(journal, "a")));
        var path = journal.Write(run.Run.NewFile($"with-ids-{isThere}.db"));
        await using (var connection = new SqliteConnection($"Data Source={path};Pooling=False"))
        {
            await connection.OpenAsync();
            await using var command = connection.CreateCommand();
            command.CommandText = """
                CREATE TABLE ledger_id (id BLOB, persistence_id TEXT, sequence_number BIGINT);
                INSERT INTO ledger_id VALUES (x'00000000000000000000000000000002', '', 0), ($id, 'ledger-account-a', $nr);
                """;
            var bytes = new byte[TransferId.ByteCount];
            id.WriteBytes(bytes);
            command.Parameters.AddWithValue("$id", bytes);
            command.Parameters.AddWithValue("$nr", isThere ? row.SequenceNr : row.SequenceNr - 1);
            await command.ExecuteNonQueryAsync();
        }

        var report = await run.Run.CheckAsync(run.History().Records, path);
        report.Has(Rule.IdsIndexed).ShouldBe(!isThere, CleanRunTests.Text(report));
    }

    // Often enough for the counters to fall below zero.
    [Theory]
    [InlineData(1)]
    [InlineData(40)]
    public async Task A_hold_is_released_again(int times)
    {
        var journal = run.Journal();
        var hold = run.History()["voided hold"].Request.Transfer!.Id;
        var (_, _, prepared) = journal.Find<TransactionPrepared>(
            "a", one => one.Branch.Legs[0].Transfer!.HoldId == TransferId.FromGuid(hold));
        var leg = prepared.Branch.Legs[0];
        for (; times > 0; times--)
        {
            var again = Part(leg.Transfer! with { Id = TransferId.FromGuid(Guid.CreateVersion7()) }) with
            {
                Legs = [leg with { Transfer = leg.Transfer with { Id = TransferId.FromGuid(Guid.CreateVersion7()) } }],
            };
            var row = journal.Append("a", new TransactionPrepared(again, LastTime(journal, "a")));
            journal.Append("b", new LastAgentCommitted(again, LastTime(journal, "b")));
            journal.Append(
                "a",
                new TransactionCommitted(again.Key, row.SequenceNr, LastTime(journal, "b"), LastTime(journal, "a")));
        }

        await Fires(journal, Rule.Holds);
    }

    [Fact]
    public async Task What_an_account_pays_out_is_committed_before_what_it_had_taken_in()
    {
        var journal = run.Journal();
        var transfer = NewTransfer("c", "bank", 3);
        var part = Part(transfer);
        var early = new LedgerTime(LastTime(journal, "c").UnixMicroseconds - 60_000_000);
        var row = journal.Append("c", new TransactionPrepared(part, LastTime(journal, "c")));
        journal.Append("bank", new LastAgentCommitted(part, LastTime(journal, "bank")) { CommitTime = early });
        journal.Append("c", new TransactionCommitted(part.Key, row.SequenceNr, early, LastTime(journal, "c")));
        await Fires(journal, Rule.Cut);
    }

    [Fact]
    public async Task A_hold_expires_before_its_time()
    {
        var journal = run.Journal();
        var hold = TransferId.FromGuid(run.History()["expiring hold"].Request.Transfer!.Id);
        foreach (var row in journal.Rows)
        {
            for (var i = 0; i < row.Batch.Events.Count; i++)
            {
                row.Batch.Events[i] = row.Batch.Events[i] switch
                {
                    TransactionPrepared(var part, var at) when part.Id == hold =>
                        new TransactionPrepared(Later(part), at),
                    LastAgentCommitted(var part, var at) when part.Id == hold =>
                        new LastAgentCommitted(Later(part), at),
                    var other => other,
                };
            }
        }

        await Fires(journal, Rule.Holds);

        static TransactionBranch Later(TransactionBranch part) => part with
        {
            Legs = [part.Legs[0] with { Deadline = part.Legs[0].Deadline.Add(TimeSpan.FromHours(1)) }],
        };
    }

    private static LedgerTime LastTime(ForgedJournal journal, string account) =>
        journal.RowsOf(account).Last().Batch.Events[^1].At;

    private static Transfer NewTransfer(string debit, string credit, ulong amount) => new(
        TransferId.FromGuid(Guid.CreateVersion7()), AccountAddress.Parse(debit), AccountAddress.Parse(credit),
        Amount.Of(amount), 1);

    private static TransactionBranch Part(Transfer transfer) => new()
    {
        Id = transfer.Id, Coordinator = transfer.DebitAccount, LegCount = 1, Asked = Core.TransferContent.DigestOf(
            transfer),
        Legs = [new ResolvedLeg(0, transfer, null) { Amount = transfer.Amount }],
    };

    // A row that has lost its only event would be none; the rows behind it close up.
    private static void Drop(ForgedJournal journal, ForgedJournal.Row row)
    {
        if (row.Batch.Events.Count > 0)
        {
            return;
        }

        journal.Rows.Remove(row);
        foreach (var later in journal.RowsOf(row.Account.Text).Where(later => later.SequenceNr > row.SequenceNr))
        {
            later.SequenceNr--;
        }
    }

    private async Task Fires(ForgedJournal journal, params string[] rules)
    {
        var report = await run.CheckAsync(journal);
        report.Verdict.ShouldBe(Verdict.Violated, CleanRunTests.Text(report));
        foreach (var rule in rules)
        {
            report.Has(rule).ShouldBeTrue($"{rule}\n{CleanRunTests.Text(report)}");
        }
    }
}
