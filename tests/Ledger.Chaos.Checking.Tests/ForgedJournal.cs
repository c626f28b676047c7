using Ledger.Actors.Accounts;
using Ledger.Actors.Journal;
using Ledger.Core;
using Microsoft.Data.Sqlite;

namespace Ledger.Chaos.Checking.Tests;

/// <summary>A journal that can be changed as a faulty ledger would have written it: rows are decoded, changed, and
/// written to another file with whole hash chains, so that nothing but the fault itself speaks against them.</summary>
internal sealed class ForgedJournal
{
    public required List<Row> Rows { get; init; }

    public static ForgedJournal Read(string path)
    {
        var rows = new List<Row>();
        using var connection = Open(path, SqliteOpenMode.ReadOnly);
        using var command = connection.CreateCommand();
        command.CommandText =
            "SELECT persistence_id, sequence_number, message, manifest, writer_uuid FROM journal ORDER BY ordering";
        using var reader = command.ExecuteReader();
        while (reader.Read())
        {
            var account = AccountAddress.Parse(reader.GetString(0)[AccountActor.PersistenceIdPrefix.Length..]);
            rows.Add(new Row
            {
                Account = account,
                SequenceNr = reader.GetInt64(1),
                Batch = JournalCodec.Decode((byte[])reader.GetValue(2), account, reader.GetInt64(1), out _),
                Manifest = reader.GetString(3),
                Writer = reader.GetString(4),
            });
        }

        return new ForgedJournal { Rows = rows };
    }

    public IEnumerable<Row> RowsOf(string account) => Rows.Where(row => row.Account.Text == account);

    /// <summary>The row that holds an event, the last one.</summary>
    public (Row Row, int Index, T Event) Find<T>(string account, Func<T, bool>? which = null)
        where T : AccountEvent
    {
        foreach (var row in RowsOf(account).Reverse())
        {
            for (var i = row.Batch.Events.Count - 1; i >= 0; i--)
            {
                if (row.Batch.Events[i] is T found && which?.Invoke(found) != false)
                {
                    return (row, i, found);
                }
            }
        }

        throw new InvalidOperationException($"{account} has no {typeof(T).Name}.");
    }

    /// <summary>Appends a row to an account's stream, as its last.</summary>
    public Row Append(string account, params AccountEvent[] events)
    {
        var last = RowsOf(account).Last();
        var batch = new EventBatch(last.SequenceNr + 1, 0, default);
        foreach (var happened in events)
        {
            batch.Events.Add(happened);
        }

        var row = new Row
        {
            Account = last.Account, SequenceNr = last.SequenceNr
                + 1, Batch = batch, Manifest = last.Manifest, Writer = last.Writer,
        };
        Rows.Add(row);
        return row;
    }

    /// <summary>Writes it.</summary>
    public string Write(string path)
    {
        using var connection = Open(path, SqliteOpenMode.ReadWriteCreate);
        Execute(connection, """
            CREATE TABLE journal (
                ordering INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, created BIGINT NOT NULL, deleted BIT NOT NULL,
                persistence_id NVARCHAR(255) NOT NULL, sequence_number BIGINT NOT NULL, message BLOB NOT NULL,
                manifest NVARCHAR(500) NULL, identifier INTEGER NULL, writer_uuid NVARCHAR(128) NULL)
            """);
        var hashes = new Dictionary<AccountAddress, byte[]>();
        using var transaction = connection.BeginTransaction();
        foreach (var row in Rows)
        {
            var stream = AccountActor.PersistenceIdOf(row.Account);
            var previous = row.PreviousHash ?? hashes.GetValueOrDefault(row.Account)
                ?? JournalCodec.GenesisHash(stream);
            var bytes = JournalCodec.Encode(row.Batch, previous, row.Account);
            if (row.Flip >= 0)
            {
                bytes[row.Flip % bytes.Length] ^= 1;
            }

            hashes[row.Account] = JournalCodec.HashOf(bytes);
            using var command = connection.CreateCommand();
            command.Transaction = transaction;
            command.CommandText = """
                INSERT INTO journal (created, deleted, persistence_id, sequence_number, message, manifest, identifier, writer_uuid)
                VALUES (0, 0, $id, $nr, $message, $manifest, 8140, $writer)
                """;
            command.Parameters.AddWithValue("$id", stream);
            command.Parameters.AddWithValue("$nr", row.SequenceNr);
            command.Parameters.AddWithValue("$message", bytes);
            command.Parameters.AddWithValue("$manifest", row.Manifest);
            command.Parameters.AddWithValue("$writer", row.Writer);
            command.ExecuteNonQuery();
        }

        transaction.Commit();
        return path;
    }

    private static SqliteConnection Open(string path, SqliteOpenMode mode)
    {
        var connection = new SqliteConnection(
            new SqliteConnectionStringBuilder { DataSource = path, Mode = mode, Pooling = false }.ToString());
        connection.Open();
        return connection;
    }

    private static void Execute(SqliteConnection connection, string sql)
    {
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }

    internal sealed class Row
    {
        public required AccountAddress Account { get; init; }

        public required long SequenceNr { get; set; }

        public required EventBatch Batch { get; set; }

        public required string Manifest { get; init; }

        public required string Writer { get; set; }

        public byte[]? PreviousHash { get; set; }

        /// <summary>The byte in which a bit is flipped once all is hashed; -1 for none.</summary>
        public int Flip { get; set; } = -1;
    }
}
