using Ledger.Actors.Storage;
using Ledger.Sqlite;
using Microsoft.Data.Sqlite;

namespace Ledger.Storage.Tests;

public sealed class SqliteLongRowsTests : LongRowsTests, IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("ledger-long-rows-").FullName;

    private string FilePath => Path.Combine(_directory, "ledger.db");

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    protected override LedgerStorage Open() => new SqliteStorage(FilePath);

    protected override void Insert(string persistenceId, long sequenceNr, int count, int bytes)
    {
        using var connection = new SqliteConnection($"Data Source={FilePath};Pooling=False");
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = $"""
            WITH RECURSIVE n (i) AS (SELECT {sequenceNr} UNION ALL SELECT i + 1 FROM n
                WHERE i < {sequenceNr + count - 1})
            INSERT INTO journal (created, deleted, persistence_id, sequence_number, message, manifest, identifier,
                writer_uuid)
            SELECT 1, 0, '{persistenceId}', i, CAST(replace(hex(zeroblob({bytes / 2})), '0', 'x') AS BLOB), 'noted.v1',
                7654321, 'w'
            FROM n;
            """;
        command.ExecuteNonQuery();
    }
}
