using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Ledger.Actors.Accounts;
using Ledger.Actors.Journal;
using Ledger.Core;
using Microsoft.Data.Sqlite;
using Xunit.Abstractions;

namespace Ledger.Chaos.Checking.Tests;

/// <summary>A long run is checked in little time. History and journal are made up, as a ledger without faults would
/// leave them. <c>LEDGER_CHECKER_CALLS</c> says how many calls; a million are to take less than a minute.</summary>
public sealed class ScaleTests(ITestOutputHelper output) : IDisposable
{
    private const int AccountCount = 1000;

    private readonly string directory = Directory.CreateTempSubdirectory("ledger-checking-scale-").FullName;

    public void Dispose() => Directory.Delete(directory, recursive: true);

    [Fact]
    public async Task A_long_run_is_checked_fast()
    {
        var calls = int.Parse(
            Environment.GetEnvironmentVariable("LEDGER_CHECKER_CALLS") ?? "20000", CultureInfo.InvariantCulture);
        var history = Make(calls);
        using var process = Process.GetCurrentProcess();
        var before = process.TotalProcessorTime;
        var report = await ChaosChecker.CheckAsync(history, null, CancellationToken.None);
        var text = CleanRunTests.Text(report);
        output.WriteLine(text);
        process.Refresh();

        // The processor's time, since a machine that tests does other things as well; and some for the compiler.
        var used = (process.TotalProcessorTime - before).TotalSeconds;
        output.WriteLine($"{used:0.0} s of processor time, {process.PeakWorkingSet64 >> 20} MiB at most");
        report.Verdict.ShouldBe(Verdict.Clean, text);
        used.ShouldBeLessThan(15 + (calls / 1_000_000.0 * 60));
    }

