using System.Diagnostics;
using System.Globalization;
using Ledger.Actors.Accounts;
using Ledger.Actors.Journal;
using Ledger.Actors.Storage;
using Ledger.Tests.Shared;
using Microsoft.Data.Sqlite;
using Npgsql;
using NpgsqlTypes;

namespace Ledger.Benchmarks;

/// <summary>What an old id costs, by the length of the account's journal: retries of old transfers, and look-ups of
/// old, ended and unknown ones, as the account asks its store once its memory has none of them. The journals are put
/// there in bulk.</summary>
internal static class IdsBenchmark
{
    private const int Rounds = 41;
    private const int Short = 100_000;

    public static async Task RunAsync(Settings settings, CancellationToken cancellationToken)
    {
        foreach (var database in settings.Databases)
        {
            var shorter = await MeasureAsync(database, Short, cancellationToken);
            var longer = await MeasureAsync(database, settings.Count ?? 10_000_000, cancellationToken);
            foreach (var (name, (time, rows)) in longer)
            {
                Report.Say(string.Create(CultureInfo.InvariantCulture,
                    $"{database}: {name}: {shorter[name].Time:0.00} ms, {shorter[name].Rows} rows -> {time:0.00} ms, "
                        + $"{rows} rows: {time / shorter[name].Time:0.00} times"));
            }
        }
    }

