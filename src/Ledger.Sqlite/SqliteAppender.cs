using System.Diagnostics;
using Ledger.Actors.Storage;
using Ledger.Actors.Timing;
using Microsoft.Data.Sqlite;

namespace Ledger.Sqlite;

/// <summary>The writing connection with its prepared insert.</summary>
/// <remarks>Without a watch it writes to whatever is there.</remarks>
internal sealed class SqliteAppender(
    string connectionString, LedgerClock? clock = null, DatabaseWatch? database = null) : IJournalAppender
{
    private const int Constraint = 19;
    private const int TooBig = 18;
    private const int UniqueConstraint = 2067;

    private static readonly TimeSpan s_markEvery = TimeSpan.FromSeconds(1);

    private SqliteConnection? _connection;
    private SqliteWal? _wal;
    private SqliteDataVersion? _version;
    private int? _knownVersion;
    private long _markedAt;
    private SqliteCommand? _insert;
    private SqliteCommand? _insertId;
    private SqliteCommand? _insertGap;
    private SqliteCommand? _mark;
    private SqliteCommand? _begin;
    private SqliteCommand? _commit;
    private SqliteCommand? _rollback;

    public Task AppendAsync(IReadOnlyList<AppendRow> rows, bool isolating)
    {
        try
        {
            var insert = Open();
            var current = Begin();
            var p = insert.Parameters;
            long bytes = 0;
            for (var i = 0; i < rows.Count; i++)
            {
                var row = rows[i];
                if (current is not null && row.Generation is { } generation && generation != current)
                {
                    throw new DatabaseChangedException();
                }

                p[0].Value = row.CreatedTicks;
                p[1].Value = row.PersistenceId;
                p[2].Value = row.SequenceNr;
                p[3].Value = row.Message;
                p[4].Value = row.Manifest;
                p[5].Value = row.SerializerId;
                p[6].Value = row.WriterUuid;
                if (insert.ExecuteNonQuery() == 0)
                {
                    throw new MissingPredecessorException(row.PersistenceId, row.SequenceNr);
                }

                bytes += row.Message.Length;
                if (row.Entries is { } entries)
                {
                    InsertIds(row, entries);
                }
            }

            MarkTime();
            _commit!.ExecuteNonQuery();
            _wal!.Committed(rows.Count, bytes);
            return Task.CompletedTask;
        }
        catch (Exception e)
        {
            Abandon(e);
            return Task.FromException(e);
        }
    }

    public AppendFault Classify(Exception exception) => exception switch
    {
        SqliteException { SqliteExtendedErrorCode: UniqueConstraint } => AppendFault.Duplicate,
        SqliteException { SqliteErrorCode: Constraint or TooBig } => AppendFault.Refused,
        MissingPredecessorException => AppendFault.Lost,
        _ => AppendFault.Unknown,
    };

    public ValueTask DisposeAsync()
    {
        Close();
        return ValueTask.CompletedTask;
    }

    private SqliteCommand Open()
    {
        if (_insert is not null)
        {
            return _insert;
        }

        _connection = SqliteConnections.OpenDurable(connectionString);
        SqliteConnections.RequireDurable(_connection);
        _wal = new SqliteWal(_connection);
        _version = new SqliteDataVersion(_connection);
        _knownVersion = null;
        _begin = Command("BEGIN IMMEDIATE;");
        _commit = Command("COMMIT;");
        _rollback = Command("ROLLBACK;");
        _insert = Command("""
            INSERT INTO journal
                (created, deleted, persistence_id, sequence_number, message, manifest, identifier, writer_uuid)
            SELECT $created, 0, $id, $number, $message, $manifest, $identifier, $writer
            WHERE $number = 1 OR EXISTS (
                SELECT 1 FROM journal WHERE persistence_id = $id AND sequence_number = $number - 1);
            """);
        foreach (var name in (ReadOnlySpan<string>)
                 ["$created", "$id", "$number", "$message", "$manifest", "$identifier", "$writer"])
        {
            _insert.Parameters.Add(new SqliteParameter { ParameterName = name });
        }

        _insertId = Command(
            "INSERT OR IGNORE INTO ledger_id (id, persistence_id, sequence_number) VALUES ($id, $stream, $number);");
        foreach (var name in (ReadOnlySpan<string>)["$id", "$stream", "$number"])
        {
            _insertId.Parameters.Add(new SqliteParameter { ParameterName = name });
        }

        _insertGap = Command("""
            INSERT OR IGNORE INTO ledger_id (id, persistence_id, sequence_number)
            SELECT zeroblob(16), $stream, $number WHERE NOT EXISTS (
                SELECT 1 FROM ledger_id WHERE persistence_id = $stream AND id = $previous AND sequence_number = $row);
            """);
        foreach (var name in (ReadOnlySpan<string>)["$stream", "$number", "$previous", "$row"])
        {
            _insertGap.Parameters.Add(new SqliteParameter { ParameterName = name });
        }

        _mark = Command("""
            INSERT INTO ledger_clock (id, boot_id, uptime_us, ledger_us) VALUES (1, $boot, $uptime, $time)
            ON CONFLICT (id) DO UPDATE SET boot_id = excluded.boot_id, uptime_us = excluded.uptime_us,
                ledger_us = excluded.ledger_us;
            """);
        foreach (var name in (ReadOnlySpan<string>)["$boot", "$uptime", "$time"])
        {
            _mark.Parameters.Add(new SqliteParameter { ParameterName = name });
        }

        return _insert;
    }

    // R19 b. No other connection commits from here to the commit, so what is found holds until then. Where none has
    // committed since it was last looked, there is nothing new to find.
    private int? Begin()
    {
        while (true)
        {
            _begin!.ExecuteNonQuery();
            if (database is null)
            {
                return null;
            }

            var version = _version!.Read();
            if (version == _knownVersion)
            {
                return database.Generation;
            }

            var state = SqliteProbe.Look(_connection!, database.AcknowledgedRows());
            if (database.Loss is null && state == database.Known)
            {
                _knownVersion = version;
                return database.Generation;
            }

            // Who is told of a loss puts it on record in this file.
            _rollback!.ExecuteNonQuery();
            if (!database.Meet(state))
            {
                throw database.Loss is { } loss ? new JournalWriteException(loss) : new DatabaseChangedException();
            }
        }
    }

    // R21: by it the next process knows what its clock must show.
    private void MarkTime()
    {
        var now = Stopwatch.GetTimestamp();
        if ((_markedAt != 0 && Stopwatch.GetElapsedTime(_markedAt, now) < s_markEvery)
            || clock?.Mark(clock.Now) is not { } mark)
        {
            return;
        }

        _markedAt = now;
        var p = _mark!.Parameters;
        p[0].Value = mark.BootId;
        p[1].Value = (long)mark.Uptime.TotalMicroseconds;
        p[2].Value = mark.Time.UnixMicroseconds;
        _mark.ExecuteNonQuery();
    }

    private void InsertIds(in AppendRow row, IdEntries entries)
    {
        if (entries.Previous.SequenceNr > 0)
        {
            var gap = _insertGap!.Parameters;
            gap[0].Value = row.PersistenceId;
            gap[1].Value = row.SequenceNr;
            gap[2].Value = SqliteStatements.Id(entries.Previous.Id);
            gap[3].Value = entries.Previous.SequenceNr;
            _insertGap.ExecuteNonQuery();
        }

        var p = _insertId!.Parameters;
        p[1].Value = row.PersistenceId;
        p[2].Value = row.SequenceNr;
        for (var i = 0; i < entries.Ids.Count; i++)
        {
            p[0].Value = SqliteStatements.Id(entries.Ids[i]);
            _insertId.ExecuteNonQuery();
        }
    }

    private SqliteCommand Command(string sql)
    {
        var command = _connection!.CreateCommand();
        command.CommandText = sql;
        return command;
    }

    private void Abandon(Exception failure)
    {
        if (Classify(failure) == AppendFault.Unknown)
        {
            // Closing rolls back what is open; the next batch starts with a connection that is surely clean.
            Close();
            return;
        }

        try
        {
            _rollback!.ExecuteNonQuery();
        }
        catch (SqliteException)
        {
            Close();
        }
    }

    private void Close()
    {
        _insert?.Dispose();
        _insertId?.Dispose();
        _insertGap?.Dispose();
        _mark?.Dispose();
        _begin?.Dispose();
        _commit?.Dispose();
        _rollback?.Dispose();
        _version?.Dispose();
        _connection?.Dispose();
        _insert = _insertId = _mark = _begin = _commit = _rollback = null;
        _version = null;
        _connection = null;
    }
}