    private string Make(int calls)
    {
        var random = new Random(1);
        var journal = Path.Combine(directory, "ledger.db");
        using var connection = new SqliteConnection($"Data Source={journal};Pooling=False");
        connection.Open();
        using (var create = connection.CreateCommand())
        {
            create.CommandText = """
                PRAGMA synchronous = OFF;
                CREATE TABLE journal (
                    ordering INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, deleted BIT NOT NULL, persistence_id TEXT NOT NULL,
                    sequence_number BIGINT NOT NULL, message BLOB NOT NULL, manifest TEXT NULL, writer_uuid TEXT NULL)
                """;
            create.ExecuteNonQuery();
        }

        using var transaction = connection.BeginTransaction();
        using var insert = connection.CreateCommand();
        insert.Transaction = transaction;
        insert.CommandText =
            "INSERT INTO journal (deleted, persistence_id, sequence_number, message, manifest, writer_uuid) VALUES "
                + "(0, $id, $nr, $message, 'b1', 'w')";
        insert.Parameters.Add("$id", SqliteType.Text);
        insert.Parameters.Add("$nr", SqliteType.Integer);
        insert.Parameters.Add("$message", SqliteType.Blob);
        var path = Path.Combine(directory, "history.jsonl");
        using var writer = new StreamWriter(path) { NewLine = "\n" };
        var streams = Enumerable.Range(0, AccountCount).Select(i => new Stream(insert, $"account:{i}")).ToArray();
        Write(writer, new RunRecord
        {
            Seed = 1,
            Nodes = 1, Workload = "scale", StartTime = DateTimeOffset.UnixEpoch,
            Connection = $"Data Source={journal}",
            Accounts = [
                .. streams.Select(
                    static stream => new AccountContent { Address = stream.Address.Text, Asset = "USD/2", Code = 1 })],
        });
        long time = 1_700_000_000_000_000;
        foreach (var stream in streams)
        {
            stream.Append(
                new AccountOpened(new AccountSpec(stream.Address, Asset.Parse("USD/2"), 1), new LedgerTime(++time)));
        }

        for (var i = 0; i < calls; i++)
        {
            // A few are much busier than the others.
            var one = streams[random.Next(4) == 0 ? random.Next(4) : random.Next(AccountCount)];
            var call = new CallRecord
            {
                Process = i % 64, Op = i, Kind = CallKind.Read, Node = 0, Invoke = i * 1000L, Complete = (i * 1000L)
                    + 8500,
                Outcome = CallOutcome.Ok, Request = new CallRequest { Account = one.Address.Text },
            };
            if (random.Next(5) < 2)
            {
                Write(writer, call with { Result = one.Read() });
                continue;
            }

            var other = streams[random.Next(AccountCount)];
            while (other == one)
            {
                other = streams[random.Next(AccountCount)];
            }

            var id = Guid.CreateVersion7();
            var transfer = new Transfer(
                TransferId.FromGuid(id), one.Address, other.Address, new Amount((UInt128)random.Next(1, 1000)), 1);
            var part = new TransactionBranch
            {
                Id = transfer.Id, Coordinator = one.Address, LegCount = 1, Asked = Core.TransferContent.DigestOf(
                    transfer),
                Legs = [new ResolvedLeg(0, transfer, null) { Amount = transfer.Amount }],
            };
            var prepared = one.Append(new TransactionPrepared(part, new LedgerTime(++time)));
            one.Balances = one.Balances with { DebitsInDoubt = transfer.Amount };
            var commit = new LedgerTime(++time);
            other.Append(new LastAgentCommitted(part, commit));
            other.Balances = other.Balances with { CreditsPosted = other.Balances.CreditsPosted + transfer.Amount };
            other.Entries++;
            one.Append(new TransactionCommitted(part.Key, prepared, commit, new LedgerTime(++time)));
            one.Balances =
                one.Balances with
                {
                    DebitsInDoubt = Amount.Zero, DebitsPosted = one.Balances.DebitsPosted + transfer.Amount
                };
            one.Entries++;
            Write(writer, call with
            {
                Kind = CallKind.Transfer, Status = "CREATED",
                Request = new CallRequest
                {
                    Transfer = new TransferContent
                    {
                        Id = id,
                        Type = TransferType.Direct, Debit = one.Address.Text, Credit = other.Address.Text,
                        Amount = transfer.Amount.Value,
                        Code = 1,
                    },
                },
                Result = new CallResult { CreateTime = commit.ToDateTimeOffset(), Amount = transfer.Amount.Value },
            });
        }

        for (var i = 0; i < AccountCount; i++)
        {
            Write(writer, new CallRecord
            {
                Process = 1000, Op = calls + i, Kind = CallKind.Read, Node = 0, Invoke = (calls + 100 + i) * 1000L,
                Complete = ((calls + 100 + i) * 1000L) + 500, Outcome = CallOutcome.Ok, Final = true,
                Request = new CallRequest { Account = streams[i].Address.Text }, Result = streams[i].Read(),
            });
        }

        Write(writer, new FinalRecord { From = 0, To = 1, Finished = true, Accounts = AccountCount, Unknowns = 0 });
        transaction.Commit();
        return path;
    }

    private static void Write(StreamWriter writer, HistoryRecord record) =>
        writer.WriteLine(JsonSerializer.Serialize(record, HistoryJson.Default.HistoryRecord));

    private sealed class Stream(SqliteCommand insert, string address)
    {
        private byte[] hash = JournalCodec.GenesisHash(AccountActor.PersistenceIdPrefix + address);
        private long rows;

        public AccountAddress Address { get; } = AccountAddress.Parse(address);

        public Balances Balances { get; set; }

        public ulong Entries { get; set; }

        public long Append(AccountEvent happened)
        {
            var batch = new EventBatch(++rows, Entries, Balances);
            batch.Events.Add(happened);
            var bytes = JournalCodec.Encode(batch, hash, Address);
            hash = JournalCodec.HashOf(bytes);
            insert.Parameters[0].Value = AccountActor.PersistenceIdPrefix + Address.Text;
            insert.Parameters[1].Value = rows;
            insert.Parameters[2].Value = bytes;
            insert.ExecuteNonQuery();
            return rows;
        }

        public CallResult Read() => new()
        {
            Found = true,
            Reading = new AccountReading
            {
                Version = (ulong)rows, Balance = Balances.Balance
                    .ToString(), EntryCount = Entries, HoldCount = 0, IsClosed = false,
                Balances = new BalancesContent(0, Balances.DebitsPosted.Value, 0, Balances.CreditsPosted.Value, 0, 0),
            },
        };
    }
}