    private static async Task<Dictionary<string, (double Time, long Rows)>> MeasureAsync(
        string database, int entries, CancellationToken cancellationToken)
    {
        var directory = Directory.CreateTempSubdirectory("ledger-ids-");
        using var server = database == "postgresql" ? new PostgresServer() : null;
        var connectionString = server?.CreateDatabase();
        var file = Path.Combine(directory.FullName, "ledger.db");
        try
        {
            var options = new LedgerOptions();
            _ = connectionString is null ? options.UseSqlite(file) : options.UsePostgreSql(connectionString);
            options.Storage!.Prepare();
            var account = AccountAddress.Parse("settlement");
            var stream = new LongStream(account, entries, DateTimeOffset.UtcNow.AddDays(-60));
            var ids = new OldIds(account, stream);
            var clock = Stopwatch.StartNew();
            if (connectionString is null)
            {
                await FillAsync(file, account, stream, cancellationToken);
            }
            else
            {
                await CopyAsync(connectionString, account, stream, cancellationToken);
            }

            Report.Say(string.Create(CultureInfo.InvariantCulture,
                $"{database}: {entries} entries in {stream.Rows} rows, put there in {clock.Elapsed.TotalSeconds:0} s"));
            await using var counted = new CountedStreams((IIndexedStreams)options.Storage.OpenStreams());
            var reader = new AccountStreamReader(counted);
            var measured = new Dictionary<string, (double, long)>(StringComparer.Ordinal);
            foreach (var (name, (asked, isThere)) in ids.Questions())
            {
                var times = new List<double>();
                long rows = 0;
                for (var round = 0; round < Rounds; round++)
                {
                    cancellationToken.ThrowIfCancellationRequested();
                    var before = counted.Rows;
                    var from = Stopwatch.GetTimestamp();
                    if (await ids.FindAsync(reader, asked) is null == isThere)
                    {
                        throw new BooksException($"{name}: found what was not there, or not what was.");
                    }

                    times.Add(Stopwatch.GetElapsedTime(from).TotalMilliseconds);
                    rows = counted.Rows - before;
                }

                times.Sort();
                measured[name] = (times[Rounds / 2], rows);
            }

            (options.Storage as IDisposable)?.Dispose();
            return measured;
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }

    private static async Task FillAsync(
        string file, AccountAddress account, LongStream stream, CancellationToken cancellationToken)
    {
        await using var connection = new SqliteConnection($"Data Source={file};Pooling=False");
        await connection.OpenAsync(cancellationToken);
        foreach (var chunk in stream.Make().Chunk(2000))
        {
            await using var transaction = connection.BeginTransaction();
            await using var insert = connection.CreateCommand();
            insert.CommandText =
                "INSERT INTO journal (created, deleted, persistence_id, sequence_number, message, manifest, "
                + "identifier, writer_uuid) VALUES (1, 0, $id, $number, $message, $manifest, 1, 'w');";
            await using var enter = connection.CreateCommand();
            enter.CommandText =
                "INSERT INTO ledger_id (id, persistence_id, sequence_number) VALUES ($entry, $id, $number);";
            foreach (var (number, bytes, entries, _) in chunk)
            {
                cancellationToken.ThrowIfCancellationRequested();
                insert.Parameters.Clear();
                insert.Parameters.AddWithValue("$id", AccountActor.PersistenceIdOf(account));
                insert.Parameters.AddWithValue("$number", number);
                insert.Parameters.AddWithValue("$message", bytes);
                insert.Parameters.AddWithValue("$manifest", LedgerSerializer.RowManifest);
                insert.ExecuteNonQuery();
                foreach (var entry in entries)
                {
                    var id = new byte[TransferId.ByteCount];
                    entry.WriteBytes(id);
                    enter.Parameters.Clear();
                    enter.Parameters.AddWithValue("$entry", id);
                    enter.Parameters.AddWithValue("$id", AccountActor.PersistenceIdOf(account));
                    enter.Parameters.AddWithValue("$number", number);
                    enter.ExecuteNonQuery();
                }
            }

            await transaction.CommitAsync(cancellationToken);
        }
    }

    private static async Task CopyAsync(
        string connectionString, AccountAddress account, LongStream stream, CancellationToken cancellationToken)
    {
        await using var connection = new NpgsqlConnection(connectionString);
        await connection.OpenAsync(cancellationToken);
        var entered = new List<(TransferId Id, long Number)>();
        await using (var copy = await connection.BeginBinaryImportAsync(
            "COPY journal (created, deleted, persistence_id, sequence_number, message, manifest, identifier, "
                + "writer_uuid) FROM STDIN (FORMAT BINARY)",
            cancellationToken))
        {
            foreach (var (number, bytes, entries, _) in stream.Make())
            {
                await copy.StartRowAsync(cancellationToken);
                await copy.WriteAsync(1L, NpgsqlDbType.Bigint, cancellationToken);
                await copy.WriteAsync(false, NpgsqlDbType.Boolean, cancellationToken);
                await copy.WriteAsync(AccountActor.PersistenceIdOf(account), NpgsqlDbType.Varchar, cancellationToken);
                await copy.WriteAsync(number, NpgsqlDbType.Bigint, cancellationToken);
                await copy.WriteAsync(bytes, NpgsqlDbType.Bytea, cancellationToken);
                await copy.WriteAsync(LedgerSerializer.RowManifest, NpgsqlDbType.Varchar, cancellationToken);
                await copy.WriteAsync(1, NpgsqlDbType.Integer, cancellationToken);
                await copy.WriteAsync("w", NpgsqlDbType.Varchar, cancellationToken);
                entered.AddRange(entries.Select(id => (id, number)));
            }

            await copy.CompleteAsync(cancellationToken);
        }

        foreach (var (id, number) in entered)
        {
            await using var command = new NpgsqlCommand(
                "INSERT INTO ledger_id (id, persistence_id, sequence_number) VALUES ($1, $2, $3)", connection)
            {
                Parameters =
                {
                    new() { Value = id.ToGuid() }, new() { Value = AccountActor.PersistenceIdOf(account) },
                    new() { Value = number },
                },
            };
            await command.ExecuteNonQueryAsync(cancellationToken);
        }

        await using var vacuum = new NpgsqlCommand("VACUUM ANALYZE journal", connection) { CommandTimeout = 300 };
        await vacuum.ExecuteNonQueryAsync(cancellationToken);
    }
}
